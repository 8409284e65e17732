// A training step in its steady state asks the system for nothing: counted where it would ask.

#include <xgrad/autograd/sanitized.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/sgd.hpp>

#include <atomic>

#include "support.hpp"
#include <sys/resource.h>

using namespace support;

#ifndef XGRAD_SANITIZED

namespace {

std::atomic<long> mallocs{0};

}  // namespace

// glibc's own, which it offers for this; malloc is replaced for this program alone.
extern "C" void* __libc_malloc(std::size_t);  // NOLINT
extern "C" void* malloc(std::size_t bytes) {  // NOLINT
  mallocs.fetch_add(1, std::memory_order_relaxed);
  return __libc_malloc(bytes);
}

namespace {

struct Counts {
  long mallocs;
  long page_faults;
  std::int64_t blocks_from_system;
};

Counts counts() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto pool = memory::statistics();
  return {mallocs, usage.ru_minflt, pool.allocations - pool.cache_hits};
}

/// What `steps` training steps ask for, after those that warm up: the first few, and others where a
/// thread helped for the first time after them.
Counts asked_by(nn::Module& net, const Tensor& x, const Tensor& labels, int steps) {
  optim::SGD optimizer(net.parameters(), {.lr = 0.01, .momentum = 0.9, .weight_decay = 1e-4});
  const auto step = [&] {
    optimizer.zero_grad();
    cross_entropy(net(x), labels).backward();
    optimizer.step();
  };
  for (int i = 0; i < 10; ++i) step();
  Counts asked{};
  for (int attempt = 0; attempt < 5; ++attempt) {
    const Counts before = counts();
    for (int i = 0; i < steps; ++i) step();
    const Counts after = counts();
    asked = {after.mallocs - before.mallocs, after.page_faults - before.page_faults,
             after.blocks_from_system - before.blocks_from_system};
    if (asked.blocks_from_system == 0 && asked.page_faults < 5 && asked.mallocs == 0) break;
  }
  return asked;
}

}  // namespace

TEST_CASE("layers of matrix products: no malloc, no page fault, no new block") {
  nn::Sequential net{nn::Linear{64, 128}, nn::ReLU{}, nn::Linear{128, 10}};
  net.to(float64);  // oneDNN, which multiplies float32, allocates by itself
  const Counts asked = asked_by(net, normal({32, 64}), zeros({32}, {.dtype = int64}), 50);
  CHECK(asked.mallocs == 0);
  CHECK(asked.page_faults < 5);  // fresh memory would fault hundreds of times a step
  CHECK(asked.blocks_from_system == 0);
}

TEST_CASE("layers of convolutions: no page fault, no new block") {
  nn::Sequential net{nn::Conv2d{3, 16, 3, {.padding = 1}},
                     nn::BatchNorm2d{16},
                     nn::ReLU{},
                     nn::MaxPool2d{2},
                     nn::Conv2d{16, 32, 3, {.padding = 1}},
                     nn::ReLU{},
                     nn::Flatten{},
                     nn::Linear{32 * 8 * 8, 10}};
  const Tensor images = normal({16, 3, 16, 16}).to(float32);
  const Counts asked = asked_by(net, images, zeros({16}, {.dtype = int64}), 50);
  CHECK(asked.page_faults < 5);  // fresh memory would fault hundreds of times a step
  CHECK(asked.blocks_from_system == 0);
  MESSAGE("oneDNN's own mallocs a step: ", static_cast<double>(asked.mallocs) / 50);
}

TEST_CASE("the counters count") {
  const Counts before = counts();
  CHECK(std::make_unique<std::vector<int>>(1000)->size() == 1000);
  CHECK(counts().mallocs >= before.mallocs + 2);
}

#endif
