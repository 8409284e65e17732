// Forking while other threads are inside operations: the child finds every lock open.

#include "fork.hpp"

#include <xgrad/autograd/profiler.hpp>

#include <atomic>
#include <functional>
#include <thread>

#include "support.hpp"

using namespace support;

namespace {

/// Takes each of the library's locks, over and over, on a thread of its own.
class Busy {
 public:
  explicit Busy(std::function<void()> work)
      : thread_([this, work = std::move(work)] {
          while (!done_) work();
        }) {}
  ~Busy() {
    done_ = true;
    thread_.join();
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("a process forked while other threads compute can do all that they did") {
  const int before = num_threads();
  set_num_threads(1);
  const Tensor leaf = ones({64}, {.requires_grad = true});
  const auto allocate = [] { Tensor::empty({1000}); };
  const auto draw = [] { default_generator().next(); };
  const auto differentiate = [&] { (leaf * 1).sum().backward(); };
  const auto hook = [&] { leaf.register_hook([](const Tensor& g) { return g; }).remove(); };
  const auto profile = [] {
    profiler::start();
    profiler::stop();
  };
  {
    const Busy allocating(allocate), drawing(draw), differentiating(differentiate), hooking(hook),
        profiling(profile);
    int failures = 0;
    for (int round = 0; round < 40 && failures == 0; ++round)
      failures += in_child([&] {
                    for (int i = 0; i < 3; ++i) {
                      allocate();
                      draw();
                      differentiate();
                      hook();
                    }
                    return 0;
                  }) != 0;
    CHECK(failures == 0);
  }
  set_num_threads(before);
}
