// Hooks of leaves whose gradient is complete while the pass goes on, and gradients of parts that
// are added in one buffer.

#include "support.hpp"

using namespace support;

namespace {

Tensor leaf(std::initializer_list<double> numbers) {
  return from_vector(std::vector<double>(numbers)).requires_grad_();
}

}  // namespace

TEST_CASE("a leaf's ready hook runs when its last gradient has arrived, before earlier nodes") {
  const Tensor first = leaf({2});
  Tensor twice = leaf({3});
  Tensor last = leaf({5});
  std::string order;
  Tensor h = first * first;
  h.register_hook([&](const Tensor&) {
    order += 'h';
    return Tensor();
  });
  Tensor middle = h * twice + twice;
  middle.register_hook([&](const Tensor&) {
    order += 'm';
    return Tensor();
  });
  const Tensor y = middle * last;
  last.register_ready_hook([&](const Tensor& x) {
    CHECK(x.grad().item() == 15);
    order += 'l';
  });
  twice.register_ready_hook([&](const Tensor& x) {
    CHECK(x.impl() == twice.impl());
    CHECK(x.grad().item() == 25);  // both of its gradients: 5 h + 5
    order += 't';
  });
  y.backward();
  CHECK(order == "lmth");
  CHECK(first.grad().item() == 60);
}

TEST_CASE("ready hooks see what tensor hooks made and what was there before") {
  Tensor x = leaf({1, 2});
  x.register_hook([](const Tensor& g) { return g * 10; });
  std::vector<double> seen;
  HookHandle handle =
      x.register_ready_hook([&](const Tensor& leaf) { seen = values(leaf.grad()); });
  (x * 3).sum().backward();
  CHECK(seen == std::vector<double>{30, 30});
  (x * x).sum().backward();
  CHECK(seen == std::vector<double>{50, 70});
  CHECK(values(x.grad()) == std::vector<double>{50, 70});
  handle.remove();
  seen.clear();
  (x * 3).sum().backward();
  CHECK(seen.empty());
  CHECK(values(x.grad()) == std::vector<double>{80, 100});
}

TEST_CASE("a ready hook runs once in a pass, for outputs that are leaves and for several outputs") {
  Tensor x = leaf({2});
  int calls = 0;
  x.register_ready_hook([&](const Tensor&) { ++calls; });
  x.backward();
  CHECK(calls == 1);
  CHECK(x.grad().item() == 1);
  backward({x * 3, x, (x * x) * x});
  CHECK(calls == 2);
  CHECK(x.grad().item() == 17);
  grad((x * x).sum(), x);  // fills no grad()
  CHECK(calls == 2);
}

TEST_CASE("a ready hook may use the leaf, and what fails later leaves it what it got") {
  Tensor first = leaf({2});
  Tensor last = leaf({3});
  Tensor h = first * first;
  const Tensor y = h * last;
  last.register_ready_hook([](const Tensor& x) {
    const NoGradGuard guard;
    x.copy_(x - 0.5 * x.grad());
    x.set_grad({});
  });
  y.backward({}, {.retain_graph = false});
  CHECK(last.item() == 1);
  CHECK_FALSE(last.grad().defined());
  CHECK(first.grad().item() == 12);

  Tensor a = leaf({2});
  Tensor b = leaf({3});
  Tensor wrong = a * a;
  wrong.register_hook([](const Tensor&) -> Tensor { throw std::runtime_error("no"); });
  b.register_ready_hook([](const Tensor&) {});
  CHECK_THROWS_AS((wrong * b).backward(), std::runtime_error);
  CHECK(b.grad().item() == 4);
  CHECK_FALSE(a.grad().defined());
}

TEST_CASE("only a leaf that requires a gradient has ready hooks") {
  Tensor x = leaf({1});
  CHECK(message_of<GraphError>([&] { (x * 2).register_ready_hook([](const Tensor&) {}); }) ==
        "register_ready_hook: this tensor [1] is a result; only a leaf that requires a gradient "
        "gets one that stays");
  CHECK(message_of<GraphError>([&] {
          x.detach().register_ready_hook([](const Tensor&) {});
        }).starts_with("register_ready_hook: this tensor [1] is a constant"));
  CHECK_THROWS_AS(x.register_ready_hook({}), ValueError);
}

TEST_CASE("parts of one tensor add up, beside gradients of the whole, in any order") {
  const Tensor base = normal({4, 3});
  const auto f = [](const Tensor& x) {
    return (x.slice(0, 1, 3) * 2).sum() + (x * x).sum() + (x[2] * x.select(1, 0).sum()).sum() +
           (x.slice(1, 0, 3, 2) * 3).sum() + x.slice(0, 2, 2).sum();
  };
  Tensor x = base.clone().requires_grad_();
  f(x).backward();
  Tensor right = 2 * base;
  for (std::int64_t j = 0; j < 3; ++j) {
    for (std::int64_t i = 1; i < 3; ++i) right[i][j] = right[i][j] + 2;
    right[2][j] = right[2][j] + base.select(1, 0).sum();
  }
  for (std::int64_t i = 0; i < 4; ++i) {
    right[i][0] = right[i][0] + base[2].sum() + 3;
    right[i][2] = right[i][2] + 3;
  }
  CHECK(allclose(x.grad(), right, 1e-12));
  // The same where a graph is made, where hooks look on, and in anomaly mode.
  CHECK(allclose(grad(f(x), x, {.create_graph = true}).detach(), right, 1e-12));
  {
    const AnomalyMode guard;
    CHECK(allclose(grad(f(x), x), right, 1e-12));
  }
  const Tensor y = x * 1;
  const Tensor part = y.slice(1, 1, 2);
  bool seen = false;
  part.grad_fn()->register_hook([&](std::vector<Tensor>& inputs, std::span<const Tensor>) {
    CHECK(inputs[0].shape() == Shape{4, 3});
    seen = true;
  });
  CHECK(allclose(grad(part.sum() + f(y), x),
                 right + slice_scatter(zeros({4, 3}, {.dtype = float64}),
                                       ones({4, 1}, {.dtype = float64}), 1, 1, 2),
                 1e-12));
  CHECK(seen);
}

TEST_CASE("what a rule hands on is not changed by parts that are added to it") {
  Tensor x = leaf({1, 2, 3});
  const Tensor dy = tensor({1., 1., 1.}, {.dtype = float64});
  // The gradient of the whole arrives first, as the very tensor that was given.
  const Tensor y = x.reshape({3});
  const Tensor part = y.slice(0, 0, 2) * 5;
  backward({part.sum(), y.reshape({3})}, {{}, dy});
  CHECK(values(x.grad()) == std::vector<double>{6, 6, 1});
  CHECK(values(dy) == std::vector<double>{1, 1, 1});
}
