#include <xgrad/optim/muon.hpp>
#include <xgrad/optim/sgd.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;
using optim::Muon;

namespace {

/// p(p(…p(s))) with p(s) = a s + b s³ + c s⁵: what the iteration does to one singular value.
double driven(double s, int steps) {
  for (int i = 0; i < steps; ++i) s = 3.4445 * s - 4.7750 * s * s * s + 2.0315 * std::pow(s, 5);
  return s;
}

}  // namespace

TEST_CASE(
    "orthogonalize keeps singular vectors and drives singular values as the polynomial does") {
  // U = a rotation, V = the first axes of three: g = U diag(3, 4) Vᵀ, of norm 5.
  const double c = std::cos(0.3);
  const double s = std::sin(0.3);
  const auto of = [&](double first, double second) {
    return tensor({{c * first, -s * second, 0.}, {s * first, c * second, 0.}}, {.dtype = float64});
  };
  const Tensor expected = of(driven(0.6, 5), driven(0.8, 5));
  CHECK(allclose(optim::orthogonalize(of(3, 4)), expected, 1e-6, 1e-6));
  const Tensor tall = optim::orthogonalize(transpose(of(3, 4), 0, 1));
  CHECK(allclose(tall, transpose(expected, 0, 1), 1e-6, 1e-6));
  CHECK(driven(0.6, 5) > 0.6);
  CHECK(driven(0.6, 5) < 1.3);
  CHECK(all_finite(optim::orthogonalize(zeros({3, 2}))));
  CHECK_THROWS_AS(optim::orthogonalize(zeros({3})), ShapeError);
}

TEST_CASE("large matrices, float32 and float64 agree") {
  const Tensor g = normal({40, 300});
  CHECK(allclose(optim::orthogonalize(g.to(float32)).to(float64), optim::orthogonalize(g), 1e-3,
                 1e-4));
}

TEST_CASE("steps on a 1×1 matrix, worked out by hand") {
  const double u = driven(1 / (1 + 1e-7), 2);  // of any positive number
  Tensor x = tensor({{1.}}, {.dtype = float64, .requires_grad = true});
  SUBCASE("momentum: the direction alone counts") {
    Muon muon({x}, {.lr = 0.1, .momentum = 0.5, .steps = 2});
    x.set_grad(full({1, 1}, 3, {.dtype = float64}));
    muon.step();
    CHECK(x.item() == doctest::Approx(1 - 0.1 * u).epsilon(1e-6));
    x.set_grad(full({1, 1}, -1, {.dtype = float64}));  // v = 1.5 − 1; g + 0.5 v = −0.75
    muon.step();
    CHECK(x.item() == doctest::Approx(1).epsilon(1e-6));
    x.set_grad(full({1, 1}, -0.1, {.dtype = float64}));  // v = 0.15; −0.1 + 0.075 < 0 < v
    muon.options().nesterov = false;
    muon.step();
    CHECK(x.item() == doctest::Approx(1 - 0.1 * u).epsilon(1e-6));
  }
  SUBCASE("decay") {
    Muon muon({x}, {.lr = 0.1, .steps = 2, .weight_decay = 0.5});
    x.set_grad(ones({1, 1}, {.dtype = float64}));
    muon.step();
    CHECK(x.item() == doctest::Approx(0.95 - 0.1 * u).epsilon(1e-6));
  }
  SUBCASE("normalisation") {
    Tensor w = full({4, 1}, 3, {.dtype = float64, .requires_grad = true});
    Muon muon({w}, {.lr = 0, .normalize = true});
    w.set_grad(ones({4, 1}, {.dtype = float64}));
    muon.step();
    CHECK(allclose(w.detach(), ones({4, 1}, {.dtype = float64})));
  }
}

TEST_CASE("an optimiser goes on from its state as if it had never stopped") {
  const auto check = [](auto make) {
    const auto step = [](auto& optimizer, Tensor& p, std::uint64_t seed) {
      p.set_grad(normal({3, 4}, seed));
      optimizer.step();
    };
    Tensor x = normal({3, 4}).requires_grad_();
    auto original = make(x);
    for (std::uint64_t seed = 1; seed < 4; ++seed) step(original, x, seed);
    Tensor resumed_x = x.detach().clone().requires_grad_();
    Tensor fresh_x = x.detach().clone().requires_grad_();
    auto resumed = make(resumed_x);
    auto fresh = make(fresh_x);
    resumed.load_state_dict(original.state_dict());
    for (std::uint64_t seed = 4; seed < 6; ++seed) {
      step(original, x, seed);
      step(resumed, resumed_x, seed);
      step(fresh, fresh_x, seed);
    }
    CHECK(equal(x.detach(), resumed_x.detach()));
    CHECK_FALSE(equal(x.detach(), fresh_x.detach()));
    CHECK(message_of<ValueError>([&] {
            resumed.load_state_dict({{"velocity", zeros({2})}});
          }).find("unexpected: velocity [2]") != std::string::npos);
    CHECK(message_of<ValueError>([&] {
            resumed.load_state_dict({{original.state_dict()[0].first, zeros({2})}});
          }).find("different: velocity") != std::string::npos);
  };
  check([](const Tensor& x) { return Muon({x}, {.lr = 0.1}); });
  check([](const Tensor& x) { return optim::SGD({x}, {.lr = 0.1, .momentum = 0.9}); });
}

TEST_CASE("what Muon cannot train is an error") {
  const Tensor bias = zeros({3}, {.requires_grad = true});
  CHECK(message_of<ShapeError>([&] { Muon({bias}, {.lr = 1}); }).find("leave biases") !=
        std::string::npos);
  const Tensor x = zeros({3, 3}, {.requires_grad = true});
  CHECK_THROWS_AS(Muon({x}, {.lr = -1}), ValueError);
  CHECK_THROWS_AS(Muon({x}, {.lr = 1, .momentum = 1}), ValueError);
  CHECK_THROWS_AS(Muon({x}, {.lr = 1, .steps = 0}), ValueError);
}
