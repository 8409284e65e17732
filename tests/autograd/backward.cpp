#include <cmath>

#include "support.hpp"

using namespace support;

namespace {
Tensor leaf(const NestedList& list) {
  return tensor(list, {.dtype = float64, .requires_grad = true});
}
}  // namespace

TEST_CASE("gradients of a small graph, by hand") {
  const Tensor a = leaf({2., 3.});
  const Tensor b = leaf({4., 5.});
  ((a * b + a) * a).sum().backward();  // a²b + a²
  CHECK(values(a.grad()) == std::vector<double>{2 * 2 * 4 + 2 * 2, 2 * 3 * 5 + 2 * 3});
  CHECK(values(b.grad()) == std::vector<double>{4, 9});
}

TEST_CASE("gradients add up over passes until they are cleared") {
  Tensor x = leaf({1., 2.});
  (x * 3).sum().backward();
  (x * 4).sum().backward();
  CHECK(values(x.grad()) == std::vector<double>{7, 7});
  x.set_grad({});
  (x * 4).sum().backward();
  CHECK(values(x.grad()) == std::vector<double>{4, 4});
}

TEST_CASE("one output and one input in braces are lists") {
  const Tensor x = tensor({{1., 2.}, {3., 4.}}, {.requires_grad = true});
  const Tensor y = (x * x).sum();
  const std::vector<Tensor> as_list = xgrad::autograd::grad({y}, {x}, {.retain_graph = true});
  REQUIRE(as_list.size() == 1);
  CHECK(values(as_list[0]) == std::vector<double>{2, 4, 6, 8});
  CHECK(values(xgrad::grad({y}, {x}, {.retain_graph = true})[0]) ==
        std::vector<double>{2, 4, 6, 8});
  CHECK(values(xgrad::grad(y, x)) == std::vector<double>{2, 4, 6, 8});
}

TEST_CASE("grad() of different leaves never share memory") {
  const Tensor a = leaf({1.});
  const Tensor b = leaf({1.});
  const Tensor seed = tensor({1.}, {.dtype = float64});
  (a + b).backward(seed);
  CHECK(a.grad().data<double>() != b.grad().data<double>());
  CHECK(a.grad().data<double>() != seed.data<double>());
}

TEST_CASE("a freed graph is told; a retained one runs again; what saved nothing was never freed") {
  const Tensor x = leaf({2.});
  const Tensor y = x * x;
  y.backward();
  CHECK(message_of<GraphError>([&] { y.backward(); }) ==
        "backward: the graph at mul [1] was freed by an earlier backward pass; give that pass "
        "{.retain_graph = true}, or compute the result again");
  const Tensor z = x * x;
  z.backward({}, {.retain_graph = true});
  z.backward();
  CHECK(values(x.grad()) == std::vector<double>{12});
  const Tensor sum = x + x;
  sum.backward();
  sum.backward();
  CHECK(values(x.grad()) == std::vector<double>{16});
}

TEST_CASE("backward needs a scalar, or a gradient that fits, and a graph") {
  const Tensor x = leaf({1., 2.});
  CHECK(message_of<GraphError>([&] {
          (x * 2).backward();
        }).starts_with("backward: the tensor [2] is not a scalar"));
  CHECK(message_of<ShapeError>([&] { (x * 2).backward(zeros({3})); }) ==
        "backward: the gradient has shape [3], the tensor [2]");
  CHECK_THROWS_AS((x * 2).backward(zeros({2})), DTypeError);
  CHECK(message_of<GraphError>([] {
          tensor(1.).backward();
        }).starts_with("backward: the tensor [] was not computed"));
  CHECK_THROWS_AS(backward({}), ValueError);
  x.backward(ones({2}, {.dtype = float64}));
  CHECK(values(x.grad()) == std::vector<double>{1, 1});
}

