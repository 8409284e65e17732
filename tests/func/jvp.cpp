// Forward mode by itself; each operation's is checked in tests/ops/table.cpp.

#include <xgrad/func/jvp.hpp>

#include "support.hpp"

using namespace support;

namespace {

Tensor wide(std::initializer_list<double> numbers) {
  return from_vector(std::vector<double>(numbers));
}

}  // namespace

TEST_CASE("jvp gives the result and its change along a direction") {
  const Tensor x = wide({1, 2}), v = wide({3, -1});
  const auto [y, dy] = jvp([](const Tensor& t) { return t * t * t; }, x, v);
  CHECK(values(y) == std::vector<double>{1, 8});
  CHECK(values(dy) == std::vector<double>{9, -12});
  CHECK_FALSE(y.requires_grad());
  CHECK_FALSE(dy.requires_grad());
}

TEST_CASE("several arguments and several results, some of which depend on nothing") {
  const Tensor a = wide({2, 3}), b = wide({5, 7}), va = wide({1, 0}), vb = wide({0, 2});
  const auto f = [](const Tensor& s, const Tensor& t) {
    return std::vector<Tensor>{s * t, s.sum(), tensor({1., 2.}), t};
  };
  const auto found = jvp(f, {a, b}, {va, vb});
  REQUIRE(found.tangent.size() == 4);
  CHECK(values(found.tangent[0]) == std::vector<double>{5, 6});
  CHECK(found.tangent[1].item() == 1);
  CHECK(values(found.tangent[2]) == std::vector<double>{0, 0});
  CHECK(found.tangent[2].dtype() == float32);
  CHECK(values(found.tangent[3]) == std::vector<double>{0, 2});
}

TEST_CASE(
    "an argument used many times, nodes of several results, and constants that have gradients") {
  const Tensor x = normal({6});
  const Tensor w = normal({2}, 9).requires_grad_();
  const auto f = [&](const Tensor& t) {
    const auto parts = split(t, 2);
    const auto single = unbind(parts[1] * w);
    return parts[0] * parts[2] + single[1] * parts[0] + exp(t).sum() * single[0];
  };
  const Tensor v = normal({6}, 2), u = normal({2}, 3);
  const Tensor leaf = x.clone().requires_grad_();
  const Tensor by_backward = grad((f(leaf) * u).sum(), leaf);
  const Tensor by_forward = jvp(f, {x}, {v}).tangent;
  CHECK(allclose((by_forward * u).sum(), (by_backward * v).sum(), 1e-12));
  CHECK_FALSE(w.grad().defined());
}

TEST_CASE("nothing of the caller's changes") {
  Tensor x = wide({1, 2}).requires_grad_();
  const Tensor v = wide({1, 1});
  x.set_grad(wide({7, 7}));
  int calls = 0;
  x.register_hook([&](const Tensor&) {
    ++calls;
    return Tensor();
  });
  const NoGradGuard guard;
  const auto found = jvp([](const Tensor& t) { return t * 2; }, {x}, {v});
  CHECK_FALSE(is_grad_enabled());
  CHECK(values(found.tangent) == std::vector<double>{2, 2});
  CHECK(values(x.grad()) == std::vector<double>{7, 7});
  CHECK(values(v) == std::vector<double>{1, 1});
  CHECK(calls == 0);
}

