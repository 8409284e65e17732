// Independent graphs on different threads at once. Runs under the thread sanitizer as well.

#include <atomic>
#include <thread>

#include "support.hpp"

using namespace support;

TEST_CASE("threads build and differentiate graphs of their own") {
  constexpr int threads = 4;
  std::vector<double> results(threads);
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&results, t] {
      for (int round = 0; round < 50; ++round) {
        const Tensor x = full({8, 8}, 1.0 + t, {.dtype = float64, .requires_grad = true});
        const Tensor y = matmul(x, x).tanh() + exp(x * 0.1);
        const Tensor g = grad(y.sum(), x, {.create_graph = true});
        g.square().sum().backward();
        results[static_cast<std::size_t>(t)] = x.grad().sum().item();
      }
    });
  for (auto& thread : pool) thread.join();
  for (int t = 0; t < threads; ++t) {
    const Tensor x = full({8, 8}, 1.0 + t, {.dtype = float64, .requires_grad = true});
    const Tensor y = matmul(x, x).tanh() + exp(x * 0.1);
    grad(y.sum(), x, {.create_graph = true}).square().sum().backward();
    CHECK(results[static_cast<std::size_t>(t)] ==
          doctest::Approx(x.grad().sum().item()).epsilon(1e-12));
  }
}

TEST_CASE("threads share a constant network: each has its own gradients") {
  const Tensor w = normal({16, 16}).requires_grad_();
  std::atomic<int> wrong = 0;
  const Tensor x = normal({4, 16}, 2);
  const Tensor expected = grad(cross_entropy(linear(x, w), tensor({1, 2, 3, 4})), w);
  std::vector<std::thread> pool;
  for (int t = 0; t < 4; ++t)
    pool.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        const Tensor g = grad(cross_entropy(linear(x, w), tensor({1, 2, 3, 4})), w);
        if (!allclose(g, expected)) ++wrong;
      }
    });
  for (auto& thread : pool) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("recording is switched off on one thread alone") {
  const NoGradGuard guard;
  bool enabled = false;
  std::thread([&] { enabled = is_grad_enabled(); }).join();
  CHECK(enabled);
}

TEST_CASE("random numbers come to many threads without loss") {
  Generator generator(1);
  std::vector<std::thread> pool;
  for (int t = 0; t < 4; ++t)
    pool.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) generator.next();
    });
  for (auto& thread : pool) thread.join();
  Generator alone(1);
  for (int i = 0; i < 4000; ++i) alone.next();
  CHECK(generator.next() == alone.next());
}
