#include <cmath>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;
using Unary = Tensor (*)(const Tensor&);
using Binary = Tensor (*)(const Operand&, const Operand&);

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

Tensor exact(double value) { return full({}, value, {.dtype = float64}); }

/// Within the roundings of a mathematical library's function, two, and of the literal.
doctest::Approx about(double value) {
  return doctest::Approx(value).epsilon(3 * std::numeric_limits<double>::epsilon()).scale(0);
}

/// Equal, where NaN is NaN.
void check_same(const Tensor& found, const Values& expected) {
  const Values given = values(found);
  REQUIRE(given.size() == expected.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    CAPTURE(i);
    if (std::isnan(expected[i]))
      CHECK(std::isnan(given[i]));
    else
      CHECK(given[i] == expected[i]);
  }
}

/// The gradients of the sum of f(a, b).
std::pair<Tensor, Tensor> slopes(Binary f, const Values& first, const Values& second) {
  const Tensor a = from_vector(first).requires_grad_();
  const Tensor b = from_vector(second).requires_grad_();
  f(a, b).sum().backward();
  return {a.grad(), b.grad()};
}

}  // namespace

TEST_CASE("functions of a value, by hand") {
  struct Known {
    Unary f;
    double x, y;
  };
  for (const Known& known : std::vector<Known>{{reciprocal, 4, 0.25},
                                               {rsqrt, 16, 0.25},
                                               {exp2, 3, 8},
                                               {exp2, -1, 0.5},
                                               {expm1, 1e-10, 1.00000000005e-10},
                                               {log2, 8, 3},
                                               {log10, 1000, 3},
                                               {log1p, 1e-10, 9.999999999500001e-11},
                                               {sin, 0.5, 0.479425538604203},
                                               {cos, 0.5, 0.8775825618903728},
                                               {tan, 0.5, 0.5463024898437905},
                                               {asin, 0.5, 0.5235987755982989},
                                               {acos, 0.5, 1.0471975511965979},
                                               {atan, 0.5, 0.4636476090008061},
                                               {sinh, 0.5, 0.5210953054937474},
                                               {cosh, 0.5, 1.1276259652063807},
                                               {asinh, 0.5, 0.48121182505960347},
                                               {acosh, 2, 1.3169578969248166},
                                               {atanh, 0.5, 0.5493061443340548},
                                               {frac, -2.75, -0.75}}) {
    CAPTURE(known.x);
    CAPTURE(known.y);
    CHECK(known.f(exact(known.x)).item() == about(known.y));
  }
}

TEST_CASE("functions of a value where they end") {
  check_same(reciprocal(tensor({0., -0., infinity})), {infinity, -infinity, 0});
  check_same(rsqrt(tensor({0., -1., infinity})), {infinity, undefined, 0});
  check_same(log1p(tensor({-1., -2., infinity})), {-infinity, undefined, infinity});
  check_same(log2(tensor({0., -1.})), {-infinity, undefined});
  check_same(log10(tensor({0., -1.})), {-infinity, undefined});
  check_same(expm1(tensor({-infinity, infinity})), {-1, infinity});
  check_same(exp2(tensor({-infinity, infinity, undefined})), {0, infinity, undefined});
  check_same(sin(tensor({infinity, undefined, 0.})), {undefined, undefined, 0});
  check_same(asin(tensor({1.5, 0.})), {undefined, 0});
  check_same(acos(tensor({1.5, 1.})), {undefined, 0});
  check_same(acosh(tensor({0.5, 1.})), {undefined, 0});
  check_same(atanh(tensor({1., -1., 2.})), {infinity, -infinity, undefined});
  CHECK(std::signbit(sin(tensor(-0.)).item()));
}

TEST_CASE("integers and bools become float32, but where they are whole already") {
  for (const Unary f : std::vector<Unary>{reciprocal, sin, log1p, frac, acosh}) {
    CHECK(f(tensor({1, 2})).dtype() == float32);
    CHECK(f(tensor({true})).dtype() == float32);
  }
  check_same(cos(tensor({0})), {1});
  check_same(frac(tensor({3})), {0});
  for (const Unary f : std::vector<Unary>{floor, ceil, round, trunc}) {
    const Tensor whole = tensor({1, 2});
    CHECK(f(whole).dtype() == int64);
    CHECK(f(whole).data<std::int64_t>() == whole.data<std::int64_t>());
  }
  for (const Binary f : std::vector<Binary>{atan2, hypot, logaddexp, xlogy, copysign})
    CHECK(f(tensor({1, 2}), 1).dtype() == float32);
  check_same(hypot(tensor({3}), tensor({4})), {5});
}