TEST_CASE("tangents on the tape have derivatives of their own, forward and backward") {
  const auto f = [](const Tensor& t) { return tanh(t) * t + exp(t * t * 0.1).sum(); };
  const Tensor v = normal({3}, 2);
  const auto along = [&](const Tensor& x) {
    return jvp(f, {x}, {v}, {.create_graph = true}).tangent;
  };
  CHECK(gradcheck(along, {normal({3})}));
  // vᵀ H v of a sum, as forward over forward.
  const Tensor x = normal({3});
  const auto once = [&](const Tensor& t) {
    return jvp([](const Tensor& s) { return (s * s * s).sum(); }, {t}, {v}, {.create_graph = true})
        .tangent;
  };
  const Tensor twice = jvp(once, {x}, {v}).tangent;
  CHECK(allclose(twice, (6 * x * v * v).sum(), 1e-12));
  // A result on the tape as argument.
  const Tensor leaf = normal({3}).requires_grad_();
  const auto found =
      jvp([](const Tensor& t) { return t * t; }, {leaf * 2}, {v}, {.create_graph = true});
  CHECK(allclose(grad(found.value.sum(), leaf, {.retain_graph = true}), 8 * leaf.detach(), 1e-12));
  CHECK(allclose(grad(found.tangent.sum(), leaf), 4 * v, 1e-12));
}

TEST_CASE("what does not fit is told") {
  const auto f = [](const Tensor& x) { return x; };
  const Tensor x = wide({1, 2});
  CHECK(message_of<ValueError>([&] { jvp(f, {x}, {}); }) == "jvp: 1 tensors but 0 directions");
  CHECK(message_of<ValueError>([&] { jvp(f, {x}, {Tensor()}); }) ==
        "jvp: direction 0 is undefined");
  CHECK(message_of<ValueError>([&] { jvp(f, {Tensor()}, {x}); }) == "jvp: tensor 0 is undefined");
  CHECK(message_of<ShapeError>([&] { jvp(f, {x}, {wide({1})}); }) ==
        "jvp: direction 0 has shape [1], its tensor [2]");
  CHECK(message_of<DTypeError>([&] { jvp(f, {x}, {x.to(float32)}); }) ==
        "jvp: direction 0 is float32, its tensor float64");
  CHECK(message_of<DTypeError>([&] { jvp(f, {tensor({1})}, {tensor({1})}); }) ==
        "jvp: tensor 0 is int64, which has no derivative");
  CHECK(message_of<ValueError>([&] { jvp([](const Tensor&) { return Tensor(); }, {x}, {x}); }) ==
        "jvp: result 0 is undefined");
  CHECK(message_of<DTypeError>([&] {
          jvp([](const Tensor& t) { return std::vector<Tensor>{t, t > 0}; }, x, x);
        }) == "jvp: result 1 is bool, which has no derivative");
  CHECK(message_of<ValueError>([&] {
          jvp(f, {x, x}, {x, x});
        }) == "jvp: 2 inputs do not fit the number of the function's parameters");
  CHECK(message_of<ValueError>([&] { jvp(std::function<Tensor(const Tensor&)>(), x, x); }) ==
        "jvp: the function is empty");
  CHECK(message_of<ValueError>([&] {
          jvp([](const std::vector<Tensor>&) { return tensor(1.); }, {}, {});
        }) == "jvp: no tensors");
  CHECK(message_of<GraphError>([&] {
          jvp(
              [](const Tensor& t) {
                return std::vector<Tensor>{t, t.detach()};
              },
              x, x, {.strict = true});
        }) == "jvp: result 1 does not depend on any of the tensors, which .strict forbids");
}

TEST_CASE("a tangent is nobody else's, though a rule hands on what it is given") {
  const Tensor x = wide({1, 2}), v = wide({3, 4});
  const Tensor dy = jvp([](const Tensor& t) { return t + 1; }, x, v).tangent;
  dy.fill_(0);
  CHECK(values(v) == std::vector<double>{3, 4});
}

