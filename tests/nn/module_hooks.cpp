// Hooks that replace inputs and outputs, and those of a module's gradients.

#include <xgrad/nn/nn.hpp>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "at_once.hpp"
#include "support.hpp"

using namespace support;

namespace {

struct Two : nn::ModuleOf<Two> {
  struct Output {
    Tensor sum, product;
  };
  Output forward(const Tensor& a, const Tensor& b) const { return {a + b, a * b}; }
};

struct ByDefault : nn::ModuleOf<ByDefault> {
  Tensor forward(const Tensor& a, const Tensor& b, double factor = 2) const {
    return (a + b) * factor;
  }
};

struct Changes : nn::ModuleOf<Changes> {
  Tensor forward(Tensor& state) const {
    state = state + 1;
    return state * 2;
  }
};

struct Plain : nn::ModuleOf<Plain> {
  double forward(double x) const { return x; }
};

struct Square : nn::Module {
  Tensor forward(const Tensor& x) override { return square(x); }
};

/// x + f(x)
struct Residual : nn::Module {
  Square f = add("f", Square{});
  Tensor forward(const Tensor& x) override { return x + f(x); }
};

Tensor leaf(std::initializer_list<double> values) {
  return from_vector(std::vector<double>(values)).requires_grad_();
}

/// Notes what it sees.
struct Seen {
  std::vector<std::vector<Tensor>> inputs, outputs;

  nn::BackwardHook hook() {
    return [this](const nn::Module&, std::vector<Tensor>& in, std::span<const Tensor> out) {
      inputs.push_back(in);
      outputs.emplace_back(out.begin(), out.end());
    };
  }
};

}  // namespace

TEST_CASE("a pre-hook sees the inputs, and what it gives takes the place of the first") {
  Two two;
  const Tensor a = leaf({1, 2});
  const Tensor b = leaf({3, 4});
  std::vector<const void*> seen;
  HookHandle watching =
      two.register_forward_pre_hook([&](const nn::Module& module, std::span<const Tensor> inputs) {
        CHECK(module.type_name() == "Two");
        for (const Tensor& x : inputs) seen.push_back(x.impl());
      });
  CHECK(values(two(a, b).product) == std::vector<double>{3, 8});
  CHECK(seen == std::vector<const void*>{a.impl(), b.impl()});
  HookHandle changing = two.register_forward_pre_hook(
      [](const nn::Module&, std::span<const Tensor> inputs) { return inputs[0] * 10; });
  HookHandle after =
      two.register_forward_pre_hook([](const nn::Module&, std::span<const Tensor> inputs) {
        return values(inputs[0])[0] == 10 ? inputs[0] + 1 : Tensor();
      });
  const auto [sum, product] = two(a, b);
  CHECK(values(sum) == std::vector<double>{14, 25});
  CHECK(values(product) == std::vector<double>{33, 84});
  CHECK(values(a) == std::vector<double>{1, 2});
  sum.sum().backward();
  CHECK(values(a.grad()) == std::vector<double>{10, 10});
  changing.remove();
  CHECK(values(two(a, b).sum) == std::vector<double>{4, 6});
}

TEST_CASE("arguments of every kind are replaced, and variables of the caller's stay as they are") {
  ByDefault net;
  Tensor a = ones({1});
  Tensor b = ones({1});
  const auto tenfold = [](const nn::Module&, std::span<const Tensor> x) { return x[0] * 10; };
  net.register_forward_pre_hook(tenfold);
  CHECK(net(a, b).item() == 22);  // with a default left
  CHECK(net(a, b, 3).item() == 33);
  CHECK(net(ones({1}), b).item() == 22);
  CHECK(a.item() == 1);
  nn::Sequential sequence{nn::ReLU{}, Square{}};
  sequence[1].register_forward_pre_hook(tenfold);
  CHECK(sequence(a).item() == 100);
  sequence.register_forward_pre_hook(tenfold);
  CHECK(sequence(a).item() == 10000);
  CHECK(a.item() == 1);

  // What forward() itself changes is the caller's, watched or not.
  Changes changes;
  CHECK(changes(a).item() == 4);
  HookHandle handle = changes.register_forward_pre_hook(
      [](const auto&, const auto& x) { CHECK(x[0].item() == 2); });
  CHECK(changes(a).item() == 6);
  CHECK(a.item() == 3);
  handle.remove();
  changes.register_forward_pre_hook(tenfold);
  CHECK(message_of<GraphError>([&] { changes(a); }) ==
        "net (Changes): register_forward_pre_hook: a hook gave a tensor, but there is no input "
        "whose place it could take");
}

