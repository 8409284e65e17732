// Signals that come while kernels compute: no bit may change, and no kernel may have its stack
// pointer where the system would destroy something by putting a handler's frame there.
// XGRAD_STRESS=100 computes a hundred times as long.

#include <xgrad/xgrad.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "support.hpp"
#include <pthread.h>
#include <ucontext.h>

using namespace support;

namespace {

volatile std::sig_atomic_t arrived = 0;
volatile std::sig_atomic_t elsewhere = 0;
std::uintptr_t lowest = 0, highest = 0;  // of the main thread's stack

// Uses far more of the stack than the 128 bytes below the stack pointer that a function may use.
void scribble(int) {
  volatile char room[4096];
  for (std::size_t i = 0; i < sizeof room; i += 64) room[i] = static_cast<char>(0xab);
  arrived = arrived + 1;
}

void look([[maybe_unused]] int signal, siginfo_t*, [[maybe_unused]] void* context) {
#ifdef __x86_64__
  const auto at = static_cast<std::uintptr_t>(
      static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP]);
  if (at < lowest || at > highest) elsewhere = elsewhere + 1;
#endif
  arrived = arrived + 1;
}

void find_stack() {
  pthread_attr_t attributes;
  void* start = nullptr;
  std::size_t size = 0;
  REQUIRE(pthread_getattr_np(pthread_self(), &attributes) == 0);
  pthread_attr_getstack(&attributes, &start, &size);
  pthread_attr_destroy(&attributes);
  lowest = reinterpret_cast<std::uintptr_t>(start);
  highest = lowest + size;
}

/// Sends SIGUSR1 to this process every 20 microseconds while it lives.
class Storm {
 public:
  explicit Storm(struct sigaction action) {
    arrived = 0;
    elsewhere = 0;
    action.sa_flags |= SA_RESTART;
    sigaction(SIGUSR1, &action, &before_);
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0);
    const timespec step{0, 20'000};
    const itimerspec both{step, step};
    timer_settime(timer_, 0, &both, nullptr);
  }
  ~Storm() {
    timer_delete(timer_);
    // One may wait still for a thread that is busy, and would end the program: ignoring drops it.
    struct sigaction ignored {};
    ignored.sa_handler = SIG_IGN;
    sigaction(SIGUSR1, &ignored, nullptr);
    sigaction(SIGUSR1, &before_, nullptr);
  }
  Storm(const Storm&) = delete;
  Storm& operator=(const Storm&) = delete;

 private:
  struct sigaction before_ {};
  timer_t timer_{};
};

struct Case {
  std::string name;
  std::function<Tensor()> compute;
};

void add_products(std::vector<Case>& cases, DType dtype, std::int64_t m, std::int64_t k,
                  std::int64_t n) {
  const Tensor a = randn({m, k}).to(dtype), b = randn({k, n}).to(dtype);
  const Tensor at = transpose(a, 0, 1).clone(), bt = transpose(b, 0, 1).clone();
  const std::string sizes = xgrad::to_string(Shape{m, k, n}) + " " + std::string(name(dtype));
  cases.push_back({"product " + sizes, [=] { return matmul(a, b); }});
  cases.push_back({"linear " + sizes, [=] { return linear(a, bt); }});
  cases.push_back({"gradient " + sizes, [=] { return matmul(transpose(at, 0, 1), b); }});
}

void add_convolutions(std::vector<Case>& cases, std::int64_t in, std::int64_t out,
                      std::int64_t size, std::int64_t window) {
  const Tensor x = randn({8, in, size, size}), w = randn({out, in, window, window});
  const Tensor y = conv2d(x, w);
  const std::string sizes = xgrad::to_string(Shape{in, out, size, window});
  cases.push_back({"conv2d " + sizes, [=] { return conv2d(x, w); }});
  cases.push_back({"conv2d_input " + sizes, [=] { return conv2d_input(y, w, x.shape()); }});
  cases.push_back({"conv2d_weight " + sizes, [=] { return conv2d_weight(x, y, w.shape()); }});
}

/// All kinds of kernels; products around the inner sizes at which oneDNN's change.
std::vector<Case> all_cases() {
  manual_seed(1);
  std::vector<Case> cases;
  for (const std::int64_t k : {40, 41, 84, 85, 252, 253, 784})
    add_products(cases, float32, 64, k, 48);
  add_products(cases, float32, 500, 784, 10);
  add_products(cases, float32, 1, 3000, 64);
  add_products(cases, float64, 64, 300, 48);
  add_convolutions(cases, 1, 16, 28, 5);
  add_convolutions(cases, 16, 32, 14, 3);
  add_convolutions(cases, 7, 9, 11, 3);
  const Tensor x = randn({16, 32, 14, 14}), gain = randn({32}), shift = randn({32});
  cases.push_back({"gelu", [=] { return gelu(x); }});
  cases.push_back({"log_softmax", [=] { return log_softmax(x, -1); }});
  cases.push_back({"sum", [=] { return sum(x, {0, 2, 3}); }});
  cases.push_back({"max_pool2d", [=] { return max_pool2d(x, 2); }});
  return cases;
}

/// Computes each case again and again under signals.
template <class Check>
void under_signals(struct sigaction action, const Check& check) {
  using Clock = std::chrono::steady_clock;
  const char* const setting = std::getenv("XGRAD_STRESS");
  const int factor = setting == nullptr ? 1 : std::atoi(setting);
  const NoGradGuard no_grad;
  long total = 0;
  for (const Case& each : all_cases()) {
    CAPTURE(each.name);
    const Tensor alone = each.compute();
    const Storm storm(action);
    const auto until = Clock::now() + factor * std::chrono::milliseconds(20);
    do check(alone, each.compute());
    while (Clock::now() < until || arrived < 100 * factor);
    total += arrived;
  }
  MESSAGE(total, " signals");
}

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == float64
             ? std::ranges::equal(a.to_vector<double>(), b.to_vector<double>())
             : std::memcmp(a.data<float>(), b.data<float>(),
                           sizeof(float) * static_cast<std::size_t>(a.numel())) == 0;
}

}  // namespace

TEST_CASE("a signal's handler finds every kernel on its thread's own stack") {
  const Threads one(1);
  find_stack();
  static char room[1 << 17];  // for the handler's frame
  stack_t other{}, before{};
  other.ss_sp = room;
  other.ss_size = sizeof room;
  REQUIRE(sigaltstack(&other, &before) == 0);
  struct sigaction action {};
  action.sa_sigaction = look;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  under_signals(action, [](const Tensor&, const Tensor&) { REQUIRE(elsewhere == 0); });
  sigaltstack(&before, nullptr);
}

TEST_CASE("signals change no bit of what a kernel computes") {
  for (const int count : {1, 2}) {
    CAPTURE(count);
    const Threads threads(count);
    struct sigaction action {};
    action.sa_handler = scribble;
    under_signals(
        action, [](const Tensor& alone, const Tensor& again) { REQUIRE(same_bits(alone, again)); });
  }
}
