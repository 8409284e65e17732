#include <functional>
#include <memory>
#include <stdexcept>

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
  x.register_hook([&](const Tensor& g) {
    ++calls;
    return g * 10;
  });
  other.register_hook([&](const Tensor&) {
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
  unused.register_hook([&](const Tensor& g) { return g; });
  CHECK_FALSE(grad((x * 2).sum(), unused, {.allow_unused = true}).defined());
}

TEST_CASE("a leaf that is every argument of one node gets the same bits with a hook on the node") {
  Tensor x = tensor({1.F}, {.requires_grad = true});
  const auto gradient = [&](bool hooked) {
    x.set_grad({});
    const Tensor y = cat({x, x, x});
    if (hooked) y.grad_fn()->register_hook([](std::vector<Tensor>&, std::span<const Tensor>) {});
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
  y.grad_fn()->register_hook([&](std::vector<Tensor>& inputs, std::span<const Tensor> dys) {
    b_needs_none = !inputs[1].defined();
    inputs[0] = inputs[0] + dys[0];
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
  Tensor w = tensor({1., 2.}, {.requires_grad = true});
  w.register_hook([](const Tensor& g) { return g.to(float64); });
  CHECK(message_of<DTypeError>([&] { w.sum().backward(); }) ==
        "register_hook: a hook made float64 of a float32 gradient");
  Tensor y = x.detach().requires_grad_() * 2;
  y.grad_fn()->register_hook(
      [](std::vector<Tensor>& inputs, std::span<const Tensor>) { inputs[0] = {}; });
  CHECK(message_of<ShapeError>([&] {
          y.sum().backward();
        }).starts_with("mul: its backward rule for argument 0 gave nothing"));
  y = x.detach().requires_grad_() * 2;
  y.grad_fn()->register_hook(
      [](std::vector<Tensor>& inputs, std::span<const Tensor>) { inputs.clear(); });
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

TEST_CASE("hooks may remove one another and register more while they run") {
  Tensor x = tensor({1.}, {.requires_grad = true});
  std::string calls;
  std::vector<HookHandle> handles(3);
  const auto hook = [&](char name, const std::function<void()>& change) {
    return [&calls, name, change](const Tensor&) {
      calls += name;
      change();
      return Tensor();
    };
  };
  handles[0] = x.register_hook(hook('a', [&] {
    handles[0].remove();
    handles[1].remove();
    for (int i = 0; i < 20; ++i) x.register_hook(hook('m', [] {}));
  }));
  handles[1] = x.register_hook(hook('b', [] {}));
  handles[2] = x.register_hook(hook('c', [] {}));
  (x * 2).backward();
  CHECK(calls == "ac");
  calls.clear();
  (x * 2).backward();
  CHECK(calls == "c" + std::string(20, 'm'));

  calls.clear();
  const Tensor y = x * 2;
  HookHandle once;
  HookHandle next;
  once = y.grad_fn()->register_hook([&](std::vector<Tensor>&, std::span<const Tensor>) {
    calls += '1';
    once.remove();
    next.remove();
  });
  next = y.grad_fn()->register_hook(
      [&](std::vector<Tensor>&, std::span<const Tensor>) { calls += '2'; });
  y.backward();
  CHECK(calls == "1c" + std::string(20, 'm'));
}

TEST_CASE("a hook that ends its own tensor, node and handle runs to its end") {
  auto x = std::make_unique<Tensor>(tensor({1.}, {.requires_grad = true}));
  auto y = std::make_unique<Tensor>(*x * 2);
  auto handle = std::make_unique<HookHandle>();
  auto held = std::make_shared<int>(7);
  int seen = 0;
  *handle = x->register_hook([&, own = std::move(held)](const Tensor& g) {
    x.reset();
    y.reset();
    handle->remove();
    handle.reset();
    seen = *own;
    return g;
  });
  const Tensor output = *y;
  output.backward();
  CHECK(seen == 7);
}

TEST_CASE("an exception in a hook or rule ends the pass and leaves gradients as they were") {
  Tensor x = tensor({2.}, {.requires_grad = true});
  (x * 3).backward();
  HookHandle handle = x.register_hook([](const Tensor&) -> Tensor { throw 7; });
  const Tensor y = (x * x).sum();
  CHECK_THROWS_AS(y.backward({}, {.retain_graph = true}), int);
  CHECK(is_grad_enabled());
  CHECK(x.grad().item() == 3);
  handle.remove();
  y.backward({}, {.retain_graph = true});
  CHECK(x.grad().item() == 7);
  bool fails = true;
  const auto custom = [&](const Tensor& a) {
    return record("custom", no_grad([&] { return a * 2; }),
                  wrt(a, [&, kept = saved(a)](const Tensor& dy) {
                    if (fails) throw std::runtime_error("rule");
                    return dy * 2 + kept() * 0;
                  }));
  };
  const Tensor z = custom(x);
  CHECK(message_of<std::runtime_error>([&] { z.backward(); }) == "rule");
  CHECK(x.grad().item() == 7);
  fails = false;
  z.backward();  // what its rule saved is still there
  CHECK(x.grad().item() == 9);
  CHECK_THROWS_AS(z.backward(), GraphError);
}

TEST_CASE("empty hooks are refused where they are given") {
  Tensor x = tensor({1.}, {.requires_grad = true});
  const std::string message = "register_hook: the hook is empty; give it a function";
  CHECK(message_of<ValueError>([&] { x.register_hook({}); }) == message);
  CHECK(message_of<ValueError>([&] { (x * 2).register_hook(nullptr); }) == message);
  CHECK(message_of<ValueError>([&] { (x * 2).grad_fn()->register_hook({}); }) == message);
  (x * 2).backward();
  CHECK(message_of<ValueError>([&] { gradcheck(std::function<Tensor(const Tensor&)>(), {x}); }) ==
        "gradcheck: the function is empty");
  CHECK_THROWS_AS(gradgradcheck(std::function<Tensor(const Tensor&)>(), {x}), ValueError);
}

TEST_CASE("retain_grad keeps what the hooks made of a gradient, whichever came first") {
  for (const bool retain_first : {true, false}) {
    CAPTURE(retain_first);
    const Tensor x = tensor({2., 3.}, {.requires_grad = true});
    Tensor y = x * 3;
    if (retain_first) y.retain_grad();
    y.register_hook([](const Tensor& g) { return g * 10; });
    y.register_hook([](const Tensor& g) { return g + 1; });
    if (!retain_first) y.retain_grad();
    y.sum().backward();
    CHECK(values(y.grad()) == std::vector<double>{11, 11});
    CHECK(values(x.grad()) == std::vector<double>{33, 33});
  }
}

TEST_CASE("a retained gradient is its tensor's own") {
  const Tensor x = tensor({2., 3.}, {.requires_grad = true});
  Tensor y = x.reshape({2, 1});
  y.retain_grad();
  const Tensor g = tensor({{1.}, {4.}});
  y.backward(g);
  y.grad().fill_(9);
  CHECK(values(g) == std::vector<double>{1, 4});
  CHECK(values(x.grad()) == std::vector<double>{1, 4});
  y.backward(g);
  CHECK(values(y.grad()) == std::vector<double>{10, 13});
  CHECK(values(x.grad()) == std::vector<double>{2, 8});
}

TEST_CASE("a list of hooks is that of the beginning while it runs, whoever is added or removed") {
  // Of each kind: on a leaf, on a result, on a node.
  for (const int kind : {0, 1, 2}) {
    CAPTURE(kind);
    Tensor x = tensor({1.}, {.requires_grad = true});
    Tensor y = x * 2;
    std::string calls;
    const auto add = [&](const std::function<void()>& f) {
      const auto tensor_hook = [f](const Tensor&) {
        f();
        return Tensor();
      };
      if (kind == 0) return x.register_hook(tensor_hook);
      if (kind == 1) return y.register_hook(tensor_hook);
      return y.grad_fn()->register_hook(
          [f](std::vector<Tensor>&, std::span<const Tensor>) { f(); });
    };
    HookHandle once;
    once = add([&] {
      calls += 'a';
      once.remove();
      // So many that a list which grew in place would lie elsewhere.
      for (int i = 0; i < 100; ++i) add([&] { calls += 'n'; });
    });
    add([&] { calls += 'b'; });
    const Tensor z = y * 1;
    z.backward({}, {.retain_graph = true});
    CHECK(calls == "ab");
    calls.clear();
    z.backward();
    CHECK(calls == "b" + std::string(100, 'n'));
  }
}