TEST_CASE("tensors are seen in structs of up to 8 fields") {
  struct Masks {
    Tensor a = {};
    int count = 0;
    Tensor b = {};
    bool causal = false;
    double scale = 1;
    Tensor c = {};
    std::optional<Tensor> d = {};
    std::vector<Tensor> more = {};
  };
  struct Masked : nn::ModuleOf<Masked> {
    Tensor forward(const Tensor& x, const Masks& masks) { return x * masks.b; }
  };
  Masked net;
  const Masks masks{.a = full({}, 1.),
                    .b = full({}, 2.),
                    .c = full({}, 3.),
                    .d = full({}, 4.),
                    .more = {full({}, 5.), full({}, 6.)}};
  std::vector<double> seen;
  net.register_forward_pre_hook([&](const nn::Module&, std::span<const Tensor> inputs) {
    for (const Tensor& x : inputs) seen.push_back(x.item());
  });
  CHECK(net(full({}, 7.), masks).item() == 14);
  CHECK(seen == std::vector<double>{7, 1, 2, 3, 4, 5, 6});
}

TEST_CASE("a forward hook may replace the output") {
  nn::Sequential net{Square{}, Square{}};
  net[0].register_forward_hook(
      [](const nn::Module&, const Tensor& x, const Tensor& y) { return y + x; });
  int calls = 0;
  net[0].register_forward_hook([&](const nn::Module&, const Tensor& x, const Tensor& y) {
    ++calls;
    CHECK(values(y)[0] == values(x * x + x)[0]);
  });
  const Tensor x = leaf({3});
  const Tensor y = net(x);
  CHECK(y.item() == 144);
  y.backward();
  CHECK(x.grad().item() == 2 * 12 * (2 * 3 + 1));
  CHECK(calls == 1);

  Two two;
  two.register_call_hook([](const nn::Module&, std::span<const Tensor> in,
                            std::span<const Tensor> out) { return in[1] - out[1]; });
  const auto [sum, product] = two(x, x);
  CHECK(sum.item() == 3 - 9);
  CHECK(product.item() == 9);

  Plain number;
  number.register_forward_hook([](const auto&, const Tensor&, const Tensor&) { return ones({}); });
  CHECK(message_of<GraphError>([&] { number(1); }) ==
        "net (Plain): register_forward_hook: a hook gave a tensor, but there is no output whose "
        "place it could take");
}

TEST_CASE("empty hooks are refused") {
  Square net;
  CHECK(message_of<ValueError>([&] { net.register_forward_pre_hook({}); }) ==
        "register_forward_pre_hook: the hook is empty; give it a function");
  CHECK(message_of<ValueError>([&] { net.register_full_backward_hook({}); }) ==
        "register_full_backward_hook: the hook is empty; give it a function");
  const std::function<void(const nn::Module&, const Tensor&, const Tensor&)> none;
  CHECK(message_of<ValueError>([&] { net.register_forward_hook(none); }) ==
        "register_forward_hook: the hook is empty; give it a function");
}

