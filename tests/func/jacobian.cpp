// Matrices of derivatives against closed forms, differences and each other.

#include <xgrad/func/jacobian.hpp>
#include <xgrad/func/jvp.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;

namespace {

constexpr Strategy strategies[] = {Strategy::automatic, Strategy::reverse_mode,
                                   Strategy::forward_mode};

/// Σ 100 (x[i+1] − x[i]²)² + (1 − x[i])²
Tensor rosenbrock(const Tensor& x) {
  const std::int64_t n = x.size(0);
  const Tensor a = x.slice(0, 0, n - 1), b = x.slice(0, 1, n);
  return (100 * (b - a * a).square() + (1 - a).square()).sum();
}

/// Its second derivatives, as worked out by hand.
Tensor rosenbrock_hessian(const std::vector<double>& x) {
  const auto n = static_cast<std::int64_t>(x.size());
  const Tensor H = zeros({n, n}, {.dtype = float64});
  double* const h = H.mutable_data<double>();
  for (std::int64_t i = 0; i + 1 < n; ++i) {
    const double a = x[static_cast<std::size_t>(i)], b = x[static_cast<std::size_t>(i + 1)];
    h[i * n + i] += 1200 * a * a - 400 * b + 2;
    h[(i + 1) * n + i + 1] += 200;
    h[i * n + i + 1] -= 400 * a;
    h[(i + 1) * n + i] -= 400 * a;
  }
  return H;
}

/// The loss of a 784-64-10 network in its input.
struct Digits {
  Tensor w1 = normal({64, 784}, 11) * 0.05, b1 = normal({64}, 12) * 0.1;
  Tensor w2 = normal({10, 64}, 13) * 0.2, b2 = normal({10}, 14) * 0.1;
  Tensor label = tensor({3});

  Tensor scores(const Tensor& x) const {
    return linear(tanh(linear(x.reshape({1, 784}), w1, b1)), w2, b2);
  }
  Tensor loss(const Tensor& x) const { return cross_entropy(scores(x), label); }
};

}  // namespace

TEST_CASE("a jacobian has the shape of the result and then that of the input") {
  const Tensor a = normal({2, 3}), b = normal({3, 4}, 2);
  const auto f = [&](const Tensor& x) { return matmul(x, b); };
  for (const Strategy strategy : strategies) {
    const Tensor J = jacobian(f, a, {.strategy = strategy});
    REQUIRE(J.shape() == Shape{2, 4, 2, 3});
    for (std::int64_t i = 0; i < 2; ++i)
      for (std::int64_t j = 0; j < 4; ++j)
        for (std::int64_t k = 0; k < 2; ++k)
          for (std::int64_t l = 0; l < 3; ++l)
            CHECK(J[i][j][k][l].item() == (i == k ? b[l][j].item() : 0));
    CHECK_FALSE(J.requires_grad());
  }
}

TEST_CASE("of several results in several tensors there is a block for each pair") {
  const auto f = [](const Tensor& x, const Tensor& y) {
    return std::vector<Tensor>{x * y.sum(), exp(y).sum()};
  };
  const Tensor x = normal({2}), y = normal({3}, 2);
  for (const Strategy strategy : strategies) {
    const auto J = jacobian(f, {x, y}, {.strategy = strategy});
    REQUIRE(J.size() == 2);
    REQUIRE(J[0].size() == 2);
    CHECK(allclose(J[0][0], eye(2, {}, {.dtype = float64}) * y.sum(), 1e-14));
    CHECK(allclose(J[0][1], x.unsqueeze(1).expand({2, 3}), 1e-14));
    CHECK(J[1][0].shape() == Shape{2});
    CHECK(values(J[1][0]) == std::vector<double>{0, 0});
    CHECK(allclose(J[1][1], exp(y), 1e-14));
  }
  // A list on one side alone is a list.
  const auto by_result = jacobian([&](const Tensor& t) { return f(t, y); }, x);
  CHECK(by_result.size() == 2);
  CHECK(by_result[0].shape() == Shape{2, 2});
  const auto by_input =
      jacobian([&](const Tensor& s, const Tensor& t) { return f(s, t)[0]; }, {x, y});
  CHECK(by_input.size() == 2);
  CHECK(by_input[1].shape() == Shape{2, 3});
}

TEST_CASE("the automatic strategy takes the mode of fewer passes") {
  int backward = 0;
  // A rule that counts the passes through it.
  const auto counted = [&](const Tensor& x) {
    const Tensor y = no_grad([&] { return x * 1; });
    return record("counted", y, wrt(x, [&backward](const Tensor& dy) {
                    ++backward;
                    return dy * 1;
                  }));
  };
  jacobian([&](const Tensor& x) { return counted(x).sum(); }, normal({50}));
  CHECK(backward == 1);
  backward = 0;
  jacobian([&](const Tensor& x) { return counted(x).expand({50}) * 1; }, normal({1}));
  CHECK(backward == 1);
}

