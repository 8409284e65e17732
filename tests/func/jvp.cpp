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
  const auto [y, dy] = jvp([](const Tensor& t) { return t * t * t; }, {x}, {v});
  CHECK(values(y[0]) == std::vector<double>{1, 8});
  CHECK(values(dy[0]) == std::vector<double>{9, -12});
  CHECK_FALSE(y[0].requires_grad());
  CHECK_FALSE(dy[0].requires_grad());
}

TEST_CASE("several arguments and several results, some of which depend on nothing") {
  const Tensor a = wide({2, 3}), b = wide({5, 7}), va = wide({1, 0}), vb = wide({0, 2});
  const auto f = [](const Tensor& s, const Tensor& t) {
    return std::vector<Tensor>{s * t, s.sum(), tensor({1., 2.}), t};
  };
  const Jvp found = jvp(f, {a, b}, {va, vb});
  REQUIRE(found.tangents.size() == 4);
  CHECK(values(found.tangents[0]) == std::vector<double>{5, 6});
  CHECK(found.tangents[1].item() == 1);
  CHECK(values(found.tangents[2]) == std::vector<double>{0, 0});
  CHECK(found.tangents[2].dtype() == float32);
  CHECK(values(found.tangents[3]) == std::vector<double>{0, 2});
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
  const Tensor by_forward = jvp(f, {x}, {v}).tangents[0];
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
  const Jvp found = jvp([](const Tensor& t) { return t * 2; }, {x}, {v});
  CHECK_FALSE(is_grad_enabled());
  CHECK(values(found.tangents[0]) == std::vector<double>{2, 2});
  CHECK(values(x.grad()) == std::vector<double>{7, 7});
  CHECK(values(v) == std::vector<double>{1, 1});
  CHECK(calls == 0);
}

TEST_CASE("tangents on the tape have derivatives of their own, forward and backward") {
  const auto f = [](const Tensor& t) { return tanh(t) * t + exp(t * t * 0.1).sum(); };
  const Tensor v = normal({3}, 2);
  const auto along = [&](const Tensor& x) {
    return jvp(f, {x}, {v}, {.create_graph = true}).tangents[0];
  };
  CHECK(gradcheck(along, {normal({3})}));
  // vᵀ H v of a sum, as forward over forward.
  const Tensor x = normal({3});
  const auto once = [&](const Tensor& t) {
    return jvp([](const Tensor& s) { return (s * s * s).sum(); }, {t}, {v}, {.create_graph = true})
        .tangents[0];
  };
  const Tensor twice = jvp(once, {x}, {v}).tangents[0];
  CHECK(allclose(twice, (6 * x * v * v).sum(), 1e-12));
  // A result on the tape as argument.
  const Tensor leaf = normal({3}).requires_grad_();
  const Jvp found =
      jvp([](const Tensor& t) { return t * t; }, {leaf * 2}, {v}, {.create_graph = true});
  CHECK(allclose(grad(found.values[0].sum(), leaf, {.retain_graph = true}), 8 * leaf.detach(),
                 1e-12));
  CHECK(allclose(grad(found.tangents[0].sum(), leaf), 4 * v, 1e-12));
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
        "jvp: a result of the function is undefined");
}
