// What several threads may do at once. Runs under the thread sanitizer as well.

#include <xgrad/autograd/profiler.hpp>

#include <atomic>
#include <cmath>
#include <functional>
#include <thread>

#include "at_once.hpp"
#include "support.hpp"

using namespace support;

TEST_CASE("threads build and differentiate graphs of their own") {
  std::vector<double> results(threads);
  at_once([&](int t) {
    for (int round = 0; round < 50; ++round) {
      const Tensor x = full({8, 8}, 1.0 + t, {.dtype = float64, .requires_grad = true});
      const Tensor y = matmul(x, x).tanh() + exp(x * 0.1);
      const Tensor g = grad(y.sum(), x, {.create_graph = true});
      g.square().sum().backward();
      results[static_cast<std::size_t>(t)] = x.grad().sum().item();
    }
  });
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
  at_once([&](int) {
    for (int round = 0; round < 50; ++round) {
      const Tensor g = grad(cross_entropy(linear(x, w), tensor({1, 2, 3, 4})), w);
      if (!allclose(g, expected)) ++wrong;
    }
  });
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
  at_once([&](int) {
    for (int i = 0; i < 1000; ++i) generator.next();
  });
  Generator alone(1);
  for (int i = 0; i < 4000; ++i) alone.next();
  CHECK(generator.next() == alone.next());
}

TEST_CASE("backward passes of several threads add up in one leaf") {
  constexpr int rounds = 500;
  const Tensor exact = zeros({64}, {.requires_grad = true});
  const Tensor rounded = zeros({64}, {.requires_grad = true});
  const Tensor factor = rand({64});
  at_once([&](int t) {
    for (int round = 0; round < rounds; ++round) {
      (exact * (t + 1)).sum().backward();
      (rounded * factor).sum().backward();
    }
  });
  // Whole numbers below 2^24 are added without rounding, in any order.
  CHECK(equal(exact.grad(), full({64}, 5000.)));
  // So many additions are off by that many roundings of the sum at most.
  const Tensor all = factor * (threads * rounds);
  CHECK(allclose(rounded.grad(), all, threads * rounds * 0x1p-24, 0));
}

TEST_CASE("a leaf's gradient may be read and replaced while passes add to it") {
  Tensor x = zeros({16}, {.requires_grad = true});
  std::atomic<int> torn = 0;
  at_once([&](int t) {
    for (int round = 0; round < 500; ++round) {
      if (t < 2) (x * 1).sum().backward();
      if (t == 2) {
        const Tensor seen = x.grad();
        // Each pass adds 1 everywhere.
        if (seen.defined() && !equal(seen, full({16}, seen.to_vector<float>()[0]))) ++torn;
        x.set_name(x.name() + "x");
      }
      if (t == 3) x.set_grad(round % 2 == 0 ? Tensor() : zeros({16}));
    }
  });
  CHECK(torn == 0);
  CHECK(x.name() == std::string(500, 'x'));
}

TEST_CASE("several passes run over one graph at once") {
  const Tensor x = full({8}, 3., {.requires_grad = true});
  const Tensor y = (exp(x * 0) * x * x).sum();
  at_once([&](int) {
    for (int round = 0; round < 200; ++round) y.backward({}, {.retain_graph = true});
  });
  CHECK(equal(x.grad(), full({8}, threads * 200 * 6.)));
}

TEST_CASE("passes that come while another frees their graph are told") {
  const std::string freed = "backward: the graph at ";
  for (int round = 0; round < 200; ++round) {
    const Tensor x = full({8}, 3., {.requires_grad = true});
    Tensor y = x;
    for (int i = 0; i < 5; ++i) y = y * x;
    y = y.sum();
    std::atomic<int> strange = 0;
    at_once([&](int t) {
      try {
        y.backward({}, {.retain_graph = t % 2 == 0});
      } catch (const GraphError& error) {
        if (!std::string(error.what()).starts_with(freed)) ++strange;
      }
    });
    CHECK(strange == 0);
    CHECK_THROWS_AS(y.backward(), GraphError);
  }
}