TEST_CASE("nothing to differentiate, and nothing that depends") {
  const Tensor none = zeros({0}, {.dtype = float64});
  for (const Strategy strategy : strategies) {
    CHECK(jacobian([](const Tensor& x) { return x * 2; }, none, {.strategy = strategy}).shape() ==
          Shape{0, 0});
    CHECK(jacobian([](const Tensor& x) { return x.sum(); }, none, {.strategy = strategy}).shape() ==
          Shape{0});
    const auto constant = [](const Tensor& x) { return x.detach() * 2; };
    const Tensor x = normal({2});
    CHECK(values(jacobian(constant, x, {.strategy = strategy})) == std::vector<double>{0, 0, 0, 0});
    CHECK(message_of<GraphError>([&] {
            jacobian(constant, x, {.strict = true, .strategy = strategy});
          }) == "jacobian: result 0 does not depend on tensor 0, which .strict forbids");
    CHECK(values(hessian([](const Tensor& t) { return t.sum(); }, x, {.strategy = strategy})) ==
          std::vector<double>{0, 0, 0, 0});
  }
}

TEST_CASE("Rosenbrock in 100 variables: the hessian against the closed form") {
  const Tensor x = uniform({100}, -1.5, 1.5, 7);
  const Tensor expected = rosenbrock_hessian(values(x));
  for (const Strategy strategy : strategies) {
    const Tensor H = hessian(rosenbrock, x, {.strategy = strategy});
    REQUIRE(H.shape() == Shape{100, 100});
    // Sums of a few products of numbers up to 1200: their roundings.
    CHECK(allclose(H, expected, 1e-13, 1e-10));
  }
  const Tensor v = normal({100}, 8);
  const auto [y, Hv] = hvp(rosenbrock, x, v);
  CHECK(y.item() == doctest::Approx(rosenbrock(x).item()).epsilon(1e-15));
  CHECK(allclose(Hv, mv(expected, v), 1e-12, 1e-9));
  const auto [z, vH] = vhp(rosenbrock, x, v);
  CHECK(z.item() == y.item());
  CHECK(allclose(vH, mv(expected, v), 1e-12, 1e-9));
  CHECK_FALSE(Hv.requires_grad());
  CHECK_FALSE(y.requires_grad());
}

TEST_CASE("a hessian in several tensors is blocks, the transposes of each other") {
  const auto f = [](const Tensor& w, const Tensor& b) {
    return (matmul(w, b).square() * sin(b).sum()).sum();
  };
  const Tensor w = normal({2, 3}), b = normal({3}, 2);
  const auto H = hessian(f, {w, b});
  REQUIRE(H.size() == 2);
  CHECK(H[0][1].shape() == Shape{2, 3, 3});
  CHECK(allclose(H[1][0].permute({1, 2, 0}), H[0][1], 1e-12));
  const auto both = hessian(f, {w, b}, {.strategy = Strategy::reverse_mode});
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j) CHECK(allclose(H[i][j], both[i][j], 1e-12));
  const std::vector<Tensor> v{normal({2, 3}, 3), normal({3}, 4)};
  const auto [y, product] = hvp(f, {w, b}, v);
  const auto [z, other] = vhp(f, {w, b}, v);
  CHECK(y.item() == z.item());
  for (std::size_t i = 0; i < 2; ++i) CHECK(allclose(product[i], other[i], 1e-12));
  CHECK(allclose(product[1], (H[1][0] * v[0]).sum({1, 2}) + mv(H[1][1], v[1]), 1e-12));
}

TEST_CASE("jacobian and hessian of a 784-64-10 network in its input") {
  const Digits net;
  const Tensor x = uniform({784}, 0, 1, 5);
  const Tensor J = jacobian([&](const Tensor& t) { return net.scores(t); }, x);
  REQUIRE(J.shape() == Shape{1, 10, 784});
  const Tensor gradient = jacobian([&](const Tensor& t) { return net.loss(t); }, x);
  REQUIRE(gradient.shape() == Shape{784});
  // softmax − onehot, through J
  const Tensor slope = softmax(net.scores(x), 1) - one_hot(net.label, 10).to(float64);
  CHECK(allclose(gradient, matmul(slope, J[0])[0], 1e-12, 1e-15));

  const Tensor H = hessian([&](const Tensor& t) { return net.loss(t); }, x);
  REQUIRE(H.shape() == Shape{784, 784});
  CHECK(allclose(H, H.t(), 1e-11, 1e-14));
  constexpr double eps = 1e-5;
  for (const std::int64_t k : {0, 100, 391, 783}) {
    CAPTURE(k);
    const Tensor e = one_hot(tensor(k), 784).to(float64);
    const auto loss = [&](const Tensor& t) { return net.loss(t); };
    CHECK(allclose(H[k], hvp(loss, x, e).product, 1e-12, 1e-15));
    const Tensor difference =
        (jacobian(loss, x + eps * e) - jacobian(loss, x - eps * e)) / (2 * eps);
    // Rounding of a gradient of about 0.1 over 2 ε, and ε² times a fourth derivative.
    CHECK(allclose(H[k], difference, 0, 1e-10));
  }
}

