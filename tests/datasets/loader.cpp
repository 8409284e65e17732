// Batches and their order; runs under the thread sanitizer as well.

#include <xgrad/datasets/loader.hpp>

#include <algorithm>
#include <set>

#include "support.hpp"

using namespace support;
using namespace xgrad::datasets;

namespace {

TensorDataset numbers(std::int64_t n) { return {arange(n).to(float32).reshape({n, 1}), arange(n)}; }

std::vector<std::vector<double>> epoch(DataLoader& loader) {
  std::vector<std::vector<double>> batches;
  for (const auto& [data, target] : loader) {
    CHECK(values(data) == values(target));
    batches.push_back(values(target));
  }
  return batches;
}

}  // namespace

TEST_CASE("every example once an epoch, the last batch smaller or left out") {
  DataLoader loader(numbers(10), {.batch_size = 4});
  CHECK(loader.size() == 3);
  CHECK(epoch(loader) == std::vector<std::vector<double>>{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
  DataLoader full_only(numbers(10), {.batch_size = 4, .drop_last = true});
  CHECK(epoch(full_only).size() == 2);
  for (const bool drop : {false, true}) {  // full ones stay, the last one too
    DataLoader full(numbers(8), {.batch_size = 4, .drop_last = drop});
    CHECK(full.size() == 2);
    CHECK(epoch(full) == std::vector<std::vector<double>>{{0, 1, 2, 3}, {4, 5, 6, 7}});
  }
  DataLoader shuffled(numbers(100), {.batch_size = 7, .shuffle = true, .seed = 1});
  std::set<double> seen;
  for (const auto& batch : epoch(shuffled)) seen.insert(batch.begin(), batch.end());
  CHECK(seen.size() == 100);
}

TEST_CASE("the order depends on the seed and the epoch, not on the number of threads") {
  std::vector<std::vector<std::vector<double>>> first;
  for (const int workers : {0, 1, 2, 5}) {
    DataLoader loader(
        numbers(50),
        {.batch_size = 4, .shuffle = true, .seed = 9, .workers = workers, .prefetch = 3});
    const auto one = epoch(loader);
    const auto two = epoch(loader);
    CHECK(one != two);
    first.push_back(one);
    loader.set_epoch(0);
    CHECK(epoch(loader) == one);
  }
  for (const auto& order : first) CHECK(order == first[0]);
  DataLoader other(numbers(50), {.batch_size = 4, .shuffle = true, .seed = 10});
  CHECK(epoch(other) != first[0]);
}

TEST_CASE("an order is a seed's for ever: trainings of earlier versions can be repeated") {
  using Order = std::vector<std::int64_t>;
  struct Case {
    std::uint64_t seed;
    std::int64_t epoch;
    Order shuffled, independent;
  };
  constexpr std::uint64_t far = std::uint64_t{1} << 32;
  for (const Case& c : {Case{7, 0, {9, 0, 6, 3, 4, 2, 7, 8, 1, 5}, {18, 4, 17, 76, 61}},
                        {7, 1, {1, 3, 0, 8, 6, 7, 4, 9, 2, 5}, {65, 66, 59, 45, 3}},
                        {7 + far, 0, {1, 5, 7, 9, 2, 6, 8, 4, 0, 3}, {9, 83, 14, 8, 72}}}) {
    EpochSampler one(10, 10, true, false);
    one.start(c.seed, c.epoch);
    CHECK(one.batch(0) == c.shuffled);
    IndependentSampler other(100, 5, 3);
    other.start(c.seed, c.epoch);
    CHECK(other.batch(2) == c.independent);
  }
}

TEST_CASE("without a seed the default generator decides") {
  manual_seed(5);
  DataLoader a(numbers(50), {.batch_size = 4, .shuffle = true});
  manual_seed(5);
  DataLoader b(numbers(50), {.batch_size = 4, .shuffle = true});
  CHECK(epoch(a) == epoch(b));
}

TEST_CASE("independent batches repeat nothing within, and may between") {
  DataLoader loader(numbers(20), {.batch_size = 16, .seed = 1, .independent_batches = 30});
  const auto batches = epoch(loader);
  CHECK(batches.size() == 30);
  std::vector<int> counts(20);
  for (const auto& batch : batches) {
    CHECK(std::set(batch.begin(), batch.end()).size() == 16);
    for (double x : batch) ++counts[static_cast<std::size_t>(x)];
  }
  for (int count : counts) CHECK(std::abs(count - 24) < 12);
  CHECK(epoch(loader) != batches);
}

TEST_CASE("leaving an epoch early is no harm") {
  DataLoader loader(numbers(1000), {.batch_size = 2, .workers = 3});
  for (int round = 0; round < 20; ++round)
    for (const auto& batch : loader)
      if (batch.target.data<std::int64_t>()[0] >= 10) break;
  CHECK(epoch(loader).size() == 500);
}

TEST_CASE("an error while a batch is prepared comes out where it is fetched") {
  struct Broken : Dataset {
    std::int64_t size() const override { return 10; }
    Batch batch(std::span<const std::int64_t> indices) const override {
      if (indices[0] == 4) throw IOError("example 4 is damaged");
      return {zeros({1}), zeros({1})};
    }
  };
  for (const int workers : {0, 2}) {
    DataLoader loader(Broken{}, {.batch_size = 1, .workers = workers});
    int good = 0;
    const auto message = message_of<IOError>([&] {
      for (const auto& batch : loader) good += batch.data.defined() ? 1 : 0;
    });
    CHECK(message == "example 4 is damaged");
    CHECK(good == 4);
  }
}

TEST_CASE("wrong options are told") {
  CHECK_THROWS_AS(DataLoader(numbers(3), {.batch_size = 0}), ValueError);
  CHECK_THROWS_AS(DataLoader(numbers(3), {.batch_size = 4, .drop_last = true}), ValueError);
  CHECK_THROWS_AS(DataLoader(numbers(3), {.batch_size = 1, .workers = -1}), ValueError);
  CHECK_THROWS_AS(DataLoader(Subset(numbers(3), {}), {.batch_size = 1}), ValueError);
  CHECK(message_of<ValueError>([] {
          DataLoader(numbers(3), {.batch_size = 4, .independent_batches = 2});
        }).find("without replacement") != std::string::npos);
}
