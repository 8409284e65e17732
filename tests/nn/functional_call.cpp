// A module with other tensors in place of its own.

#include <xgrad/func/func.hpp>
#include <xgrad/nn/nn.hpp>

#include "support.hpp"

using namespace support;
namespace nn = xgrad::nn;

namespace {

struct Net : nn::Module {
  nn::Linear fc = add("fc", nn::Linear{4, 3});
  nn::BatchNorm1d norm = add("norm", nn::BatchNorm1d{3});
  bool fails = false;
  Tensor forward(const Tensor& x) override {
    const Tensor y = norm(fc(x));
    require(!fails);
    return y;
  }
  static void require(bool holds) {
    if (!holds) throw std::runtime_error("on purpose");
  }
};

nn::StateDict moved(const nn::StateDict& values, double by) {
  nn::StateDict result;
  for (const auto& [name, x] : values)
    result.emplace_back(name, is_floating(x.dtype()) ? x.detach() + by : x.detach().clone());
  return result;
}

}  // namespace

TEST_CASE("functional_call computes with what is given, and leaves the module its own") {
  manual_seed(1);
  Net net;
  net.eval();
  const Tensor x = randn({5, 4});
  const auto own = net.named_parameters();
  const Tensor before = net(x).detach();
  const auto values_given = moved(net.state_dict(), 0.5);

  const Tensor y = functional_call(net, values_given, x);
  Net other = nn::clone(net);
  other.load_state_dict(values_given);
  CHECK(equal(y, other(x)));
  CHECK_FALSE(equal(y, before));

  CHECK(equal(net(x), before));
  const auto after = net.named_parameters();
  REQUIRE(after.size() == own.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    CHECK(after[i].first == own[i].first);
    CHECK(after[i].second.impl() == own[i].second.impl());
  }
  // A part of them; the others are the module's.
  const Tensor bias = functional_call(net, {{"norm.bias", full({3}, 2.)}}, x);
  CHECK(allclose(bias, before + 2, 1e-6, 1e-6));
  CHECK(equal(functional_call(net, {}, x), before));
}

TEST_CASE("it is differentiable in what is given, which may be results; the module's get nothing") {
  manual_seed(2);
  nn::Linear layer{4, 3};
  const Tensor x = randn({2, 4});
  const Tensor factor = tensor(2.).requires_grad_();
  const auto named = layer.named_parameters();
  nn::StateDict given;
  for (const auto& [name, p] : named) given.emplace_back(name, p.detach() * factor);
  functional_call(layer, given, x).sum().backward();
  CHECK(factor.grad().item() == doctest::Approx(layer(x).sum().item()).epsilon(1e-5));
  for (const auto& [name, p] : named) CHECK_FALSE(p.grad().defined());
}

TEST_CASE("an exception leaves the module its own, too") {
  Net net;
  net.fails = true;
  const auto own = net.named_parameters();
  const auto buffers = net.named_buffers();
  CHECK_THROWS_AS(functional_call(net, moved(net.state_dict(), 1), randn({5, 4})),
                  std::runtime_error);
  CHECK_THROWS_AS(functional_call(net, {{"fc.weight", zeros({3, 7})}}, randn({5, 4})), ShapeError);
  for (std::size_t i = 0; i < own.size(); ++i)
    CHECK(net.named_parameters()[i].second.impl() == own[i].second.impl());
  for (std::size_t i = 0; i < buffers.size(); ++i)
    CHECK(net.named_buffers()[i].second.impl() == buffers[i].second.impl());
}

TEST_CASE("statistics are kept in the buffers that are given") {
  Net net;
  const auto given = moved(net.state_dict(), 0);
  functional_call(net, given, randn({5, 4}));
  CHECK(net.norm.num_batches_tracked.item() == 0);
  CHECK(values(net.norm.running_mean) == std::vector<double>{0, 0, 0});
  bool changed = false;
  for (const auto& [name, x] : given)
    if (name == "norm.num_batches_tracked") changed = x.item() == 1;
  CHECK(changed);
}

TEST_CASE("a tensor of several names is replaced everywhere") {
  struct Tied : nn::Module {
    nn::Linear in = add("in", nn::Linear{3, 3, {.bias = false}});
    nn::Linear out = add("out", nn::Linear{3, 3, {.bias = false}});
    Tied() { out.weight = in.weight; }
    Tensor forward(const Tensor& x) override { return out(in(x)); }
  } net;
  const Tensor x = randn({2, 3}), twice = eye(3) * 2;
  CHECK(allclose(functional_call(net, {{"in.weight", twice}}, x), 4 * x));
  CHECK(allclose(functional_call(net, {{"out.weight", twice}}, x), 4 * x));
  CHECK(net.in.weight.impl() == net.out.weight.impl());
  CHECK(message_of<ValueError>([&] {
          functional_call(net, {{"in.weight", twice}, {"out.weight", x}}, x);
        }) == "functional_call: in.weight and out.weight are one tensor of Tied; give one of them");
}

TEST_CASE("calls within each other, modules of other arguments, and derivatives of any order") {
  struct Two : nn::ModuleOf<Two> {
    nn::Parameter scale = add_parameter("scale", ones({2}, {.dtype = float64}));
    std::vector<Tensor> forward(const Tensor& a, const Tensor& b) { return {a * scale, b * scale}; }
  } two;
  const Tensor a = normal({2}), b = normal({2}, 2);
  const auto f = [&](const Tensor& s) {
    const auto outer = functional_call(two, {{"scale", s}}, a, b);
    return functional_call(two, {{"scale", outer[0] * s}}, a, b)[1].sum();
  };
  // Σ b a s²
  CHECK(allclose(hessian(f, normal({2}, 3)), diag_embed(2 * a * b), 1e-13));
  CHECK(values(two.scale) == std::vector<double>{1, 1});
}

TEST_CASE("what is not the module's is told") {
  nn::Linear layer{4, 3};
  const Tensor x = randn({2, 4});
  CHECK(message_of<ValueError>([&] {
          functional_call(layer, {{"wieght", x}}, x);
        }) == "functional_call: Linear has no parameter or buffer wieght");
  CHECK(message_of<ValueError>([&] {
          functional_call(layer, {{"weight", Tensor()}}, x);
        }) == "functional_call: weight is undefined");
  CHECK(message_of<ValueError>([&] {
          functional_call(layer, {{"bias", zeros({3})}, {"bias", zeros({3})}}, x);
        }) == "functional_call: bias and bias are one tensor of Linear; give one of them");
}

TEST_CASE("checkpoint inside functional_call is told, around it is right") {
  manual_seed(3);
  struct Again : nn::Module {
    nn::Linear fc = add("fc", nn::Linear{3, 3});
    bool inside = true;
    Tensor forward(const Tensor& x) override {
      return inside ? checkpoint([this](const Tensor& t) { return fc(t); }, x) : fc(x);
    }
  } net;
  const Tensor x = randn({2, 3});
  const auto given = [&] {
    nn::StateDict list;
    for (const auto& [name, p] : net.state_dict())
      list.emplace_back(name, (p * 2).requires_grad_());
    return list;
  }();
  const Tensor y = functional_call(net, given, x);
  CHECK(message_of<GraphError>([&] {
          y.sum().backward();
        }).starts_with("checkpoint: the function depended on a tensor [3, 3] and does not"));
  net.inside = false;
  checkpoint([&](const Tensor& t) { return functional_call(net, given, t); }, x).sum().backward();
  const Tensor got = given[0].second.grad().clone();
  given[0].second.set_grad({});
  functional_call(net, given, x).sum().backward();
  CHECK(equal(got, given[0].second.grad()));
}