TEST_CASE("linearize evaluates the function once, for any number of directions") {
  int calls = 0;
  const auto f = [&](const Tensor& t) {
    ++calls;
    return sin(t) * t;
  };
  const Tensor x = normal({4});
  const auto [y, along] = linearize(f, x);
  for (const std::uint64_t seed : {2U, 3U}) {
    const Tensor v = normal({4}, seed);
    CHECK(allclose(along(v), (cos(x) * x + sin(x)) * v, 1e-14));
  }
  CHECK(calls == 1);
  CHECK(allclose(y, sin(x) * x, 1e-15));

  const auto two = [](const Tensor& a, const Tensor& b) { return std::vector<Tensor>{a * b, a}; };
  const auto [ys, of_both] = linearize(two, {wide({2}), wide({5})});
  CHECK(ys[0].item() == 10);
  CHECK(of_both({wide({1}), wide({1})})[0].item() == 7);
  CHECK(of_both({wide({0}), wide({1})})[1].item() == 0);
  CHECK(message_of<ValueError>([&] { linearize(f, x).second(Tensor()); }) ==
        "linearize: direction 0 is undefined");
}

TEST_CASE("vjp multiplies by the transpose, at once or as a function for many passes") {
  const auto f = [](const Tensor& a, const Tensor& b) {
    return std::vector<Tensor>{matmul(a, b), exp(a).sum()};
  };
  const Tensor a = normal({2, 3}), b = normal({3, 4}, 2);
  const std::vector<Tensor> u{normal({2, 4}, 3), normal({}, 4)};
  const auto [y, pullback] = vjp(f, {a, b});
  CHECK(allclose(y[0], matmul(a, b), 1e-14));
  for (int pass = 0; pass < 2; ++pass) {
    const std::vector<Tensor> dx = pullback(u);
    CHECK(allclose(dx[0], matmul(u[0], b.t()) + exp(a) * u[1], 1e-13));
    CHECK(allclose(dx[1], matmul(a.t(), u[0]), 1e-13));
  }
  CHECK(allclose(vjp(f, {a, b}, u).gradient[1], matmul(a.t(), u[0]), 1e-13));
  // ⟨J v, u⟩ = ⟨v, Jᵀ u⟩
  const Tensor va = normal({2, 3}, 5), vb = normal({3, 4}, 6);
  const auto [ys, dy] = jvp(f, {a, b}, {va, vb});
  const auto dx = pullback(u);
  CHECK(((dy[0] * u[0]).sum() + dy[1] * u[1]).item() ==
        doctest::Approx(((dx[0] * va).sum() + (dx[1] * vb).sum()).item()).epsilon(1e-13));
}

TEST_CASE("vjp of one value needs no u, and one of what does not depend on x is 0") {
  const Tensor x = wide({1, 2});
  const auto [y, dx] = vjp([](const Tensor& t) { return (t * t).sum(); }, x, Tensor());
  CHECK(y.item() == 5);
  CHECK(values(dx) == std::vector<double>{2, 4});
  const auto constant = [](const Tensor& t) { return t.detach() * 2; };
  CHECK(values(vjp(constant, x, x).gradient) == std::vector<double>{0, 0});
  CHECK(message_of<GraphError>([&] { vjp(constant, x, x, {.strict = true}); }) ==
        "vjp: no result depends on tensor 0, which .strict forbids");
  CHECK(message_of<ValueError>([&] { vjp(constant, x, Tensor()); }) ==
        "vjp: direction 0 is undefined");
  CHECK(message_of<ShapeError>([&] { vjp(constant, x, wide({1})); }) ==
        "vjp: direction 0 has shape [1], its result [2]");
  CHECK(message_of<DTypeError>([&] { vjp(constant, x, x.to(float32)); }) ==
        "vjp: direction 0 is float32, its result float64");
}

TEST_CASE("what vjp gives has derivatives where that is asked for") {
  const Tensor u = normal({3}, 2);
  const auto back = [&](const Tensor& x) {
    return vjp([](const Tensor& t) { return tanh(t) * t; }, x, u, {.create_graph = true}).gradient;
  };
  CHECK(gradgradcheck(back, {normal({3})}));
  const Tensor leaf = normal({3}).requires_grad_();
  CHECK(back(leaf).requires_grad());
  CHECK_FALSE(vjp([](const Tensor& t) { return t * t; }, leaf, u).gradient.requires_grad());
  CHECK_FALSE(leaf.grad().defined());
}
