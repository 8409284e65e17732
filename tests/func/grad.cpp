// Gradients as functions of functions.

#include <xgrad/func/grad.hpp>
#include <xgrad/func/jacobian.hpp>
#include <xgrad/nn/nn.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;
namespace nn = xgrad::nn;

namespace {

struct Net : nn::Module {
  nn::Linear fc1 = add("fc1", nn::Linear{5, 4});
  nn::Linear fc2 = add("fc2", nn::Linear{4, 3});
  Tensor forward(const Tensor& x) override { return fc2(tanh(fc1(x))); }
};

}  // namespace

TEST_CASE("grad makes a function of a function, in its first argument") {
  const Tensor x = normal({3}), w = normal({3}, 2);
  const auto slope = grad([](const Tensor& a, const Tensor& b) { return (sin(a) * b).sum(); });
  const Tensor g = slope(x, w);
  CHECK(allclose(g, cos(x) * w, 1e-15));
  CHECK_FALSE(g.requires_grad());
  CHECK_FALSE(x.requires_grad());
}

TEST_CASE("grad of grad of grad") {
  const auto f = [](const Tensor& x) { return sin(x); };
  const Tensor x = from_vector(std::vector<double>{0.7}).squeeze();
  CHECK(grad(f)(x).item() == doctest::Approx(std::cos(0.7)).epsilon(1e-14));
  CHECK(grad(grad(f))(x).item() == doctest::Approx(-std::sin(0.7)).epsilon(1e-14));
  CHECK(grad(grad(grad(f)))(x).item() == doctest::Approx(-std::cos(0.7)).epsilon(1e-14));
  const auto g = [](const Tensor& t) { return (t.square() * t).sum(); };
  CHECK(allclose(jacobian(grad(g), normal({3})), hessian(g, normal({3})), 1e-13));
}

TEST_CASE("the numbers of arguments say in which") {
  const auto f = [](const Tensor& a, const std::vector<Tensor>& bs, double factor) {
    return (a * bs[0] + bs[1]).sum() * factor;
  };
  const Tensor a = normal({2});
  const std::vector<Tensor> bs{normal({2}, 2), normal({2}, 3)};
  const std::vector<Tensor> in_list = grad<1>(f)(a, bs, 2.);
  CHECK(allclose(in_list[0], 2 * a));
  CHECK(values(in_list[1]) == std::vector<double>{2, 2});
  const auto [ga, gb] = grad<0, 1>(f)(a, bs, 3.);
  CHECK(allclose(ga, 3 * bs[0]));
  CHECK(allclose(gb[0], 3 * a));
  const auto [both, y] = grad_and_value<1, 0>(f)(a, bs, 1.);
  CHECK(allclose(std::get<1>(both), bs[0]));
  CHECK(y.item() == f(a, bs, 1.).item());
}

TEST_CASE("in a net's parameters by their names: as backward() finds them") {
  manual_seed(3);
  Net net;
  const Tensor x = randn({6, 5}), labels = tensor({0, 1, 2, 0, 1, 2});
  const auto loss_of = [&](const nn::StateDict& p, const Tensor& input, const Tensor& target) {
    return cross_entropy(functional_call(net, p, input), target);
  };
  const auto [gradients, loss] = grad_and_value(loss_of)(net.state_dict(), x, labels);
  const Tensor plain = cross_entropy(net(x), labels);
  plain.backward();
  CHECK(loss.item() == plain.item());
  CHECK_FALSE(loss.requires_grad());
  const auto named = net.named_parameters();
  REQUIRE(gradients.size() == named.size());
  for (std::size_t i = 0; i < named.size(); ++i) {
    CHECK(gradients[i].first == named[i].first);
    CHECK(equal(gradients[i].second, named[i].second.grad()));
  }
}