TEST_CASE("to whole numbers, with a gradient of 0") {
  const Values given{0.5, 1.5, 2.5, -0.5, -1.5, 1.25, infinity, undefined};
  const Tensor x = from_vector(given).requires_grad_();
  check_same(floor(x), {0, 1, 2, -1, -2, 1, infinity, undefined});
  check_same(ceil(x), {1, 2, 3, 0, -1, 2, infinity, undefined});
  check_same(round(x), {0, 2, 2, 0, -2, 1, infinity, undefined});
  check_same(trunc(x), {0, 1, 2, 0, -1, 1, infinity, undefined});
  CHECK(std::signbit(round(x)[3].item()));
  for (const Unary f : std::vector<Unary>{floor, ceil, round, trunc}) {
    x.set_grad({});
    f(x).sum().backward();
    check_same(x.grad(), Values(given.size(), 0));
  }
}

TEST_CASE("remainders and whole quotients, by hand") {
  const Tensor a = tensor({7, -7, 7, -7, 6, -6});
  const Tensor b = tensor({3, 3, -3, -3, 3, 3});
  for (const DType dtype : {int64, int32, float32, float64, bfloat16, float16}) {
    CAPTURE(dtype);
    const Tensor u = a.to(dtype), v = b.to(dtype);
    CHECK(fmod(u, v).dtype() == dtype);
    check_same(fmod(u, v), {1, -1, 1, -1, 0, 0});
    check_same(remainder(u, v), {1, 2, -2, -1, 0, 0});
    check_same(u % v, {1, 2, -2, -1, 0, 0});
    check_same(floor_divide(u, v), {2, -3, -3, 2, 2, -2});
  }
  check_same(tensor({5.5, -5.5}) % 2, {1.5, 0.5});
  check_same(tensor({5, 6}) % 2.5, {0, 1});
  check_same(7 % tensor({4, 5}), {3, 2});
  check_same(fmod(tensor({1., 1.}), tensor({0., infinity})), {undefined, 1});
  check_same(remainder(tensor({-1., 1.}), infinity), {infinity, 1});
  check_same(floor_divide(tensor({1., -1., 0.}), 0.), {infinity, -infinity, undefined});
  check_same(floor_divide(tensor({-1., 1.}), infinity), {-1, 0});
  // 0.1 is a little more than a tenth, but 1 / 0.1 rounds to 10.
  CHECK(floor_divide(exact(1), 0.1).item() == 9);
  const Tensor bytes = tensor({250, 7}).to(uint8);
  check_same(bytes % tensor({255, 255}).to(uint8), {250, 7});
  check_same(floor_divide(bytes, tensor({100, 255}).to(uint8)), {2, 0});
}

TEST_CASE("the least integer is divided by -1 without a trap") {
  const Tensor least = tensor({std::numeric_limits<std::int64_t>::min()});
  CHECK(fmod(least, -1).item<std::int64_t>() == 0);
  CHECK(remainder(least, -1).item<std::int64_t>() == 0);
  CHECK(equal(floor_divide(least, -1), least));
}

TEST_CASE("an integer divided by 0 is told") {
  const std::string rest =
      ": an integer divided by 0; convert with x.to(xgrad::float32) where NaN or infinity are "
      "meant";
  const Tensor x = tensor({1, 2});
  CHECK(message_of<ValueError>([&] { fmod(x, 0); }) == "fmod" + rest);
  CHECK(message_of<ValueError>([&] { remainder(x, tensor({1, 0})); }) == "remainder" + rest);
  CHECK(message_of<ValueError>([&] { floor_divide(5, x - 1); }) == "floor_divide" + rest);
  CHECK(remainder(x.slice(0, 0, 0), 0).numel() == 0);
}

