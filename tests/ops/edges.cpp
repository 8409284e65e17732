// Conventions at the edges: NaN, ties, zeros, crossed bounds. They are PyTorch's.

#include <xgrad/ops/rules.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <sstream>

#include "support.hpp"

using namespace support;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// As text, where NaN is equal to itself and −0 to 0.
std::string shown(const std::vector<double>& numbers) {
  std::string text;
  for (const double v : numbers) {
    std::ostringstream one;
    one << (std::isnan(v) ? none : v + 0.0);
    text += (text.empty() ? "" : " ") + one.str();
  }
  return text;
}

using Function = std::function<Tensor(const Tensor&)>;

/// dy/dx; x * 0 because a constant has no graph.
Tensor slope(const Tensor& y, const Tensor& x) {
  return grad(sum(y + x * 0), x, {.create_graph = true});
}

/// The n-th derivative of f at each of the numbers.
std::string derivative(const Function& f, const std::vector<double>& at, int n = 1) {
  const Tensor x = from_vector(at).requires_grad_();
  Tensor y = f(x);
  for (int i = 0; i < n; ++i) y = slope(y, x);
  return shown(values(y.detach()));
}

/// Both rules of an operation of two: d/da and d/db, one beside the other.
std::string slopes(Tensor (*f)(const Operand&, const Operand&), const std::vector<double>& at_a,
                   const std::vector<double>& at_b, bool create_graph = false) {
  const Tensor a = from_vector(at_a).requires_grad_();
  const Tensor b = from_vector(at_b).requires_grad_();
  const auto g = grad({sum(f(a, b))}, {a, b}, {.create_graph = create_graph});
  return shown(values(g[0].detach())) + " | " + shown(values(g[1].detach()));
}

}  // namespace

TEST_CASE("clamp: the maximum wins where bounds cross, NaN stays, a NaN bound makes all NaN") {
  const Tensor x = tensor({-1., 0., 2., 5., none}, {.dtype = float64});
  CHECK(shown(values(clamp(x, 3, 1))) == "1 1 1 1 nan");
  CHECK(shown(values(clamp(x, 0, 2))) == "0 0 2 2 nan");
  CHECK(shown(values(clamp(x, none))) == "nan nan nan nan nan");
  CHECK(shown(values(clamp(x, {}, none))) == "nan nan nan nan nan");
  CHECK(values(clamp(tensor({1, 9}), 5, 2)) == std::vector<double>{2, 2});
  CHECK(clamp(tensor({1, 9}), 2, 5).dtype() == int64);
  CHECK(clamp(tensor({1, 9}), 1.5).dtype() == float32);
  CHECK(values(clamp(tensor({1, 9}), 1.5, 8)) == std::vector<double>{1.5, 8});
  CHECK(clamp(tensor({true}), 0, 5).dtype() == int64);
}

TEST_CASE("clamp's gradient passes between its bounds and at them, not at NaN") {
  const std::vector<double> at{-1, 0, 0.5, 1, 2, none, inf, -inf};
  const auto limited = [](std::optional<double> low, std::optional<double> high) {
    return [=](const Tensor& x) {
      if (!low) return clamp(x, {}, *high);
      return high ? clamp(x, *low, *high) : clamp(x, *low);
    };
  };
  CHECK(derivative(limited(0, 1), at) == "0 1 1 1 0 0 0 0");
  CHECK(derivative(limited(0, {}), at) == "0 1 1 1 1 0 1 0");
  CHECK(derivative(limited({}, 1), at) == "1 1 1 1 0 0 0 1");
  CHECK(derivative(limited(1, 0), at) == "0 0 0 0 0 0 0 0");
  CHECK(derivative(limited(0, 1), at, 2) == "0 0 0 0 0 0 0 0");
}

TEST_CASE("relu's gradient passes at NaN") {
  const std::vector<double> at{-1, -0.0, 0, 2, none, inf, -inf};
  CHECK(derivative([](const Tensor& x) { return relu(x); }, at) == "0 0 0 1 1 1 0");
  CHECK(shown(values(relu(from_vector(at)))) == "0 0 0 2 nan inf 0");
  CHECK(values(xgrad::detail::mask_positive(ones({3}), tensor({1., 0., none}))) ==
        std::vector<double>{1, 0, 1});
  CHECK(derivative([](const Tensor& x) { return abs(x); }, at) == "-1 0 0 1 0 1 -1");
}