TEST_CASE("a backward hook sees the gradients of this call, not those of other uses") {
  Residual net;
  Seen seen;
  net.f.register_full_backward_hook(seen.hook());
  const Tensor x = leaf({3, -1});
  (net(x) * tensor({1, 10}).to(float64)).sum().backward();
  REQUIRE(seen.inputs.size() == 1);
  REQUIRE(seen.inputs[0].size() == 1);
  REQUIRE(seen.outputs[0].size() == 1);
  CHECK(values(seen.outputs[0][0]) == std::vector<double>{1, 10});
  CHECK(values(seen.inputs[0][0]) == std::vector<double>{6, -20});
  CHECK(values(x.grad()) == std::vector<double>{7, -10});
}

TEST_CASE("each call of a module is seen by itself, the last first") {
  Square net;
  Seen seen;
  HookHandle handle = net.register_full_backward_hook(seen.hook());
  const Tensor x = leaf({2});
  const Tensor y = net(net(x));
  y.backward({}, {.retain_graph = true});
  REQUIRE(seen.inputs.size() == 2);
  CHECK(seen.outputs[0][0].item() == 1);
  CHECK(seen.inputs[0][0].item() == 8);
  CHECK(seen.outputs[1][0].item() == 8);
  CHECK(seen.inputs[1][0].item() == 32);
  y.backward({}, {.retain_graph = true});
  CHECK(seen.inputs.size() == 4);
  handle.remove();
  y.backward({}, {.retain_graph = true});
  CHECK(seen.inputs.size() == 4);
  // What is registered after a call does not see its passes.
  net.register_full_backward_hook(seen.hook());
  y.backward();
  CHECK(seen.inputs.size() == 4);
  CHECK(x.grad().item() == 4 * 32);
}

TEST_CASE("several inputs and outputs: each has its place, undefined where there is no gradient") {
  Two two;
  Seen seen;
  two.register_full_backward_hook(seen.hook());
  const Tensor a = leaf({2, 3});
  const Tensor b = tensor({5, 7}).to(float64);
  two(b, a).product.sum().backward();
  REQUIRE(seen.inputs.size() == 1);
  REQUIRE(seen.inputs[0].size() == 2);
  REQUIRE(seen.outputs[0].size() == 2);
  CHECK_FALSE(seen.inputs[0][0].defined());
  CHECK(values(seen.inputs[0][1]) == std::vector<double>{5, 7});
  CHECK_FALSE(seen.outputs[0][0].defined());
  CHECK(values(seen.outputs[0][1]) == std::vector<double>{1, 1});
  CHECK(values(a.grad()) == std::vector<double>{5, 7});
  const auto [sum, product] = two(a, a);
  (sum + product).sum().backward();
  CHECK(values(seen.inputs[1][0]) == std::vector<double>{3, 4});
  CHECK(values(seen.inputs[1][1]) == std::vector<double>{3, 4});
}

TEST_CASE("a first layer, whose input requires nothing, is seen with its outputs alone") {
  nn::Sequential net{nn::Linear{2, 2}, nn::ReLU{}, nn::Linear{2, 1}};
  Seen first;
  Seen last;
  Seen whole;
  net[0].register_full_backward_hook(first.hook());
  net[2].register_full_backward_hook(last.hook());
  net.register_full_backward_hook(whole.hook());
  net(ones({3, 2})).sum().backward();
  REQUIRE(first.inputs.size() == 1);
  REQUIRE(last.inputs.size() == 1);
  REQUIRE(whole.inputs.size() == 1);
  REQUIRE(first.inputs[0].size() == 1);
  CHECK_FALSE(first.inputs[0][0].defined());
  CHECK(first.outputs[0][0].shape() == Shape{3, 2});
  CHECK(equal(last.outputs[0][0], ones({3, 1})));
  CHECK(equal(whole.outputs[0][0], ones({3, 1})));
  CHECK(last.inputs[0][0].shape() == Shape{3, 2});
  // Nothing requires a gradient, or none is recorded.
  no_grad([&] { net(ones({3, 2})); });
  net.requires_grad_(false);
  CHECK_FALSE(net(ones({3, 2})).requires_grad());
  CHECK(first.inputs.size() == 1);
}