TEST_CASE("functions of two, by hand") {
  CHECK(atan2(exact(1), exact(-1)).item() == about(0.75 * std::numbers::pi));
  CHECK(atan2(exact(-0.), -1).item() == about(-std::numbers::pi));
  CHECK(hypot(exact(3e200), exact(4e200)).item() == about(5e200));
  CHECK(logaddexp(exact(0), exact(std::numbers::ln2)).item() == about(1.0986122886681098));
  check_same(logaddexp(tensor({1000., infinity, -infinity, infinity, undefined}),
                       tensor({0., infinity, -infinity, -infinity, 0.})),
             {1000, infinity, -infinity, infinity, undefined});
  check_same(xlogy(tensor({0., 0., 0., 2., undefined}), tensor({0., undefined, -1., 1., 1.})),
             {0, undefined, 0, 0, undefined});
  CHECK(xlogy(2, exact(3)).item() == about(2 * 1.0986122886681098));
  const Tensor turned = copysign(tensor({-2., 0., 3.}), tensor({1., -1., -0.}));
  check_same(turned, {2, 0, -3});
  CHECK(std::signbit(turned[1].item()));
  const Tensor a = tensor({1., undefined, 2., undefined, 3.});
  const Tensor b = tensor({1., 3., undefined, undefined, 4.});
  check_same(fmax(a, b), {1, 3, 2, undefined, 4});
  check_same(fmin(a, b), {1, 3, 2, undefined, 3});
  check_same(fmax(tensor({1, 5}), 3), {3, 5});
  CHECK(fmin(tensor({1, 5}), 3).dtype() == int64);
}

TEST_CASE("gradients where they are not smooth") {
  const auto [hypot_a, hypot_b] = slopes(hypot, {0, 3}, {0, 4});
  check_same(hypot_a, {0, 0.6});
  check_same(hypot_b, {0, 0.8});
  const auto [xlogy_a, xlogy_b] = slopes(xlogy, {0, 0, 0, 2}, {0, -1, 1, 1});
  check_same(xlogy_a, {0, 0, 0, 0});
  check_same(xlogy_b, {undefined, 0, 0, 2});
  const auto [sign_a, sign_b] = slopes(copysign, {-2, 0, 3}, {1, -1, -1});
  check_same(sign_a, {-1, 0, -1});
  check_same(sign_b, {0, 0, 0});
  for (const Binary f : std::vector<Binary>{fmax, fmin}) {
    const auto [a, b] = slopes(f, {1, undefined, 2, undefined}, {1, 3, undefined, undefined});
    check_same(a, {0.5, 0, 1, 1});
    check_same(b, {0.5, 1, 0, 0});
  }
  const auto [fmod_a, fmod_b] = slopes(fmod, {5.5, -5.5}, {2, 2});
  check_same(fmod_a, {1, 1});
  check_same(fmod_b, {-2, 2});
  const auto [rest_a, rest_b] = slopes(remainder, {5.5, -5.5}, {2, 2});
  check_same(rest_a, {1, 1});
  check_same(rest_b, {-2, 3});
  const auto [whole_a, whole_b] = slopes(floor_divide, {5.5, -5.5}, {2, 2});
  check_same(whole_a, {0, 0});
  check_same(whole_b, {0, 0});
}

TEST_CASE("what is put together, by hand") {
  const Tensor x = tensor({1., 2.});
  check_same(addcmul(x, tensor({3., 4.}), tensor({5., 6.}), 2), {31, 50});
  check_same(addcdiv(x, tensor({6., 8.}), tensor({3., 2.}), 0.5), {2, 4});
  check_same(addcdiv(x, tensor({6., 8.}), tensor({3., 2.})), {3, 6});
  const Tensor from = tensor({0., 10.}), to = tensor({10., 20.});
  check_same(lerp(from, to, 0.25), {2.5, 12.5});
  check_same(lerp(from, to, tensor({0., 1.})), {0, 20});
  // Neither end is lost to the other's size.
  const Tensor small = tensor({1.}), large = tensor({1e30});
  CHECK(equal(lerp(small, large, 0), small));
  CHECK(equal(lerp(large, small, 1), small));
  CHECK(equal(lerp(large, small, tensor({1.})), small));
  const Tensor y = tensor({-1., 0.5, 2., undefined});
  check_same(clamp_min(y, 0), {0, 0.5, 2, undefined});
  check_same(clamp_max(y, 1), {-1, 0.5, 1, undefined});
}