TEST_CASE("messages of grad() name grad(), its argument and what to give") {
  const Tensor x = tensor({1., 2.}, {.requires_grad = true});
  const Tensor y = x * 3;
  CHECK(message_of<ShapeError>([&] { grad(y, x, {.grad_outputs = {ones({3})}}); }) ==
        "grad: its entry of grad_outputs has shape [3], the tensor [2]");
  CHECK(message_of<DTypeError>([&] {
          grad(y, x, {.grad_outputs = {ones({2}, {.dtype = float64})}});
        }) == "grad: its entry of grad_outputs is float64, the tensor float32");
  CHECK(message_of<GraphError>([&] { grad(y, x); }) ==
        "grad: the tensor [2] is not a scalar, so it needs the gradient to start with: "
        "{.grad_outputs = {gradient}}, or the gradient of x.sum()");
  CHECK(message_of<ValueError>([&] {
          grad(y, x, {.grad_outputs = {y, y}});
        }) == "grad: 1 outputs but 2 gradients");
  CHECK(message_of<ValueError>([&] { grad(Tensor(), x); }) == "grad: an output is undefined");
  CHECK(message_of<ValueError>([&] { grad(y.sum(), Tensor()); }) == "grad: an input is undefined");
  CHECK(message_of<ValueError>([&] { Tensor().backward(); }) == "backward: an output is undefined");
}

TEST_CASE("grad() leaves the leaves alone and takes results as inputs") {
  const Tensor x = leaf({3.});
  const Tensor y = x * x;
  const Tensor z = y * 2;
  const auto g = grad({z}, {x, y});
  CHECK(g[0].item() == 12);
  CHECK(g[1].item() == 2);
  CHECK_FALSE(x.grad().defined());
  CHECK(grad(x, x).item() == 1);
}

TEST_CASE("unused inputs are told, or undefined where that is allowed") {
  const Tensor x = leaf({3.});
  const Tensor other = leaf({1.});
  CHECK(message_of<GraphError>([&] {
          grad(x * 2, other);
        }).starts_with("grad: the outputs do not depend on input 0 [1]"));
  CHECK_FALSE(grad(x * 2, other, {.allow_unused = true}).defined());
  CHECK_THROWS_AS(grad(x * 2, tensor({1.})), GraphError);
}

TEST_CASE("grad() runs only what leads to its inputs") {
  const Tensor x = leaf({3.});
  const Tensor w = leaf({5.});
  int runs = 0;
  Tensor branch = w * w;
  branch.grad_fn()->register_hook([&](std::vector<Tensor>&, std::span<const Tensor>) { ++runs; });
  const Tensor y = x * branch;
  CHECK(grad(y, x, {.retain_graph = true}).item() == 25);
  CHECK(runs == 0);
  CHECK(grad(y, w).item() == 30);
  CHECK(runs == 1);
}

TEST_CASE("gradients of gradients, to the fifth") {
  const Tensor x = leaf({2.});
  Tensor y = x * x * x * x;
  for (const double expected : {32.0, 48.0, 48.0, 24.0}) {
    y = grad(y, x, {.create_graph = true});
    CHECK(y.item() == expected);
  }
  const Tensor e = exp(x);  // its rule uses its own result
  const Tensor second = grad(grad(e, x, {.create_graph = true}), x, {.create_graph = true});
  CHECK(second.item() == doctest::Approx(std::exp(2.0)));
  CHECK(grad(second, x).item() == doctest::Approx(std::exp(2.0)));
}

TEST_CASE("a gradient on the tape holds its leaf until it is cleared") {
  const auto before = memory::statistics().blocks_in_use;
  {
    Tensor x = leaf({2.});
    (x * x * x).sum().backward({}, {.create_graph = true});
    CHECK(grad(x.grad(), x, {.retain_graph = true}).item() == 12);
    x.set_grad({});
  }
  CHECK(memory::statistics().blocks_in_use == before);
}

TEST_CASE("a change of what the tape saved is found") {
  Tensor x = tensor({1., 2.}, {.dtype = float64});
  const Tensor w = leaf({3., 4.});
  const Tensor y = (w * x).sum();
  x.fill_(7);
  CHECK(message_of<GraphError>([&] { y.backward(); }) ==
        "mul: a tensor [2] that it saved for its backward rule was changed in place afterwards; "
        "change a clone() instead, or run backward before the change");
  Tensor p = leaf({3.});
  const Tensor z = p * p;
  p.set_data(tensor({5.}, {.dtype = float64}));
  CHECK_THROWS_AS(z.backward(), GraphError);
  // A view shares memory, so it shares versions too.
  Tensor base = tensor({1., 2.}, {.dtype = float64});
  const Tensor view = base.reshape({1, 2});
  const Tensor product = (w * view).sum();
  base.zero_();
  CHECK_THROWS_AS(product.backward(), GraphError);
}

