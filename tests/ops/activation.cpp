#include <cmath>
#include <functional>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
using Values = std::vector<double>;
using Function = std::function<Tensor(const Tensor&)>;

Tensor leaf(const Values& list) { return tensor(list, {.dtype = float64, .requires_grad = true}); }

Values of(const Function& f, const Values& x) { return values(f(leaf(x))); }

/// By the kernel where there is one, after seeing that the recorded rule gives the same.
Values slopes(const Function& f, const Values& at) {
  const Tensor x = leaf(at);
  const Values plain = values(grad(sum(f(x)), x, {.create_graph = true}).detach());
  const Values fast = values(grad(sum(f(x)), x));
  for (std::size_t i = 0; i < at.size(); ++i) {
    CAPTURE(at[i]);
    if (std::isnan(fast[i]))
      CHECK(std::isnan(plain[i]));
    else
      CHECK(fast[i] == doctest::Approx(plain[i]).epsilon(1e-14));
  }
  return fast;
}

void check_near(const Values& given, const Values& expected) {
  REQUIRE(given.size() == expected.size());
  for (std::size_t i = 0; i < given.size(); ++i)
    CHECK(given[i] == doctest::Approx(expected[i]).epsilon(1e-14));
}

}  // namespace

TEST_CASE("activations of straight pieces by hand, and their gradients at the kinks") {
  const Function leaky = [](const Tensor& x) { return leaky_relu(x, 0.25); };
  CHECK(of(leaky, {-2, 0, 3, inf, -inf}) == Values{-0.5, 0, 3, inf, -inf});
  CHECK(slopes(leaky, {-2, 0, 3, inf, -inf}) == Values{0.25, 0.25, 1, 1, 0.25});
  const Function tanh_like = [](const Tensor& x) { return hardtanh(x, -1, 2); };
  CHECK(of(tanh_like, {-inf, -1, 0.5, 2, 3}) == Values{-1, -1, 0.5, 2, 2});
  CHECK(slopes(tanh_like, {-inf, -1, 0.5, 2, 3, not_a_number}) == Values{0, 0, 1, 0, 0, 1});
  CHECK(of(relu6, {-1, 0, 4, 6, inf}) == Values{0, 0, 4, 6, 6});
  CHECK(slopes(relu6, {-1, 0, 4, 6, inf}) == Values{0, 0, 1, 0, 0});
  CHECK(of(hardsigmoid, {-inf, -3, 0, 3, 9}) == Values{0, 0, 0.5, 1, 1});
  CHECK(slopes(hardsigmoid, {-inf, -3, 0, 3, 9}) == Values{0, 0, 1.0 / 6, 0, 0});
  CHECK(of(hardswish, {-inf, -3, -1.5, 0, 3, inf}) == Values{0, 0, -0.375, 0, 3, inf});
  check_near(slopes(hardswish, {-inf, -3, -1.5, 0, 3, inf}), {0, 0, 0, 0.5, 1, 1});
  const Function soft = [](const Tensor& x) { return softshrink(x, 1); };
  CHECK(of(soft, {-3, -1, 0.5, 1, 3, inf}) == Values{-2, 0, 0, 0, 2, inf});
  CHECK(slopes(soft, {-3, -1, 0.5, 1, 3, inf}) == Values{1, 0, 0, 0, 1, 1});
  const Function hard = [](const Tensor& x) { return hardshrink(x, 1); };
  CHECK(of(hard, {-3, -1, 0.5, 1, 3}) == Values{-3, 0, 0, 0, 3});
  CHECK(slopes(hard, {-3, -1, 0.5, 1, 3}) == Values{1, 0, 0, 0, 1});
  const Function cut = [](const Tensor& x) { return threshold(x, 1, -7); };
  CHECK(of(cut, {0, 1, 2, inf}) == Values{-7, -7, 2, inf});
  CHECK(slopes(cut, {0, 1, 2, inf}) == Values{0, 0, 1, 1});
  CHECK(values(threshold(tensor({1, 5}), 2, 9)) == Values{9, 5});
  for (const Function& f : {leaky, tanh_like, Function(relu6), soft, hard, cut})
    CHECK(std::isnan(of(f, {not_a_number})[0]));
}

