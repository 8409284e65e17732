// Threads that help with loops: who computes what is open, what is computed is not. Runs under the
// thread sanitizer as well.

#include <xgrad/autograd/parallel.hpp>
#include <xgrad/nn/nn.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "at_once.hpp"
#include "support.hpp"

using namespace support;

namespace {

/// What threads call it.
class Seen {
 public:
  void operator()() {
    const std::lock_guard lock(mutex_);
    ids_.insert(std::this_thread::get_id());
  }
  const std::set<std::thread::id>& ids() const { return ids_; }

 private:
  std::mutex mutex_;
  std::set<std::thread::id> ids_;
};

/// Whether it comes true within a minute.
bool comes(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!condition() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return condition();
}

}  // namespace

TEST_CASE("every part is computed once, however many threads share out loops") {
  const Threads three(3);
  std::atomic<int> wrong = 0;
  at_once([&](int) {
    for (int round = 0; round < 300; ++round) {
      const int parts = 2 + round % 5;
      std::vector<std::atomic<int>> calls(static_cast<std::size_t>(parts));
      detail::parallel_parts(100, parts, [&](int part, std::int64_t begin, std::int64_t end) {
        calls[static_cast<std::size_t>(part)] += static_cast<int>(end - begin);
      });
      int sum = 0;
      for (const auto& count : calls) sum += count;
      if (sum != 100) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("helpers come, and are as many as set_num_threads says, with the caller") {
  const Threads three(3);
  Seen seen;
  // Help may be held back for a while, where a machine does other work.
  CHECK(comes([&] {
    detail::parallel_parts(20, 20, [&](int, std::int64_t, std::int64_t) {
      seen();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    return seen.ids().size() >= 3;
  }));
  CHECK(seen.ids().size() == 3);
  CHECK(seen.ids().contains(std::this_thread::get_id()));
}

TEST_CASE("where as many threads lead loops as may compute, nobody helps them") {
  const Threads four(threads);
  std::atomic<int> leading = 0;
  std::atomic<bool> looked = false;
  Seen seen;
  std::thread fifth([&] {
    if (!comes([&] { return leading == threads; })) return;
    detail::parallel_parts(100, 100, [&](int, std::int64_t, std::int64_t) { seen(); });
    looked = true;
  });
  const auto own = fifth.get_id();
  at_once([&](int) {
    detail::parallel_parts(2, 2, [&](int part, std::int64_t, std::int64_t) {
      if (part > 0) return;
      ++leading;
      comes([&] { return looked.load(); });
    });
  });
  fifth.join();
  CHECK(seen.ids() == std::set{own});
}

TEST_CASE("results are the same bits, however many threads compute at once") {
  const Threads three(3);
  manual_seed(1);
  const Tensor images = rand({6, 3, 16, 16}), labels = tensor({0, 1, 2, 3, 4, 5});
  const nn::Sequential net{nn::Conv2d{3, 32, 3, {.padding = 1}},
                           nn::ReLU{},
                           nn::Conv2d{32, 32, 3, {.padding = 1}},
                           nn::Conv2d{32, 16, 5},
                           nn::MaxPool2d{2},
                           nn::Flatten{},
                           nn::Linear{16 * 36, 1000}};
  const auto compute = [&] {
    nn::Sequential own = nn::clone(net);
    const Tensor y = own(images);
    cross_entropy(y, labels).backward();
    std::vector<Tensor> results{y.detach()};
    for (const Tensor& x : own.parameters()) results.push_back(x.grad());
    return results;
  };
  const std::vector<Tensor> expected = compute();
  std::atomic<int> wrong = 0;
  at_once([&](int) {
    for (int round = 0; round < 5; ++round) {
      const std::vector<Tensor> results = compute();
      for (std::size_t i = 0; i < results.size(); ++i)
        if (!equal(results[i], expected[i])) ++wrong;
    }
  });
  CHECK(wrong == 0);
}

TEST_CASE("parts inside parts are computed by the thread that comes to them") {
  const Threads three(3);
  std::atomic<int> elsewhere = 0;
  detail::parallel_parts(6, 6, [&](int, std::int64_t, std::int64_t) {
    const auto own = std::this_thread::get_id();
    detail::parallel_for(1000, 1, [&](std::int64_t begin, std::int64_t end) {
      if (std::this_thread::get_id() != own || begin != 0 || end != 1000) ++elsewhere;
    });
  });
  CHECK(elsewhere == 0);
}

TEST_CASE("an exception in a part of a loop comes to the caller, the first part's") {
  const Threads four(4);
  const auto message = [](std::int64_t from) {
    return message_of<std::runtime_error>([&] {
      detail::parallel_for(4, 1, [&](std::int64_t begin, std::int64_t) {
        if (begin >= from) throw std::runtime_error("part at " + std::to_string(begin));
      });
    });
  };
  for (int round = 0; round < 100; ++round) {
    CHECK(message(0) == "part at 0");
    CHECK(message(2) == "part at 2");
    CHECK(message(4).empty());
  }
}