TEST_CASE("maximum and minimum share at ties, and both get all of the gradient at NaN") {
  for (const bool create_graph : {false, true}) {
    CHECK(slopes(maximum, {1, 2, 3, none, 1, none, inf}, {2, 2, 2, 1, none, none, inf},
                 create_graph) == "0 0.5 1 1 1 1 0.5 | 1 0.5 0 1 1 1 0.5");
    CHECK(slopes(minimum, {1, 2, 3, none, 1, none, inf}, {2, 2, 2, 1, none, none, inf},
                 create_graph) == "1 0.5 0 1 1 1 0.5 | 0 0.5 1 1 1 1 0.5");
  }
  CHECK(shown(values(maximum(tensor({none, 1.}), tensor({1., none})))) == "nan nan");
  CHECK(shown(values(minimum(tensor({none, 1.}), tensor({1., none})))) == "nan nan");
  // What is not taken gets nothing, even of an infinite gradient.
  CHECK(derivative([](const Tensor& x) { return maximum(x, 2) * inf; }, {1, 3}) == "0 inf");
}

TEST_CASE("allclose: an infinity is close to itself alone, NaN to nothing") {
  const auto close = [](double a, double b) { return allclose(tensor(a), tensor(b)); };
  CHECK_FALSE(close(1, inf));
  CHECK_FALSE(close(inf, 1));
  CHECK_FALSE(close(-inf, inf));
  CHECK_FALSE(close(none, none));
  CHECK(close(inf, inf));
  CHECK(close(-inf, -inf));
  CHECK(close(1, 1 + 1e-7));
  CHECK_FALSE(allclose(tensor({1}), tensor({inf})));
  CHECK(allclose(tensor({1}), tensor({1.})));
  CHECK_FALSE(equal(tensor({none}), tensor({none})));
}

TEST_CASE("derivatives of whole powers of a number, to the fourth, at 0 and below") {
  const std::vector<double> at{0, -0.0, -2, 3};
  // d/dxⁿ xᵖ = p (p − 1) … (p − n + 1) xᵖ⁻ⁿ, which is 0 for n > p.
  for (int p = 0; p <= 4; ++p)
    for (int n = 0; n <= 5; ++n) {
      CAPTURE(p);
      CAPTURE(n);
      double factor = 1;
      for (int i = 0; i < n; ++i) factor *= p - i;
      std::vector<double> expected;
      for (const double v : at) expected.push_back(factor == 0 ? 0 : factor * std::pow(v, p - n));
      const Tensor x = from_vector(at).requires_grad_();
      // The number, a tensor that is constant, and one that is not: three ways, one answer.
      const Tensor constant = full({4}, double(p), {.dtype = float64});
      const Tensor variable = constant.clone().requires_grad_();
      for (const Tensor& y : {pow(x, p), pow(x, constant), pow(x, variable)}) {
        Tensor d = y;
        for (int i = 0; i < n; ++i) d = slope(d, x);
        CHECK(shown(values(d.detach())) == shown(expected));
      }
    }
}