TEST_CASE("what is found is on the tape where that is asked for, to any order") {
  const auto f = [](const Tensor& x) { return (x.square() * x).sum(); };
  const Tensor x = normal({3}).requires_grad_();
  for (const Strategy strategy : strategies) {
    const Tensor H = hessian(f, x, {.create_graph = true, .strategy = strategy});
    REQUIRE(H.requires_grad());
    CHECK(allclose(grad(H.sum(), x), full({3}, 6., {.dtype = float64}), 1e-12));
    const auto J = [&](const Tensor& t) {
      return jacobian([](const Tensor& s) { return sin(s) * s.sum(); }, t,
                      {.create_graph = true, .strategy = strategy});
    };
    CHECK(gradcheck(J, {normal({3})}));
    // Third derivatives, as the jacobian of a hessian.
    const Tensor third = jacobian(
        [&](const Tensor& t) {
          return hessian(f, t, {.create_graph = true, .strategy = strategy});
        },
        x.detach());
    CHECK(third.shape() == Shape{3, 3, 3});
    CHECK(third.sum().item() == doctest::Approx(18));
  }
  CHECK(gradcheck(
      [&](const Tensor& t) {
        return hvp([](const Tensor& s) { return sin(s.square()).sum(); }, t, normal({3}, 2),
                   {.create_graph = true})
            .product;
      },
      {normal({3})}));
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("float32, the caller's tensors and grad mode stay as they are") {
  const Tensor x = ones({2}).requires_grad_();
  const NoGradGuard guard;
  const Tensor H = hessian([](const Tensor& t) { return exp(t).sum(); }, x);
  CHECK(H.dtype() == float32);
  CHECK(H[0][0].item() == doctest::Approx(std::exp(1.)));
  CHECK_FALSE(is_grad_enabled());
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("what has no second derivatives is told") {
  const Tensor x = normal({2});
  CHECK(message_of<ShapeError>([&] { hessian([](const Tensor& t) { return t; }, x); }) ==
        "hessian: the function gives [2]; second derivatives are of one value, those of more are a "
        "jacobian() of the gradient");
  CHECK(message_of<ValueError>([&] { hessian([](const Tensor&) { return Tensor(); }, x); }) ==
        "hessian: result 0 is undefined");
  CHECK(message_of<ValueError>([&] {
          hvp([](const Tensor& t) { return std::vector<Tensor>{t.sum(), t.sum()}; }, x, x);
        }) == "hvp: the function gives 2 tensors; it must give one value");
  CHECK(message_of<DTypeError>([&] { vhp([](const Tensor& t) { return t.argmax(); }, x, x); }) ==
        "vhp: result 0 is int64, which has no derivative");
  CHECK(message_of<ShapeError>([&] {
          vhp([](const Tensor& t) { return t.sum(); }, x, normal({3}));
        }) == "vhp: direction 0 has shape [3], its tensor [2]");
  CHECK(message_of<DTypeError>([&] { jacobian([](const Tensor& t) { return t; }, tensor({1})); }) ==
        "jacobian: tensor 0 is int64, which has no derivative");
  CHECK(message_of<DTypeError>([&] { jacobian([](const Tensor& t) { return t > 0; }, x); }) ==
        "jacobian: result 0 is bool, which has no derivative");
  CHECK(message_of<GraphError>([&] {
          hessian([](const Tensor& s, const Tensor& t) { return s.sum() + t.detach().sum(); },
                  {x, x}, {.strict = true});
        }) == "hessian: the function does not depend on tensor 1, which .strict forbids");
  CHECK(message_of<GraphError>([&] {
          hessian([](const Tensor& s, const Tensor& t) { return (s * s).sum() + (t * t).sum(); },
                  {x, x}, {.strict = true});
        }) == "hessian: result 1 does not depend on tensor 0, which .strict forbids");
}
