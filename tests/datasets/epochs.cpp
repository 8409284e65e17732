// What a loader brings, against a plain list of what must come: for all sizes, options, workers and
// places to go on from.

#include <xgrad/datasets/datasets.hpp>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <numeric>
#include <set>

#include "support.hpp"

using namespace support;
using namespace xgrad::datasets;

namespace {

using Numbers = std::vector<std::int64_t>;

constexpr std::uint64_t the_seed = 11;

TensorDataset numbers(std::int64_t n) { return {arange(n).to(float32).reshape({n, 1}), arange(n)}; }

/// The examples of each batch of the next epoch.
std::vector<Numbers> epoch_of(DataLoader& loader) {
  std::vector<Numbers> batches;
  for (const auto& [data, target] : loader) {
    CHECK(values(data) == values(target));
    CHECK(data.shape() == Shape{target.size(0), 1});
    batches.push_back(target.to_vector<std::int64_t>());
  }
  return batches;
}

Numbers joined(const std::vector<Numbers>& batches) {
  Numbers all;
  for (const Numbers& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  return all;
}

Numbers sorted(Numbers all) {
  std::ranges::sort(all);
  return all;
}

Numbers up_to(std::int64_t n) {
  Numbers all(static_cast<std::size_t>(n));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// An order cut into batches, from one of them on.
std::vector<Numbers> cut(const Numbers& order, std::int64_t size, bool drop_last,
                         std::int64_t first = 0) {
  std::vector<Numbers> batches;
  for (std::int64_t at = first * size; at < std::ssize(order); at += size) {
    const auto end = std::min(at + size, std::ssize(order));
    if (drop_last && end - at < size) break;
    batches.emplace_back(order.begin() + at, order.begin() + end);
  }
  return batches;
}

struct Options {
  std::int64_t examples, batch_size;
  bool shuffle, drop_last;
};

template <class F>
void for_all_options(const F& f) {
  for (const std::int64_t examples : {1, 2, 7, 8, 12})
    for (const std::int64_t size : {1, 2, 3, 4, 8, 12, 13})
      for (const bool shuffle : {false, true})
        for (const bool drop_last : {false, true}) {
          CAPTURE(examples);
          CAPTURE(size);
          CAPTURE(shuffle);
          CAPTURE(drop_last);
          f(Options{examples, size, shuffle, drop_last});
        }
}

/// The order of an epoch as one batch of all, which no other option changes.
Numbers order_of(const Options& o, std::uint64_t seed, std::int64_t epoch) {
  if (!o.shuffle) return up_to(o.examples);
  EpochSampler sampler(o.examples, o.examples, true, false);
  sampler.start(seed, epoch);
  return sampler.batch(0);
}

}  // namespace

TEST_CASE("every epoch, from any batch on, is what must come, for any number of workers") {
  for_all_options([](const Options& o) {
    const auto all = cut(up_to(o.examples), o.batch_size, o.drop_last);
    for (const int workers : {0, 1, 3}) {
      CAPTURE(workers);
      DataLoaderOptions options{.batch_size = o.batch_size,
                                .shuffle = o.shuffle,
                                .drop_last = o.drop_last,
                                .seed = the_seed,
                                .workers = workers,
                                .prefetch = workers + 1};
      if (all.empty()) {
        CHECK_THROWS_AS(DataLoader(numbers(o.examples), options), ValueError);
        continue;
      }
      DataLoader loader(numbers(o.examples), options);
      CHECK(loader.size() == std::ssize(all));
      const auto wanted = [&](std::int64_t epoch, std::int64_t first) {
        return cut(order_of(o, the_seed, epoch), o.batch_size, o.drop_last, first);
      };
      for (std::int64_t epoch = 0; epoch < 2; ++epoch) CHECK(epoch_of(loader) == wanted(epoch, 0));
      // Left early, the next one is whole.
      if (auto early = loader.begin(); true) CHECK(early->target.size(0) > 0);
      CHECK(epoch_of(loader) == wanted(3, 0));
      for (std::int64_t first = 0; first <= loader.size(); ++first) {
        CAPTURE(first);
        loader.set_epoch(5, first);
        CHECK(epoch_of(loader) == wanted(5, first));
        CHECK(epoch_of(loader) == wanted(6, 0));  // and goes on from there
      }
      CHECK_THROWS_AS(loader.set_epoch(0, loader.size() + 1), ValueError);
      CHECK_THROWS_AS(loader.set_epoch(-1), ValueError);
      CHECK_THROWS_AS(loader.set_epoch(0, -1), ValueError);
    }
  });
}

TEST_CASE("an order has every example once, and is the seed's and the epoch's alone") {
  for (const std::int64_t examples : {1, 2, 7, 30}) {
    CAPTURE(examples);
    std::set<Numbers> seen;
    for (std::uint64_t seed = 0; seed < 6; ++seed)
      for (std::int64_t epoch = 0; epoch < 6; ++epoch) {
        const Options o{examples, 1, true, false};
        const Numbers order = order_of(o, seed, epoch);
        CHECK(sorted(order) == up_to(examples));
        CHECK(order_of(o, seed, epoch) == order);
        seen.insert(order);
      }
    if (examples == 30) CHECK(seen.size() == 36);  // none of 30! twice
    if (examples == 2) CHECK(seen.size() == 2);
  }
  // Beyond 32 bits, too.
  const Options o{30, 1, true, false};
  CHECK(order_of(o, 1, 0) != order_of(o, 1 + (std::uint64_t{1} << 32), 0));
  CHECK(order_of(o, 1, 0) != order_of(o, 1, std::int64_t{1} << 32));
}

TEST_CASE("every order of four examples comes up as often") {
  std::map<Numbers, int> counts;
  constexpr int epochs = 4800;
  EpochSampler sampler(4, 4, true, false);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    sampler.start(3, epoch);
    ++counts[sampler.batch(0)];
  }
  CHECK(counts.size() == 24);
  for (const auto& order : counts) CHECK(std::abs(order.second - 200) <= 5 * 14);
}

TEST_CASE("a sampler that is started again has forgotten the epoch before") {
  EpochSampler sampler(20, 7, true, false);
  CHECK_THROWS_AS(sampler.batch(0), ValueError);
  std::vector<Numbers> first;
  for (const std::int64_t epoch : {0, 4, 0, 2, 0}) {
    sampler.start(9, epoch);
    std::vector<Numbers> batches;
    for (const std::int64_t number : {2, 0, 1}) batches.push_back(sampler.batch(number));
    CHECK(batches[0].size() == 6);
    CHECK(sorted(joined(batches)) == up_to(20));
    if (epoch == 0 && first.empty()) first = batches;
    CHECK((batches == first) == (epoch == 0));
  }
  CHECK_THROWS_AS(sampler.batch(3), ValueError);
  CHECK_THROWS_AS(sampler.batch(-1), ValueError);
}

TEST_CASE("independent batches are the seed's, the epoch's and their number's alone") {
  for (const std::int64_t size : {1, 3, 7, 8})
    for (const int workers : {0, 1, 3}) {
      CAPTURE(size);
      CAPTURE(workers);
      DataLoader loader(
          numbers(8),
          {.batch_size = size, .seed = 2, .workers = workers, .independent_batches = 20});
      CHECK(loader.size() == 20);
      IndependentSampler sampler(8, size, 20);
      const auto wanted = [&](std::int64_t epoch, std::int64_t from) {
        sampler.start(2, epoch);
        std::vector<Numbers> batches;
        for (std::int64_t number = from; number < 20; ++number)
          batches.push_back(sampler.batch(number));
        return batches;
      };
      const auto first = epoch_of(loader);
      CHECK(first == wanted(0, 0));
      CHECK(epoch_of(loader) == wanted(1, 0));
      loader.set_epoch(0, 13);
      CHECK(epoch_of(loader) == wanted(0, 13));
      if (size < 8) CHECK(wanted(0, 0) != wanted(1, 0));  // of all there is one set
      for (const Numbers& batch : first)
        CHECK(std::set(batch.begin(), batch.end()).size() == static_cast<std::size_t>(size));
    }
}

TEST_CASE("a batch that there is not is told") {
  EpochSampler epochs(8, 3, true, false);
  IndependentSampler independent(8, 3, 5);
  epochs.start(1, 0);
  independent.start(1, 0);
  for (const std::int64_t number : {-1, 3, 100})
    CHECK(message_of<ValueError>([&] { epochs.batch(number); }) ==
          "EpochSampler: no batch " + std::to_string(number) + ", there are 3");
  for (const std::int64_t number : {-1, 5, 100})
    CHECK(message_of<ValueError>([&] { independent.batch(number); }) ==
          "IndependentSampler: no batch " + std::to_string(number) + ", there are 5");
}

TEST_CASE("independent batches: every set of three out of five comes up as often") {
  std::map<Numbers, int> sets;
  std::vector<int> counts(5);
  constexpr int batches = 4000;
  IndependentSampler sampler(5, 3, batches);
  sampler.start(1, 0);
  for (int number = 0; number < batches; ++number) {
    const Numbers batch = sampler.batch(number);
    ++sets[sorted(batch)];
    for (const auto example : batch) ++counts[static_cast<std::size_t>(example)];
  }
  CHECK(sets.size() == 10);
  for (const auto& set : sets) CHECK(std::abs(set.second - 400) <= 5 * 19);
  for (const int count : counts) CHECK(std::abs(count - 2400) <= 5 * 31);
}

TEST_CASE("subsets and splits bring their own examples, through any loader") {
  const TensorDataset all = numbers(12);
  const Numbers chosen{11, 3, 3, 0, 7};
  const Subset part(all, chosen);
  for (const int workers : {0, 3})
    for (const bool shuffle : {false, true}) {
      CAPTURE(workers);
      CAPTURE(shuffle);
      DataLoader loader(part, {.batch_size = 2, .shuffle = shuffle, .seed = 4, .workers = workers});
      Numbers wanted;
      for (const auto i : order_of({5, 2, shuffle, false}, 4, 0))
        wanted.push_back(chosen[static_cast<std::size_t>(i)]);
      CHECK(epoch_of(loader) == cut(wanted, 2, false));
      // A subset of a subset.
      DataLoader inner(Subset(part, {4, 1}), {.batch_size = 2, .workers = workers});
      CHECK(epoch_of(inner) == std::vector<Numbers>{{7, 3}});
    }
  for (const std::vector<std::int64_t>& sizes :
       {std::vector<std::int64_t>{12}, {5, 7}, {0, 12, 0}, {4, 4, 4}}) {
    Numbers found;
    const auto parts = random_split(all, sizes, 8);
    REQUIRE(parts.size() == sizes.size());
    for (std::size_t i = 0; i < parts.size(); ++i) {
      CHECK(parts[i].size() == sizes[i]);
      for (std::int64_t k = 0; k < sizes[i]; ++k)
        found.push_back(parts[i][k].target.item<std::int64_t>());
    }
    CHECK(sorted(found) == up_to(12));
    CHECK(found != up_to(12));
  }
}

TEST_CASE("an augmentation is told seed, epoch and the number of each example") {
  const auto told = [](const Tensor& data, const Draw& draw) {
    Numbers all;
    for (std::int64_t i = 0; i < data.size(0); ++i)
      all.push_back(draw.examples[static_cast<std::size_t>(i)] + 100 * draw.epoch +
                    10'000 * static_cast<std::int64_t>(draw.seed));
    CHECK(std::ssize(draw.examples) == data.size(0));
    return from_vector(all);
  };
  for (const int workers : {0, 1, 3})
    for (const bool shuffle : {false, true}) {
      CAPTURE(workers);
      CAPTURE(shuffle);
      DataLoader loader(
          numbers(10),
          {.batch_size = 4, .shuffle = shuffle, .seed = 6, .workers = workers, .augment = told});
      loader.set_epoch(2, 1);
      for (const std::int64_t epoch : {2, 3})
        for (const auto& [data, target] : loader)
          CHECK(values(data) == values(target + (100 * epoch + 60'000)));
    }
}

TEST_CASE("two readers of one loader have epochs of their own") {
  DataLoader loader(numbers(9), {.batch_size = 2, .shuffle = true, .seed = 5, .workers = 2});
  auto one = loader.begin();
  auto two = loader.begin();
  std::vector<Numbers> first, second;
  for (; one != loader.end(); ++one, ++two) {
    first.push_back(one->target.to_vector<std::int64_t>());
    second.push_back(two->target.to_vector<std::int64_t>());
  }
  CHECK(two == loader.end());
  CHECK(first == cut(order_of({9, 2, true, false}, 5, 0), 2, false));
  CHECK(second == cut(order_of({9, 2, true, false}, 5, 1), 2, false));
  CHECK_THROWS_AS(++two, ValueError);
}