TEST_CASE("smooth activations by their formulas") {
  const Values x{-3, -0.5, 0.25, 2};
  const auto each = [&](double (*f)(double)) {
    Values result;
    for (const double v : x) result.push_back(f(v));
    return result;
  };
  check_near(of([](const Tensor& t) { return elu(t, 2); }, x),
             each([](double v) { return v > 0 ? v : 2 * std::expm1(v); }));
  check_near(of([](const Tensor& t) { return celu(t, 2); }, x),
             each([](double v) { return v > 0 ? v : 2 * std::expm1(v / 2); }));
  check_near(of(selu, {1, -1}), {1.0507009873554804934,
                                 1.0507009873554804934 * 1.6732632423543772848 * std::expm1(-1.0)});
  check_near(of(silu, x), each([](double v) { return v / (1 + std::exp(-v)); }));
  check_near(of(mish, x), each([](double v) { return v * std::tanh(std::log1p(std::exp(v))); }));
  check_near(of([](const Tensor& t) { return softplus(t, 2, 3); }, x),
             each([](double v) { return 2 * v > 3 ? v : std::log1p(std::exp(2 * v)) / 2; }));
  check_near(of(logsigmoid, x), each([](double v) { return -std::log1p(std::exp(-v)); }));
  check_near(of(softsign, x), each([](double v) { return v / (1 + std::abs(v)); }));
  check_near(of(tanhshrink, x), each([](double v) { return v - std::tanh(v); }));
  check_near(of([](const Tensor& t) { return gelu(t, "tanh"); }, x), each([](double v) {
               const double inner = std::sqrt(2 / std::acos(-1)) * (v + 0.044715 * v * v * v);
               return 0.5 * v * (1 + std::tanh(inner));
             }));
  CHECK(equal(gelu(leaf(x), "none").detach(), gelu(leaf(x)).detach()));
  check_near(values(softmin(tensor({0., std::log(3.0)}, {.dtype = float64}), 0)), {0.75, 0.25});
  check_near(values(glu(tensor({{3., 0.}, {5., -std::log(3.0)}}, {.dtype = float64}))),
             {1.5, 1.25});
}

TEST_CASE("far from 0 nothing overflows and no gradient is NaN") {
  const Values x{-1e6, -1000, 1000, 1e6};
  const std::vector<std::pair<const char*, Function>> to_itself{
      {"softplus", [](const Tensor& t) { return softplus(t); }},
      {"softplus, exact", [](const Tensor& t) { return softplus(t, 1, inf); }},
      {"mish", mish},
      {"silu", silu},
      {"gelu", [](const Tensor& t) { return gelu(t, "tanh"); }},
      {"hardswish", hardswish}};
  for (const auto& [name, f] : to_itself) {
    CAPTURE(name);
    CHECK(of(f, x) == Values{0, 0, 1000, 1e6});
    CHECK(slopes(f, x) == Values{0, 0, 1, 1});
  }
  const Function exponential = [](const Tensor& t) { return elu(t, 3); };
  CHECK(of(exponential, {-inf, -1000, 1000, inf}) == Values{-3, -3, 1000, inf});
  CHECK(slopes(exponential, {-inf, -1000, 1000, inf}) == Values{0, 0, 1, 1});
  CHECK(slopes(exponential, {0}) == Values{3});
  CHECK(of(exponential, {-1e-20}) == Values{3 * -1e-20});
  CHECK(of(logsigmoid, {-inf, -1000, 1000}) == Values{-inf, -1000, 0});
  CHECK(slopes(logsigmoid, {-1000, 1000}) == Values{1, 0});
}

TEST_CASE("prelu's weight is one or one for each channel") {
  const Tensor x =
      tensor({{-1., -2., inf}, {4., -5., 0.}}, {.dtype = float64, .requires_grad = true});
  const Tensor weight = leaf({0.5, 2, 3});
  const Tensor y = prelu(x, weight);
  CHECK(values(y) == Values{-0.5, -4, inf, 4, -10, 0});
  sum(y).backward();
  CHECK(values(weight.grad()) == Values{-1, -7, 0});
  CHECK(values(x.grad()) == Values{0.5, 2, 1, 1, 2, 3});
  CHECK(values(prelu(tensor({-1., 2.}), tensor({0.5}))) == Values{-0.5, 2});
  CHECK(prelu(tensor(-1.), tensor({0.5})).shape() == Shape{});
  CHECK(message_of<ShapeError>([&] { prelu(x, zeros({2}, {.dtype = float64})); }) ==
        "prelu: weight [2] for x [2, 3]; it has one value, or one for each of the 3 channels");
}

TEST_CASE("activations tell what they do not take") {
  const Tensor x = zeros({2, 3});
  CHECK(message_of<ShapeError>([&] { glu(x); }) ==
        "glu: axis -1 of shape [2, 3] has no two halves");
  CHECK(message_of<ValueError>([&] { celu(x, 0); }) == "celu: alpha 0; x is divided by it");
  CHECK(message_of<ValueError>([&] { softshrink(x, -1); }) ==
        "softshrink: lambd -1; it must not be negative");
  CHECK(message_of<ValueError>([&] { hardtanh(x, 2, 1); }) ==
        "hardtanh: min_val 2 and max_val 1; the first must not be larger");
  CHECK(message_of<ValueError>([&] { gelu(x, "sigmoid"); }) ==
        "gelu: approximate is \"sigmoid\"; it is \"none\" or \"tanh\"");
  for (Tensor (*f)(const Tensor&) : {silu, mish, selu, relu6, hardswish, tanhshrink})
    CHECK_FALSE(message_of<DTypeError>([&] { f(tensor({1, 2})); }).empty());
}