TEST_CASE("the gradient of each example: their mean is that of the batch") {
  manual_seed(4);
  Net net;
  const Tensor x = randn({6, 5}), labels = tensor({0, 1, 2, 0, 1, 2});
  const auto loss_of = [&](const nn::StateDict& p, const Tensor& input, const Tensor& target) {
    return cross_entropy(functional_call(net, p, input), target);
  };
  const auto of_each = per_sample_grad(loss_of)(net.state_dict(), x, labels);
  const auto of_batch = grad(loss_of)(net.state_dict(), x, labels);
  REQUIRE(of_each.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(of_each[i].first == of_batch[i].first);
    CHECK(of_each[i].second.size(0) == 6);
    // Sums of six float32 numbers in another order.
    CHECK(allclose(of_each[i].second.mean(0), of_batch[i].second, 1e-5, 1e-7));
  }
  const auto third = grad(loss_of)(net.state_dict(), x.slice(0, 2, 3), labels.slice(0, 2, 3));
  CHECK(equal(of_each[0].second[2], third[0].second));

  const auto f = [](const Tensor& w, const Tensor& t) { return (w * t).sum(); };
  const Tensor w = normal({2}), batch = normal({3, 2}, 2);
  CHECK(allclose(per_sample_grad(f)(w, batch), batch));
  CHECK(per_sample_grad(f)(w, zeros({0, 2}, {.dtype = float64})).shape() == Shape{0, 2});
  CHECK(message_of<ShapeError>([&] {
          per_sample_grad([](const Tensor& a, const Tensor& b, const Tensor& c) {
            return (a * b * c).sum();
          })(w, batch, w);
        }) == "per_sample_grad: batch 1 has 2 examples, batch 0 has 3");
  CHECK(message_of<ShapeError>([&] { per_sample_grad(f)(w, tensor(1.)); }) ==
        "per_sample_grad: batch 0 has no axis of examples");
  CHECK(message_of<ValueError>([&] {
          per_sample_grad(f)(Tensor(), zeros({0, 2}));
        }) == "per_sample_grad: tensor 0 is undefined");
}

TEST_CASE("results are on the tape where an operation's would be") {
  const auto slope = grad([](const Tensor& x, const Tensor& w) { return (x.square() * w).sum(); });
  const Tensor x = normal({3}), w = normal({3}, 2).requires_grad_();
  const Tensor g = slope(x, w);
  REQUIRE(g.requires_grad());
  CHECK(allclose(grad(g.sum(), w), 2 * x, 1e-14));
  CHECK_FALSE(no_grad([&] { return slope(x, w); }).requires_grad());
  CHECK_FALSE(slope(x, w.detach()).requires_grad());
  CHECK(gradgradcheck([&](const Tensor& a, const Tensor& b) { return slope(a, b); },
                      {normal({3}), normal({3}, 2)}));
  CHECK_FALSE(w.grad().defined());
}

TEST_CASE("what the function does not depend on has a gradient of 0; what is no value is told") {
  const Tensor x = normal({2});
  CHECK(values(grad([](const Tensor& t) { return t.detach().sum(); })(x)) ==
        std::vector<double>{0, 0});
  CHECK(message_of<ShapeError>([&] { grad([](const Tensor& t) { return t; })(x); }) ==
        "grad: the function gives [2]; a gradient is that of one value, of more there are "
        "jacobian() and vjp()");
  CHECK(message_of<ValueError>([&] {
          grad_and_value([](const Tensor&) { return Tensor(); })(x);
        }) == "grad_and_value: result 0 is undefined");
  CHECK(message_of<ValueError>([&] {
          grad([](const Tensor& t) { return std::vector<Tensor>{t, t}; })(x);
        }) == "grad: the function gives 2 tensors; it must give one value");
  CHECK(message_of<DTypeError>([&] {
          grad([](const Tensor& t) { return t.sum(); })(tensor({1}));
        }) == "grad: tensor 0 is int64, which has no derivative");
  CHECK(message_of<ValueError>([&] { grad([](const Tensor&) { return tensor(1.); })(Tensor()); }) ==
        "grad: tensor 0 is undefined");
}
