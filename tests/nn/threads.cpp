// One net on several threads. Runs under the thread sanitizer as well.

#include <xgrad/nn/nn.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "at_once.hpp"
#include "support.hpp"

using namespace support;

TEST_CASE("backward passes of several threads through one layer add up") {
  constexpr int rounds = 500;
  nn::Linear layer{64, 64};
  const Tensor x = rand({8, 64});
  layer(x).sum().backward();
  const std::vector<Tensor> once{layer.weight.grad().clone(), layer.bias.grad().clone()};
  layer.zero_grad();
  at_once([&](int) {
    for (int round = 0; round < rounds; ++round) layer(x).sum().backward();
  });
  // Positive terms: each of the additions is off by one rounding of the sum at most.
  CHECK(allclose(layer.weight.grad(), once[0] * (threads * rounds), threads * rounds * 0x1p-24, 0));
  CHECK(equal(layer.bias.grad(), once[1] * (threads * rounds)));  // whole numbers
}

TEST_CASE("several threads call one net") {
  nn::Sequential net{nn::Linear{16, 32}, nn::ReLU{}, nn::BatchNorm1d{32}, nn::Linear{32, 4}};
  net.eval();
  const Tensor x = rand({8, 16});
  const Tensor expected = net(x).detach();
  std::atomic<int> wrong = 0;
  at_once([&](int) {
    for (int round = 0; round < 100; ++round)
      if (!equal(net(x).detach(), expected)) ++wrong;
  });
  CHECK(wrong == 0);
}

TEST_CASE("guards on several threads leave every mode as it was") {
  nn::Sequential net{nn::Linear{4, 4}, nn::Dropout{0.5}, nn::Sequential{nn::ReLU{}, nn::ReLU{}}};
  net.child(1).eval();
  std::atomic<int> wrong = 0;
  at_once([&](int) {
    for (int round = 0; round < 200; ++round) {
      const nn::EvalGuard guard(net);
      if (net.is_training() || net.child(2).is_training()) ++wrong;
      net(ones({1, 4}));
    }
  });
  CHECK(wrong == 0);
  CHECK(net.is_training());
  CHECK_FALSE(net.child(1).is_training());
  CHECK(net.child(2).is_training());

  auto first = std::make_unique<nn::EvalGuard>(net);
  auto second = std::make_unique<nn::EvalGuard>(net);
  first.reset();  // not the order of scopes
  CHECK_FALSE(net.is_training());
  second.reset();
  CHECK(net.is_training());
}

TEST_CASE("forward hooks come and go while a net is called") {
  nn::Linear layer{4, 4};
  const Tensor x = ones({1, 4});
  std::atomic<int> calls = 0;
  at_once([&](int t) {
    for (int round = 0; round < 200; ++round) {
      if (t < 2) {
        layer(x);
        continue;
      }
      HookHandle handle = layer.register_forward_hook(
          [&calls, owned = std::vector<int>(100)](const auto&, const Tensor&, const Tensor&) {
            calls += owned[0] + 1;
          });
      std::this_thread::yield();
      handle.remove();
    }
  });
  const int before = calls;
  layer(x);
  CHECK(calls == before);
}