TEST_CASE("derivatives of powers at 0: both arguments, mixed, and inside one tensor") {
  // Of aᵇ in b at a = 0: 0 where b ≥ 0, −∞ where it is below.
  CHECK(slopes(pow, {0, 0, 0, 0, 0}, {0, 1, 2, 0.5, -1}) == "0 1 0 inf -inf | 0 0 0 0 -inf");
  CHECK(slopes(pow, {0, 0, 0, 0, 0}, {0, 1, 2, 0.5, -1}, true) == "0 1 0 inf -inf | 0 0 0 0 -inf");
  // b = 0: a slope of 0 in a, whatever a is.
  for (const bool create_graph : {false, true})
    CHECK(
        slopes(pow, {none, inf, 1e-320, -2}, {0, 0, 0, 0}, create_graph).starts_with("0 0 0 0 |"));
  // Negative bases have slopes in a, none in b.
  CHECK(slopes(pow, {-2, -2}, {3, 2}) == "12 -4 | nan nan");
  const auto exponent_slope = [](int n) {
    return derivative([](const Tensor& b) { return pow(0, b); }, {0, 1, 2, 3}, n);
  };
  for (const int n : {1, 2, 3}) CHECK(exponent_slope(n) == "0 0 0 0");
  // ∂²/∂a∂b aᵇ = aᵇ⁻¹ (1 + b ln a): 1/a at b = 0, 0 at a = 0 for b above 1.
  const Tensor a = from_vector(std::vector<double>{4, 0, 0, 0}).requires_grad_();
  const Tensor b = from_vector(std::vector<double>{0, 2, 3, 0}).requires_grad_();
  const auto first = grad({sum(pow(a, b))}, {a, b}, {.create_graph = true});
  const auto of_a = grad({sum(first[0])}, {a, b}, {.create_graph = true});
  const auto of_b = grad({sum(first[1])}, {a, b}, {.create_graph = true});
  CHECK(shown(values(of_a[1].detach())) == "0.25 0 0 0");
  CHECK(shown(values(of_b[0].detach())) == "0.25 0 0 0");
  for (const Tensor& second : {of_a[0], of_a[1], of_b[0], of_b[1]})
    for (const Tensor& third : grad({sum(second)}, {a, b}, {.create_graph = true}))
      CHECK(all_finite(third));
}

TEST_CASE("a gradient of infinity does not become NaN at the power 0") {
  CHECK(derivative([](const Tensor& x) { return pow(x, 0) * inf; }, {0, 2}) == "0 0");
}

TEST_CASE("bools are not subtracted, nor negated") {
  const Tensor b = tensor({true, false});
  const auto told = [](const char* a, const char* c) {
    return std::string("sub: ") + a + " minus " + c +
           "; bools are not subtracted: compare them with !=, or convert with x.to(xgrad::int64)";
  };
  CHECK(message_of<DTypeError>([&] { b - b; }) == told("bool", "bool"));
  CHECK(message_of<DTypeError>([&] { b - 1; }) == told("bool", "int64"));
  CHECK(message_of<DTypeError>([&] { 1.0 - b; }) == told("float64", "bool"));
  CHECK(message_of<DTypeError>([&] { ones({2}) - b; }) == told("float32", "bool"));
  CHECK(message_of<DTypeError>([&] { b - ones({2}); }) == told("bool", "float32"));
  CHECK(message_of<DTypeError>([&] { ones({2}) - true; }) == told("float32", "bool"));
  CHECK(message_of<DTypeError>([&] { -b; }) ==
        "neg: takes numbers, got bool; convert with x.to(xgrad::int64)");
}

TEST_CASE("numbers among themselves promote as tensors of them would") {
  const Tensor c = tensor({true, false});
  CHECK(where(c, 1, 0).dtype() == int64);
  CHECK(where(c, 1.0, 0).dtype() == float32);
  CHECK(where(c, true, 0).dtype() == int64);
  CHECK(where(c, true, false).dtype() == boolean);
  CHECK(where(c, tensor({1, 2}), 0.5).dtype() == float32);
  CHECK(maximum(1, 2).dtype() == int64);
  CHECK((c + 1).dtype() == int64);
  CHECK((c * 1.5).dtype() == float32);
  CHECK((c / c).dtype() == float32);
  CHECK((tensor({1, 2}) + 2.0).dtype() == float32);
  CHECK(maximum(tensor({1, 2}), tensor({1., 3.})).dtype() == float32);
  CHECK(maximum(tensor({1., 2.}), ones({2}, {.dtype = float64})).dtype() == float64);
}

