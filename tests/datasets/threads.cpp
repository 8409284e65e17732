// Loaders on several threads, and in a forked process. Runs under the thread sanitizer as well.

#include <xgrad/datasets/archive.hpp>
#include <xgrad/datasets/datasets.hpp>

#include <atomic>
#include <set>

#include "at_once.hpp"
#include "fork.hpp"
#include "support.hpp"

using namespace support;

namespace {

datasets::TensorDataset numbers(std::int64_t count) {
  return {arange(count).to(float32), arange(count)};
}

}  // namespace

TEST_CASE("several threads read epochs of one loader, each an epoch of its own") {
  datasets::DataLoader loader(numbers(100),
                              {.batch_size = 8, .shuffle = true, .seed = 1, .workers = 2});
  constexpr int epochs = 10;
  std::set<std::vector<std::int64_t>> expected;
  for (int epoch = 0; epoch < threads * epochs; ++epoch)
    expected.insert(loader.begin()->target.to_vector<std::int64_t>());
  loader.set_epoch(0);
  std::vector<std::vector<std::vector<std::int64_t>>> first(threads);
  std::atomic<int> wrong = 0;
  at_once([&](int t) {
    for (int epoch = 0; epoch < epochs; ++epoch) {
      std::int64_t sum = 0;
      bool begun = false;
      for (const auto& batch : loader) {
        if (!std::exchange(begun, true))
          first[static_cast<std::size_t>(t)].push_back(batch.target.to_vector<std::int64_t>());
        sum += batch.target.sum().item<std::int64_t>();
      }
      if (sum != 99 * 100 / 2) ++wrong;
    }
  });
  CHECK(wrong == 0);
  std::set<std::vector<std::int64_t>> seen;
  for (const auto& batches : first) seen.insert(batches.begin(), batches.end());
  CHECK(seen == expected);
}

TEST_CASE("a loader and its iterator say where they cannot go on") {
  datasets::DataLoader loader(numbers(4), {.batch_size = 2});
  auto last = loader.begin();
  ++last;
  ++last;
  CHECK(last == loader.end());
  CHECK(message_of<ValueError>([&] { ++last; }) ==
        "DataLoader: the iterator is at its end already");
  const std::string moved = "dataset: used after it was moved from";
  const datasets::DataLoader taken = std::move(loader);
  CHECK(message_of<ValueError>([&] { loader.begin(); }) == moved);
  CHECK(message_of<ValueError>([&] { loader.size(); }) == moved);
  CHECK(message_of<ValueError>([&] { loader.dataset(); }) == moved);
  CHECK(message_of<ValueError>([&] { loader.set_epoch(0); }) == moved);
  datasets::ImageDataset images({1, 1, 1, 1, {0}, {0}}, {"a"});
  const datasets::ImageDataset kept = std::move(images);
  CHECK(message_of<ValueError>([&] { images.size(); }) ==
        "ImageDataset: used after it was moved from");
  CHECK_THROWS_AS(images.images(), ValueError);
  CHECK_THROWS_AS(images[0], ValueError);
}

TEST_CASE("empty functions are refused where they are given") {
  CHECK(message_of<ValueError>([] {
          datasets::transforms::compose({datasets::transforms::scale(1), {}});
        }) == "compose: transform 1 is empty");
  CHECK(message_of<ValueError>([] { datasets::augment::compose({{}}); }) ==
        "compose: augmentation 0 is empty");
  CHECK(message_of<ValueError>([] { datasets::read_tar("none", 1, {}, {}); }) ==
        "read_tar: a function is empty");
  CHECK(datasets::transforms::compose({})(ones({1})).item() == 1);
}

// The thread sanitizer starts no threads in a forked process.
#if !defined(__SANITIZE_THREAD__)

TEST_CASE("a forked process leaves its parent's epochs and begins its own") {
  datasets::DataLoader loader(numbers(100), {.batch_size = 1, .workers = 3, .prefetch = 2});
  auto begun = loader.begin();
  for (int round = 0; round < 20; ++round)
    CHECK(in_child([&] {
            set_num_threads(1);
            const std::string message = message_of<Error>([&] { ++begun; });
            begun = loader.end();
            if (message !=
                "DataLoader: this epoch began before the process was forked, and its workers "
                "stayed with the parent; begin another")
              return 1;
            std::int64_t sum = 0;
            for (const auto& batch : loader) sum += batch.target.sum().item<std::int64_t>();
            return sum == 99 * 100 / 2 ? 0 : 2;
          }) == 0);
  int rest = 0;
  for (; begun != loader.end(); ++begun) ++rest;
  CHECK(rest == 100);
}

#endif
