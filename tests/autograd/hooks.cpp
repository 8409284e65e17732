#include "support.hpp"

using namespace support;

TEST_CASE("a tensor's hook sees its gradient and may replace it, until it is removed") {
  const Tensor x = tensor({1., 2.}, {.requires_grad = true});
  Tensor y = x * 3;
  std::vector<double> seen;
  y.register_hook([&](const Tensor& g) {
    seen = values(g);
    return g * 10;
  });
  y.sum().backward();
  CHECK(seen == std::vector<double>{1, 1});
  CHECK(values(x.grad()) == std::vector<double>{30, 30});

  Tensor w = tensor({1.}, {.requires_grad = true});
  int calls = 0;
  HookHandle handle = w.register_hook([&](const Tensor& g) {
    ++calls;
    return g * 2;
  });
  (w * 1 + w * 1).backward();  // called once, with the whole gradient
  CHECK(calls == 1);
  CHECK(w.grad().item() == 4);
  handle.remove();
  w.set_grad({});
  (w * 1).backward();
  CHECK(calls == 1);
  CHECK(w.grad().item() == 1);
  CHECK_THROWS_AS(tensor({1.}).register_hook([](const Tensor& g) { return g; }), GraphError);
}

TEST_CASE("a leaf's hook is called by grad() too, once for each time it is worked out") {
  const Tensor x = tensor({1., 2.}, {.requires_grad = true});
  const Tensor other = tensor({5.}, {.requires_grad = true});
  int calls = 0;
  int calls_of_other = 0;
  Tensor(x).register_hook([&](const Tensor& g) {
    ++calls;
    return g * 10;
  });
  Tensor(other).register_hook([&](const Tensor&) {
    ++calls_of_other;
    return Tensor();
  });
  const Tensor y = (x * x * other).sum();
  const auto gradients = grad({y}, {x, x}, {.retain_graph = true});
  CHECK(values(gradients[0]) == std::vector<double>{100, 200});
  CHECK(values(gradients[1]) == std::vector<double>{100, 200});
  CHECK(calls == 1);
  CHECK(calls_of_other == 0);  // nobody asked for its gradient
  CHECK_FALSE(x.grad().defined());

  // What a hook makes of it is on the tape where the pass is.
  const Tensor first = grad(y, x, {.create_graph = true});
  CHECK(values(grad(first.sum(), x)) == std::vector<double>{1000, 1000});  // the hook again

  const Tensor unused = tensor({1.}, {.requires_grad = true});
  Tensor(unused).register_hook([&](const Tensor& g) { return g; });
  CHECK_FALSE(grad((x * 2).sum(), unused, {.allow_unused = true}).defined());
}

TEST_CASE("a leaf that is every argument of one node gets the same bits with a hook on the node") {
  Tensor x = tensor({1.F}, {.requires_grad = true});
  const auto gradient = [&](bool hooked) {
    x.set_grad({});
    const Tensor y = cat({x, x, x});
    if (hooked) y.grad_fn()->register_hook([](std::vector<Tensor>&, const Tensor&) {});
    y.backward(tensor({1e8F, -1e8F, 1.F}));  // 1 or 0, as they are added
    return x.grad().item<float>();
  };
  CHECK(gradient(false) == gradient(true));
}

TEST_CASE("a node's hook sees and changes the gradients of its inputs") {
  const Tensor a = tensor({2.}, {.requires_grad = true});
  const Tensor b = tensor({5.});
  Tensor y = a * b;
  bool b_needs_none = false;
  y.grad_fn()->register_hook([&](std::vector<Tensor>& inputs, const Tensor& dy) {
    b_needs_none = !inputs[1].defined();
    inputs[0] = inputs[0] + dy;
  });
  y.backward();
  CHECK(b_needs_none);
  CHECK(a.grad().item() == 6);
}

TEST_CASE("a hook may remove itself, and may not change the shape") {
  Tensor x = tensor({1., 2.}, {.requires_grad = true});
  HookHandle once;
  int calls = 0;
  once = x.register_hook([&](const Tensor&) {
    ++calls;
    once.remove();
    return Tensor();
  });
  (x * 2).sum().backward();
  (x * 2).sum().backward();
  CHECK(calls == 1);
  x.register_hook([](const Tensor& g) { return g.sum(); });
  CHECK(message_of<ShapeError>([&] { (x * 2).sum().backward(); }) ==
        "register_hook: a hook made [] of a gradient [2]");
  Tensor y = x.detach().requires_grad_() * 2;
  y.grad_fn()->register_hook([](std::vector<Tensor>& inputs, const Tensor&) { inputs[0] = {}; });
  CHECK(message_of<ShapeError>([&] {
          y.sum().backward();
        }).starts_with("mul: its backward rule for argument 0 gave nothing"));
  y = x.detach().requires_grad_() * 2;
  y.grad_fn()->register_hook([](std::vector<Tensor>& inputs, const Tensor&) { inputs.clear(); });
  CHECK(message_of<ValueError>([&] { y.sum().backward(); }) ==
        "register_hook: a hook of mul left 0 gradients, it has 2 arguments");
}

TEST_CASE("retain_grad keeps the gradient of a result, and lets go with it") {
  const Tensor x = tensor({2.}, {.requires_grad = true});
  Tensor y = x * 3;
  y.retain_grad();
  const Tensor z = y * y;
  z.backward({}, {.retain_graph = true});
  CHECK(y.grad().item() == 12);
  y = {};
  z.backward();  // its watcher is gone
  CHECK(x.grad().item() == 72);
  CHECK_THROWS_AS(tensor({1.}).retain_grad(), GraphError);
}