TEST_CASE("a backward hook may change what its inputs get") {
  Residual net;
  net.f.register_full_backward_hook([](const nn::Module&, std::vector<Tensor>& in,
                                       std::span<const Tensor>) { in[0] = in[0] * 100; });
  const Tensor x = leaf({3});
  net(x).backward();
  CHECK(x.grad().item() == 1 + 600);
  HookHandle handle = net.f.register_full_backward_hook(
      [](const nn::Module&, std::vector<Tensor>& in, std::span<const Tensor>) { in.clear(); });
  CHECK(message_of<ValueError>([&] { net(x).backward(); })
            .ends_with("register_full_backward_hook: a hook of Square left 0 gradients, it has 1 "
                       "inputs"));
}

TEST_CASE("derivatives of derivatives and forward mode are what they are without hooks") {
  Residual net;
  Seen seen;
  net.f.register_full_backward_hook(seen.hook());
  const auto f = [&](const Tensor& x) { return square(net(x)); };
  CHECK(gradcheck(f, {normal({3})}));
  CHECK(gradgradcheck(f, {normal({3})}));
  const Tensor x = leaf({2});
  seen.inputs.clear();
  const Tensor y = net.f(x);
  const Tensor dx = grad(y, x, {.create_graph = true});
  REQUIRE(seen.inputs.size() == 1);
  CHECK(seen.inputs[0][0].item() == 4);
  CHECK(seen.inputs[0][0].requires_grad());
  CHECK(grad(dx, x).item() == 2);
  seen.inputs.clear();
  seen.outputs.clear();
}

TEST_CASE("a pass that does not go on to the inputs calls no hook") {
  nn::Linear fc{2, 1};
  Seen seen;
  fc.register_full_backward_hook(seen.hook());
  const Tensor x = ones({1, 2}, {.requires_grad = true});
  const Tensor y = fc(x);
  grad(y, fc.weight, {.retain_graph = true});
  CHECK(seen.inputs.empty());
  y.backward();
  CHECK(seen.inputs.size() == 1);
}

TEST_CASE("backward hooks go with a module that moves, stay when it is copied, end with it") {
  Seen seen;
  Tensor y;
  const Tensor x = leaf({2});
  {
    Square first;
    first.register_full_backward_hook(seen.hook());
    Square copy = first;
    copy(x).backward();
    CHECK(seen.inputs.empty());
    y = first(x);
    Square moved = std::move(first);
    y.backward({}, {.retain_graph = true});
    CHECK(seen.inputs.size() == 1);
  }
  y.backward();
  CHECK(seen.inputs.size() == 1);
  CHECK(x.grad().item() == 12);
}

TEST_CASE("passes of several threads over one call are told apart") {
  // Each pass waits within the module until all of them are there.
  std::atomic<int> arrived = 0;
  struct Meeting : nn::Module {
    std::atomic<int>* arrived = nullptr;
    Tensor forward(const Tensor& x) override {
      const Tensor y = square(x);
      y.register_hook([count = arrived](const Tensor&) {
        for (++*count; *count < threads;) std::this_thread::yield();
        return Tensor();
      });
      return y * 1;
    }
  } net;
  net.arrived = &arrived;
  std::atomic<int> wrong = 0;
  std::atomic<int> calls = 0;
  net.register_full_backward_hook(
      [&](const nn::Module&, std::vector<Tensor>& in, std::span<const Tensor> out) {
        ++calls;
        if (in[0].item() != 6 * out[0].item()) ++wrong;
      });
  const Tensor x = leaf({3});
  const Tensor y = net(x);
  at_once([&](int t) {
    const Tensor start = full({1}, 1. + t, {.dtype = float64});
    grad(y, x, {.grad_outputs = {start}, .retain_graph = true});
  });
  CHECK(calls == threads);
  CHECK(wrong == 0);
}