TEST_CASE("other edges") {
  const Tensor x = tensor({1., none, 3., none});
  CHECK(shown(values(sign(tensor({-2., -0.0, 0., 3., none})))) == "-1 0 0 1 0");
  CHECK(std::isnan(max(x).item()));
  CHECK(std::isnan(min(x).item()));
  CHECK(argmax(x).item() == 1);
  CHECK(argmin(x).item() == 1);
  CHECK(shown(values(tensor({1, -1, 0}) / 0)) == "inf -inf nan");
  CHECK(sum(tensor({true, true})).dtype() == int64);
  CHECK(prod(tensor({true, true})).dtype() == int64);
  CHECK(sum(tensor({true, true})).item() == 2);
  CHECK_THROWS_AS(mean(tensor({1, 2})), DTypeError);
  CHECK_THROWS_AS(var(tensor({1, 2})), DTypeError);
  CHECK((x == x).to_vector<bool>() == std::vector<bool>{true, false, true, false});
  CHECK((x != x).to_vector<bool>() == std::vector<bool>{false, true, false, true});
  CHECK((x >= 1).to_vector<bool>() == std::vector<bool>{true, false, true, false});
  CHECK((x < none).to_vector<bool>() == std::vector<bool>(4, false));
}

TEST_CASE("what tests compare with tells every value apart, the first and the last") {
  for (const DType dtype : {float32, float64, int64})
    for (const std::int64_t n : {1, 2, 15, 16, 17, 64, 65}) {
      CAPTURE(name(dtype));
      CAPTURE(n);
      const Tensor x = arange(n).to(dtype);
      CHECK(equal(x, x.clone()));
      CHECK(allclose(x, x.clone(), 0, 0));
      CHECK(all_finite(x));
      for (std::int64_t i = 0; i < n; ++i) {
        Tensor other = x.clone();
        other[i].fill_(n + 7);
        CHECK_FALSE(equal(x, other));
        CHECK_FALSE(equal(other, x));
        CHECK_FALSE(allclose(x, other, 1e-3, 1e-3));
        CHECK_FALSE(allclose(other, x, 1e-3, 1e-3));
        if (!is_floating(dtype)) continue;
        for (const double value : {none, inf, -inf}) {
          other[i].fill_(value);
          CHECK_FALSE(all_finite(other));
          CHECK_FALSE(allclose(x, other));
        }
      }
      CHECK_FALSE(equal(x, x.reshape({1, n})));
      CHECK_FALSE(equal(x, x.slice(0, 1)));
      CHECK_FALSE(equal(x, x.to(dtype == float32 ? float64 : float32)));
      CHECK_THROWS_AS(allclose(x, x.reshape({1, n})), ShapeError);
    }
  // The tolerance is absolute plus relative to the second.
  CHECK(allclose(tensor(1.5), tensor(1.), 0, 0.5));
  CHECK_FALSE(allclose(tensor(1.5), tensor(1.), 0, 0.49));
  CHECK(allclose(tensor(3.), tensor(2.), 0.5, 0));
  CHECK_FALSE(allclose(tensor(2.), tensor(3.), 0.3, 0));
  CHECK(allclose(tensor(2.), tensor(3.), 0.34, 0));
}

TEST_CASE("clamp: a minimum may be more than the dtype of x holds") {
  const Tensor bounds = tensor({2., 0.5, 300.}, {.dtype = float64});
  CHECK(shown(values(clamp_min(ones({3}, {.dtype = boolean}), bounds))) == "2 1 300");
  CHECK(shown(values(clamp_min(ones({3}, {.dtype = uint8}), bounds))) == "2 1 300");
  CHECK(clamp_min(ones({1}, {.dtype = uint8}), tensor({1000})).item<int>() == 1000);
  CHECK(shown(values(clamp_max(zeros({3}, {.dtype = uint8}), -bounds))) == "-2 -0.5 -300");
}

TEST_CASE("a quotient's slopes, where the square of what it is divided by is 0 or infinite") {
  CHECK(slopes(xgrad::div, {0, 1e-300, 1e300}, {1e-300, 1e-300, 1e300}) ==
        "1e+300 1e+300 1e-300 | 0 -1e+300 -1e-300");
  CHECK(derivative([](const Tensor& b) { return 0 / b; }, {1e-300, inf}, 2) == "0 0");
}