TEST_CASE("a pass inside a rule's own hook finds the graph taken, and the outer one goes on") {
  const Tensor x = tensor({2.}, {.requires_grad = true});
  Tensor y = x * x;
  std::string inner;
  y.grad_fn()->register_hook([&](std::vector<Tensor>&, std::span<const Tensor>) {
    inner = message_of<GraphError>([&] { y.backward(); });
  });
  y.backward();
  CHECK(inner ==
        "backward: the graph at mul [1] was freed by an earlier backward pass; give that pass "
        "{.retain_graph = true}, or compute the result again");
  CHECK(x.grad().item() == 4);
}

TEST_CASE("a result that keeps its gradient may go while a pass adds to it") {
  for (int round = 0; round < 100; ++round) {
    const Tensor x = full({8}, 3., {.requires_grad = true});
    std::vector<Tensor> kept(threads);
    Tensor sum = zeros({});
    for (Tensor& y : kept) {
      y = x * 2;
      y.retain_grad();
      sum = sum + y.sum();
    }
    at_once([&](int t) {
      sum.backward({}, {.retain_graph = true});
      kept[static_cast<std::size_t>(t)] = {};
    });
    CHECK(equal(x.grad(), full({8}, 2. * threads * threads)));
  }
}

TEST_CASE("hooks come and go while passes run") {
  const Tensor x = zeros({8}, {.requires_grad = true});
  const Tensor y = x * 1;
  std::atomic<int> calls = 0;
  at_once([&](int t) {
    for (int round = 0; round < 200; ++round) {
      if (t < 2) {
        y.sum().backward({}, {.retain_graph = true});
        continue;
      }
      const auto count = [&, owned = std::vector<int>(100)](const auto&...) {
        calls += owned[0] + 1;
      };
      HookHandle of_leaf = x.register_hook([count](const Tensor& g) {
        count();
        return g;
      });
      HookHandle of_node = y.grad_fn()->register_hook(
          [count](std::vector<Tensor>&, std::span<const Tensor>) { count(); });
      std::this_thread::yield();
      of_leaf.remove();
      of_node.remove();
    }
  });
  CHECK(equal(x.grad(), full({8}, 400.)));
  const int before = calls;
  y.sum().backward();
  CHECK(calls == before);
}

TEST_CASE("a generator is seeded while others draw from it") {
  Generator generator(1);
  at_once([&](int t) {
    for (std::uint64_t i = 0; i < 1000; ++i)
      t == 0 ? generator.set_state({i, i}) : void(generator.next());
  });
  CHECK(generator.seed() == 999);
}

TEST_CASE("the profiler starts and stops while operations run") {
  std::atomic<bool> done = false;
  std::thread computing([&] {
    const Tensor x = ones({16, 16});
    while (!done) matmul(x, x);
  });
  for (int round = 0; round < 50; ++round) {
    profiler::start();
    const Tensor x = ones({16, 16});
    matmul(x, x);
    const auto profile = profiler::stop();
    CHECK_FALSE(profile.events.empty());
    for (const auto& event : profile.events) CHECK(event.start >= 0);
  }
  done = true;
  computing.join();
}

TEST_CASE("the number of threads changes while operations run") {
  const int before = num_threads();
  const Tensor x = rand({200, 200});
  const Tensor expected = matmul(x, x);
  const double sum = x.to(float64).sum().item();
  std::atomic<int> wrong = 0;
  at_once([&](int t) {
    for (int round = 0; round < 50; ++round) {
      if (t == 0) set_num_threads(1 + round % 4);
      if (!allclose(matmul(x, x), expected)) ++wrong;
      if (std::abs(x.to(float64).sum().item() - sum) > 1e-9 * sum) ++wrong;
    }
  });
  set_num_threads(before);
  CHECK(wrong == 0);
}
