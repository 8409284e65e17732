// How many threads operations use: on any thread, by the environment, and in a forked process.

#include <xgrad/autograd/sanitized.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/optim/sgd.hpp>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <thread>

#include "support.hpp"
#include <signal.h>
#include <sys/wait.h>

#ifdef _OPENMP
#include <omp.h>
#endif

using namespace support;

namespace {

std::ptrdiff_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

/// Something of every kind that uses threads, large enough that it would.
void compute() {
  const Tensor square = rand({400, 400});
  matmul(square, square);
  matmul(square.to(float64), square.to(float64));
  softmax(square, 1);
  nn::init::whitening_(Tensor::empty({54, 3, 3, 3}), rand({8, 3, 16, 16}));

  datasets::DataLoader loader(
      datasets::TensorDataset{rand({32, 3, 16, 16}), zeros({32}, {.dtype = int64})},
      {.batch_size = 16});
  // Few channels, a 5x5 window and many channels each go to another kernel.
  nn::Sequential net{nn::Conv2d{3, 32, 3, {.padding = 1}},
                     nn::BatchNorm2d{32},
                     nn::ReLU{},
                     nn::Conv2d{32, 32, 3, {.padding = 1}},
                     nn::Conv2d{32, 16, 5, {.padding = 2}},
                     nn::MaxPool2d{2},
                     nn::Flatten{},
                     nn::Linear{16 * 8 * 8, 10}};
  optim::SGD optimizer(net.parameters(), {.lr = 0.1, .momentum = 0.9});
  for (const auto& [images, labels] : loader) {
    optimizer.zero_grad();
    const Tensor twice = images * 1.0;
    cross_entropy(net(twice) + net(images), labels).backward();
    optimizer.step();
  }
}

/// The threads that a product of matrices starts.
[[maybe_unused]] int threads_led(DType dtype) {
  const Tensor square = rand({400, 400}, {.dtype = dtype});
  const auto before = threads_of_this_process();
  matmul(square, square);
  return static_cast<int>(threads_of_this_process() - before);
}

/// What `f` gives in a forked process, at most 255; −1 if it does not end within a minute.
int in_child(const std::function<int()>& f) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(f());
  for (int i = 0; i < 6000; ++i) {
    int status = 0;
    if (waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return -1;
}

/// Runs the test case `name` of this program, which is skipped otherwise, with `variable` set.
int run_with(const std::string& variable, const std::string& name) {
  const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string filter = "--test-case=" + name;
  return in_child([&] {
    execlp("env", "env", variable.c_str(), program.c_str(), "--no-skip", filter.c_str(), nullptr);
    return 127;
  });
}

}  // namespace

TEST_CASE("one thread is one on every thread") {
  const Threads one(1);
  std::ptrdiff_t started = -1;
  std::thread([&] {
    const auto before = threads_of_this_process();
    compute();
    started = threads_of_this_process() - before;
  }).join();
  CHECK(started == 0);
}

// The sanitizers' own allocators are not open in a process forked beside busy threads.
#ifndef XGRAD_SANITIZED

TEST_CASE("so many threads are so many on every thread") {
  const Threads four(4);
  // By oneDNN, by our own kernel; each in a process of its own, which has no threads yet.
  for (const DType dtype : {float32, float64})
    CHECK(in_child([&] {
            int led = -1;
            std::thread([&] { led = threads_led(dtype); }).join();
            return led;
          }) == 3);
}

#endif

#ifdef _OPENMP

TEST_CASE("OpenMP's own setting stays as it is") {
  const int before = omp_get_max_threads();
  {
    const Threads five(5);
    compute();
    CHECK(omp_get_max_threads() == before);
    const kernels::SerialScope serial;
    CHECK(omp_get_max_threads() == 1);
  }
  CHECK(omp_get_max_threads() == before);
}

#endif

TEST_CASE("a forked process has threads of its own") {
  const Threads three(3);
  compute();
  REQUIRE(threads_of_this_process() >= 3);
  CHECK(in_child([] {
          compute();
          return static_cast<int>(threads_of_this_process());
        }) == 3);
  CHECK(in_child([] {
          set_num_threads(1);
          compute();
          return static_cast<int>(threads_of_this_process());
        }) == 1);
  CHECK(in_child([] {
          int led = 0;
          std::thread([&] { led = threads_led(float32); }).join();
          return led;
        }) == 2);
}

TEST_CASE("a process forked before it computed has threads like any other") {
  const Threads three(3);
  int led = 0;
  std::thread([&] { led = in_child([] { return threads_led(float32); }); }).join();
  CHECK(led == 2);
}

TEST_CASE("with one thread by the environment" * doctest::skip()) {
  CHECK(num_threads() == 1);
  compute();
  CHECK(threads_of_this_process() == 1);
}

TEST_CASE("with no number of threads by the environment" * doctest::skip()) {
  const std::string setting = std::getenv("XGRAD_NUM_THREADS");
  const std::string expected = "XGRAD_NUM_THREADS: '" + setting + "' is not a number of threads";
  CHECK(message_of<ValueError>([] { num_threads(); }) == expected);
  CHECK(message_of<ValueError>([] { matmul(ones({2, 2}), ones({2, 2})); }) == expected);
}

TEST_CASE("XGRAD_NUM_THREADS") {
  CHECK(run_with("XGRAD_NUM_THREADS=1", "with one thread by the environment") == 0);
  for (const char* wrong : {"abc", "0", "-1", "2x", "", " ", "1.5", "99999999999"})
    CHECK(run_with("XGRAD_NUM_THREADS=" + std::string(wrong),
                   "with no number of threads by the environment") == 0);
}