TEST_CASE("clamp between tensors, and who gets the gradient, as libtorch 1.13 has them") {
  const Tensor x = from_vector(Values{-1, 0.5, 0.5, 0, 0.5, 0.5, 1, undefined}).requires_grad_();
  const Tensor low = from_vector(Values{0, 0, 2, 1, undefined, 0, 1, 0}).requires_grad_();
  const Tensor high = from_vector(Values{1, 1, 1, 1, 1, undefined, 1, 1}).requires_grad_();
  const Tensor y = clamp(x, low, high);
  check_same(y, {0, 0.5, 1, 1, undefined, undefined, 1, undefined});
  y.sum().backward();
  check_same(x.grad(), {0, 1, 0, 0, 0, 0, 1, 0});
  check_same(low.grad(), {1, 0, 0, 0, 0, 0, 0, 0});
  check_same(high.grad(), {0, 0, 1, 0, 0, 0, 0, 0});

  const Binary least = [](const Operand& a, const Operand& b) { return clamp_min(a.tensor(), b); };
  const Binary most = [](const Operand& a, const Operand& b) { return clamp_max(a.tensor(), b); };
  const auto [least_x, least_bound] =
      slopes(least, {0, 1, 2, undefined, 1, 0}, {1, 1, 1, 1, undefined, infinity});
  check_same(least_x, {0, 1, 1, 0, 0, 0});
  check_same(least_bound, {1, 0, 0, 0, 0, 1});
  const auto [most_x, most_bound] = slopes(most, {0, 1, 2, undefined, 1}, {1, 1, 1, 1, undefined});
  check_same(most_x, {1, 1, 0, 0, 0});
  check_same(most_bound, {0, 0, 1, 0, 0});

  check_same(clamp(tensor({1, 5, 9}), tensor({2}), tensor({6})), {2, 5, 6});
  CHECK(clamp(tensor({1, 5, 9}), tensor({2})).dtype() == int64);
  check_same(clamp(tensor({1, 5, 9}), {}, tensor({2.5})), {1, 2.5, 2.5});
  check_same(clamp(tensor({200, 7}).to(uint8), tensor({8}).to(uint8)), {200, 8});
  CHECK(message_of<ValueError>([&] { clamp(x, Tensor(), Tensor()); }) ==
        "clamp: neither a minimum nor a maximum was given");
  CHECK(message_of<ValueError>([&] {
          clamp_max(x, Tensor());
        }).starts_with("clamp_max: argument 2 is undefined"));
}

TEST_CASE("rounding to decimals, by hand") {
  const Tensor x = from_vector(Values{0.25, 0.375, -0.04, 12.349, infinity, undefined, 1e20});
  check_same(round(x, 1), {0.2, 0.4, -0., 12.3, infinity, undefined, 1e20});
  CHECK(std::signbit(round(x, 1)[2].item()));
  check_same(x.round(2), {0.25, 0.38, -0.04, 12.35, infinity, undefined, 1e20});
  check_same(round(from_vector(Values{15, 25, -4, 1234.5, infinity}), -1),
             {20, 20, -0., 1230, infinity});
  // More digits than a double has, before the point and behind it.
  check_same(round(x, 400), {0.25, 0.375, -0.04, 12.349, infinity, undefined, 1e20});
  check_same(round(exact(1234), -400), {0});
  CHECK(equal(round(tensor({3, 4}), 0), tensor({3, 4})));
  CHECK(message_of<DTypeError>([] {
          round(tensor({3, 4}), 1);
        }) == "round: int64 to 1 decimals; convert with x.to(xgrad::float32)");
}

TEST_CASE("sign bits and sums of powers of two") {
  check_same(signbit(tensor({-1., -0., 0., 2., -infinity})), {1, 1, 0, 0, 1});
  check_same(signbit(tensor({-3, 0, 3})), {1, 0, 0});
  check_same(signbit(tensor({true, false})), {0, 0});
  check_same(signbit(tensor({200}).to(uint8)), {0});
  CHECK(signbit(tensor({1.})).dtype() == boolean);
  check_same(
      logaddexp2(tensor({3., infinity, -infinity, 1000.}), tensor({3., infinity, -infinity, 0.})),
      {4, infinity, -infinity, 1000});
  const auto [a, b] = slopes(logaddexp2, {1}, {0});
  CHECK(values(a)[0] == about(2.0 / 3));
  CHECK(values(b)[0] == about(1.0 / 3));
}

TEST_CASE("numbers instead of NaN and infinity") {
  const Values odd{undefined, infinity, -infinity, 2};
  const Tensor x = from_vector(odd).requires_grad_();
  constexpr double most = std::numeric_limits<double>::max();
  check_same(nan_to_num(x), {0, most, -most, 2});
  check_same(nan_to_num(x, 7, 8, 9), {7, 8, 9, 2});
  nan_to_num(x).sum().backward();
  check_same(x.grad(), {0, 0, 0, 1});
  constexpr double most32 = std::numeric_limits<float>::max();
  check_same(nan_to_num(tensor({infinity, -infinity})), {most32, -most32});
  check_same(nan_to_num(tensor({infinity}).to(float16)), {65504});
  check_same(nan_to_num(tensor({infinity}).to(bfloat16)), {0x1.FEp127});
  check_same(nan_to_num(tensor({3})), {3});
}