TEST_CASE("arcus functions: second derivatives near 0, where 1 - x cancels, and at the ends") {
  const auto near = [](const Function& f, double x, double by_hand) {
    const Tensor at = from_vector(std::vector<double>{x}).requires_grad_();
    const double found = slope(slope(f(at), at), at).item();
    CHECK(std::fabs(found / by_hand - 1) < 1e-14);
  };
  near(xgrad::asin, 1e-8, 1e-8);
  near(xgrad::acos, 1e-8, -1e-8);
  near(xgrad::atanh, 1e-8, 2e-8);
  CHECK(derivative(xgrad::asin, {-1, 1}, 2) == "-inf inf");
  CHECK(derivative(xgrad::acos, {-1, 1}, 2) == "inf -inf");
  CHECK(derivative(xgrad::acosh, {1}, 2) == "-inf");
  CHECK(derivative(xgrad::atanh, {-1, 1}, 2) == "-inf inf");
}

TEST_CASE("lerp goes from the nearer end, and its slopes are of that way alone") {
  CHECK(lerp(tensor({0.}), tensor({inf}), -3).item() == -inf);
  CHECK(lerp(tensor({0.}), tensor({inf}), tensor({-3.f})).item() == -inf);
  const Tensor zero = tensor({0.}, {.dtype = float64});
  CHECK(
      derivative([&](const Tensor& x) { return lerp(x, zero, tensor({-inf}, {.dtype = float64})); },
                 {0}) == "inf");
  CHECK(derivative([&](const Tensor& w) { return lerp(zero, zero + 2, w); }, {-3, 0.25, 0.75, 7}) ==
        "2 2 2 2");
}

TEST_CASE("fmod: the whole part has no derivative, where the quotient has none either") {
  const Tensor zero = tensor({0.}, {.dtype = float64});
  CHECK(derivative([&](const Tensor& b) { return fmod(zero, b); }, {1e-300}, 2) == "0");
  CHECK(derivative([&](const Tensor& b) { return fmod(zero + 7, b); }, {2, -2}) == "-3 3");
}

TEST_CASE("the largest and the smallest of NaN: the gradient goes to what is NaN") {
  for (const auto& f : std::vector<Function>{[](const Tensor& x) { return max(x) / 4; },
                                             [](const Tensor& x) { return min(x) / 4; },
                                             [](const Tensor& x) { return amax(x) / 4; },
                                             [](const Tensor& x) { return amin(x) / 4; }})
    CHECK(derivative(f, {1, none, 3, none}) == "0 0.5 0 0.5");
}

TEST_CASE("Bessel functions of order 1: second derivatives near 0") {
  CHECK(derivative(xgrad::i1e, {1e-20, -1e-20, 1e-300}, 2) == "-1 1 -1");
  CHECK(derivative([](const Tensor& x) { return i1(x) * 1e8; }, {1e-8}, 2) == "0.375");
  // Far out terms cancel; float32 has the digits of float64.
  for (const auto f : {xgrad::i0e, xgrad::i1e}) {
    const Tensor x = full({}, 709.9).requires_grad_();
    const Tensor wide = to(x.detach(), float64).requires_grad_();
    const double exact = grad(f(wide), wide).item();
    CHECK(grad(f(x), x).item() == doctest::Approx(exact).epsilon(1e-6));
  }
}

TEST_CASE("losses of what is infinite and of NaN") {
  const Tensor x = tensor({1., 2.}, {.dtype = float64});
  const Tensor var = tensor({inf, 1.}, {.dtype = float64});
  CHECK(shown(values(gaussian_nll_loss(x, x, var, {.reduction = Reduction::none}))) == "inf 0");
  // NaN in one way to spell the target is no probability of 0.
  const Tensor steps = log_softmax(zeros({4, 3}, {.dtype = float64}), -1);
  const Tensor broken = index_put(steps, {1, 2}, none);
  const Tensor loss =
      ctc_loss(broken, tensor({1, 2}), tensor(4), tensor(2), {.zero_infinity = true});
  CHECK(std::isnan(loss.item()));
}

TEST_CASE(
    "the variance of equal values is 0, however large, and that of large ones may be infinite") {
  const Tensor equal = full({12}, 1e300, {.dtype = float64});  // whose mean is rounded
  CHECK(var(equal).item() == 0);
  CHECK(xgrad::std(equal).item() == 0);
  const Tensor both = stack({equal, arange(12, {.dtype = float64})});
  CHECK(shown(values(var(both, {1}))) == "0 13");
  CHECK(var(tensor({1e200, -1e200}, {.dtype = float64})).item() == inf);
}
