#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/special.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/pointwise.hpp>
#include <xgrad/ops/special.hpp>

#include <limits>
#include <numbers>

namespace xgrad {

using detail::function;
using detail::function_by_result;

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// f, which is for doubles, of values of any type.
template <class F>
auto of_double(F f) {
  return [f](auto v) { return static_cast<decltype(v)>(f(static_cast<double>(v))); };
}

}  // namespace

// y = ln(x / (1 − x));  dL/dx = dL/dy / (x (1 − x)), NaN where y is; with ε, 0 beyond the bounds
Tensor logit(const Tensor& x, std::optional<double> eps) {
  if (!eps)
    return function(
        Op::logit, x, of_double(kernels::logit),
        [](const Tensor& dy, const Tensor& u) {
          return where(u < 0, nan, where(u > 1, nan, dy / (u * (1 - u))));
        },
        25);
  require_number("logit", "eps", *eps);
  const double low = *eps;
  return function(
      Op::logit, x,
      [low](auto v) {
        using T = decltype(v);
        const T least = static_cast<T>(low);
        const T most = 1 - least;
        const T held = v < least ? least : v > most ? most : v;
        return static_cast<T>(kernels::logit(static_cast<double>(held)));
      },
      [low](const Tensor& dy, const Tensor& u) {
        return where(u < low, 0, where(u > 1 - low, 0, dy / (u * (1 - u))));
      },
      25);
}

// y = erf⁻¹ x;  dL/dx = √π / 2 e^(y²) dL/dy
Tensor erfinv(const Tensor& x) {
  constexpr double half_root = 0.5 / std::numbers::inv_sqrtpi;
  return function_by_result(
      Op::erfinv, x, of_double(kernels::erfinv),
      [](const Tensor& dy, const Tensor& y) { return dy * half_root * exp(square(y)); }, 100);
}

// y = ln |Γ(x)|;  dL/dx = ψ(x) dL/dy
Tensor lgamma(const Tensor& x) {
  return function(
      Op::lgamma, x, of_double(kernels::lgamma),
      [](const Tensor& dy, const Tensor& u) { return dy * digamma(u); }, 80);
}

// y = ψ(x);  dL/dx = ψ′(x) dL/dy
Tensor digamma(const Tensor& x) {
  return function(
      Op::digamma, x, of_double(kernels::digamma),
      [](const Tensor& dy, const Tensor& u) { return dy * polygamma(1, u); }, 110);
}

// y = ψ⁽ⁿ⁾(x);  dL/dx = ψ⁽ⁿ⁺¹⁾(x) dL/dy
Tensor polygamma(std::int64_t n, const Tensor& x) {
  const detail::Running running("polygamma", x);
  require<ValueError>(n >= 0 && n <= std::int64_t{1} << 53,
                      "polygamma: n = {}; the order of the derivative is from 0 to 2^53", n);
  if (n == 0) return digamma(x);
  return function(
      Op::polygamma, x, of_double([n](double v) { return kernels::polygamma(n, v); }),
      [n](const Tensor& dy, const Tensor& u) { return dy * polygamma(n + 1, u); }, 300);
}

namespace {

auto bessel(int order, kernels::Scaling scaling) {
  return of_double([=](double v) { return kernels::bessel_i(order, scaling, v); });
}
constexpr double bessel_nanoseconds = 150;

/// I₁(x) / x of i₁ = I₁(x), or both times e^(−|x|). Near 0 the derivatives of a quotient would
/// cancel: with t = x²/4 it is ½ + t/4 + t²/24 there.
Tensor over_x(const Tensor& i1, const Tensor& x, bool scaled) {
  const Tensor near = abs(x) < 0.01;
  const Tensor t = square(where(near, x, 0)) / 4;
  const Tensor series = 0.5 + t * (0.25 + t / 24);
  return where(near, scaled ? series * exp(-abs(x)) : series, i1 / where(near, 1, x));
}

}  // namespace

// y = I₀(x);  dL/dx = I₁(x) dL/dy
Tensor i0(const Tensor& x) {
  return function(
      Op::i0, x, bessel(0, kernels::Scaling::none),
      [](const Tensor& dy, const Tensor& u) { return dy * i1(u); }, bessel_nanoseconds);
}

namespace {

/// A slope whose terms cancel, worked out in float64 as the functions are, and rounded once.
template <class Slope>
Tensor rounded_once(const Tensor& x, Slope slope) {
  return x.dtype() == float64 ? slope(x) : to(slope(to(x, float64)), x.dtype());
}

}  // namespace

// y = e^(−|x|) I₀(x);  dL/dx = (e^(−|x|) I₁(x) − sign(x) y) dL/dy
Tensor i0e(const Tensor& x) {
  return function(
      Op::i0e, x, bessel(0, kernels::Scaling::exponential),
      [](const Tensor& dy, const Tensor& u) {
        return dy * rounded_once(u, [](const Tensor& v) { return i1e(v) - sign(v) * i0e(v); });
      },
      bessel_nanoseconds);
}

// y = I₁(x);  dL/dx = (I₀(x) − I₁(x) / x) dL/dy
Tensor i1(const Tensor& x) {
  return function(
      Op::i1, x, bessel(1, kernels::Scaling::none),
      [](const Tensor& dy, const Tensor& u) { return dy * (i0(u) - over_x(i1(u), u, false)); },
      bessel_nanoseconds);
}

// y = e^(−|x|) I₁(x);  dL/dx = (e^(−|x|) (I₀(x) − I₁(x) / x) − sign(x) y) dL/dy
Tensor i1e(const Tensor& x) {
  return function(
      Op::i1e, x, bessel(1, kernels::Scaling::exponential),
      [](const Tensor& dy, const Tensor& u) {
        return dy * rounded_once(u, [](const Tensor& v) {
                 const Tensor y = i1e(v);
                 return i0e(v) - over_x(y, v, true) - sign(v) * y;
               });
      },
      bessel_nanoseconds);
}

namespace {

/// (cos πx − sinc x) / x; near 0, where that cancels, −π²x/3 (1 − (πx)²/10 + (πx)⁴/280).
Tensor sinc_slope(const Tensor& x) {
  constexpr double pi = std::numbers::pi;
  const Tensor near = abs(x) < 1e-3;
  const Tensor apart = where(near, 1, x);
  const Tensor s = square(pi * where(near, x, 0));
  const Tensor series = x * (-pi * pi / 3) * (1 - s / 10 + square(s) / 280);
  return where(near, series, (cos(pi * apart) - sinc(apart)) / apart);
}

}  // namespace

// y = sin(πx) / (πx);  dL/dx = (cos πx − y) / x dL/dy, 0 at 0
Tensor sinc(const Tensor& x) {
  return function(
      Op::sinc, x, of_double(kernels::sinc),
      [](const Tensor& dy, const Tensor& u) { return dy * sinc_slope(u); }, 50);
}

}  // namespace xgrad