TEST_CASE("a chain of a million additions runs forward, backward and is destroyed") {
  const Tensor x = leaf({1.});
  Tensor y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y + 1;
  CHECK(y.item() == 1'000'001);
  y.backward();
  CHECK(x.grad().item() == 1);
  y = {};
}

TEST_CASE("a chain whose nodes save tensors is destroyed without recursion too") {
  const Tensor x = leaf({1.});
  Tensor y = x;
  for (int i = 0; i < 200'000; ++i) y = y * x;  // dropped without a backward pass
  y = {};
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("a wide graph: many uses of one tensor, many arguments of one operation") {
  const Tensor x = leaf({1.});
  std::vector<Tensor> parts;
  for (int i = 0; i < 10'000; ++i) parts.push_back(x * i);
  cat(parts).sum().backward();
  CHECK(x.grad().item() == 10'000.0 * 9'999 / 2);
}

TEST_CASE("several outputs in one pass") {
  const Tensor x = leaf({2.});
  const Tensor shared = x * x;
  backward({shared * 2, shared * 3});
  CHECK(x.grad().item() == 20);
}

TEST_CASE("a leaf's gradient is its own: a change in place reaches nothing that others hold") {
  const Tensor x = normal({2, 3}).requires_grad_();
  const Tensor g = normal({6}, 2);
  const Tensor y = x.reshape({6});
  y.backward(g, {.retain_graph = true});
  x.grad().fill_(5);
  CHECK(equal(g, normal({6}, 2)));
  y.backward(g);
  CHECK(equal(x.grad(), 5 + g.reshape({2, 3})));

  // Two leaves that get parts of one gradient, and a hook that keeps what it saw.
  const Tensor a = normal({3}, 3).requires_grad_();
  const Tensor b = normal({3}, 4).requires_grad_();
  Tensor kept;
  b.register_hook([&](const Tensor& gradient) {
    kept = gradient;
    return Tensor();
  });
  const Tensor joined = cat({a, b});
  joined.backward(g);
  const Tensor other = clone(b.grad());
  a.grad().zero_();
  CHECK(equal(b.grad(), other));
  b.grad().zero_();
  CHECK(equal(kept, other));
  CHECK(equal(g, normal({6}, 2)));
}

TEST_CASE(
    "what grad() gives is nobody else's either, nor a leaf's gradient that is not on the tape") {
  const Tensor x = normal({2, 3}).requires_grad_();
  const Tensor z = normal({2, 3}, 3).requires_grad_();
  const Tensor g = normal({6}, 2);
  const Tensor y = (x + z).reshape({6});
  for (const bool create_graph : {false, true}) {
    CAPTURE(create_graph);
    auto found = grad({y}, {x, z, y, x},
                      {.grad_outputs = {g}, .retain_graph = true, .create_graph = create_graph});
    for (std::size_t i = 0; i < found.size(); ++i) {
      found[i].fill_(static_cast<int>(i));
      CHECK(equal(g, normal({6}, 2)));
      for (std::size_t j = 0; j < found.size(); ++j)
        CHECK(equal(found[j].flatten(), j <= i ? full_like(g, static_cast<int>(j)) : g));
    }
    x.set_grad({});
    y.backward(g, {.retain_graph = true, .create_graph = create_graph});
    x.grad().fill_(5);
    CHECK(equal(g, normal({6}, 2)));
    CHECK(equal(z.grad().flatten(), create_graph ? g + g : g));
  }
}

TEST_CASE("a gradient to start with that requires one itself is copied where nothing is recorded") {
  const Tensor x = normal({3}).requires_grad_();
  const Tensor dy = normal({3}, 2).requires_grad_();
  x.backward(dy);
  CHECK_FALSE(x.grad().requires_grad());
  x.grad().fill_(1);
  const Tensor found = grad(x, x, {.grad_outputs = {dy}});
  CHECK_FALSE(found.requires_grad());
  found.fill_(1);
  CHECK(equal(dy.detach(), normal({3}, 2)));
  const Tensor recorded = grad(x * 2, x, {.grad_outputs = {dy}, .create_graph = true});
  CHECK(equal(grad(recorded.sum(), dy), full({3}, 2, {.dtype = float64})));
}
