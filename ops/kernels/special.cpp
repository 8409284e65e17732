#include <xgrad/ops/kernels/special.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace xgrad::kernels {
namespace {

using Wide = long double;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr Wide pi = std::numbers::pi_v<Wide>;
/// What is smaller beside a sum does not change it.
constexpr Wide unit = 0x1p-66L;

/// Lowest power first.
template <std::size_t N>
Wide polynomial(Wide x, const std::array<Wide, N>& c) {
  Wide sum = 0;
  for (std::size_t i = N; i-- > 0;) sum = sum * x + c[i];
  return sum;
}

Wide log_gamma(Wide x) {
  int sign = 0;
  return ::lgammal_r(x, &sign);  // std::lgamma writes a global variable
}

bool is_whole(double x) { return x == std::floor(x); }

// ψ(x) by Taylor's series about its positive root, which is the sum of two doubles.
constexpr Wide root_high = 0x1.762d86356be3fp+0L;
constexpr Wide root_low = 0x1.b86a722197829p-54L;
constexpr std::array<Wide, 12> about_root{
    0.9676722454476211704274L,  -0.4427631689835921060929L,  0.2584997609556510106244L,
    -0.1639427054424065275043L, 0.1078240506912623657572L,   -0.07219956125645471092612L,
    0.04880428816414310722509L, -0.03316112647484735929226L, 0.02259764823221810465962L,
    -0.0154247659049489591388L, 0.01053879161661217538812L,  -0.00720453438635686824097L};

// B₂ₖ / (2k) for k = 1, 2, …
constexpr std::array<Wide, 8> psi_series{1 / 12.0L,  -1 / 120.0L,     1 / 252.0L, -1 / 240.0L,
                                         1 / 132.0L, -691 / 32760.0L, 1 / 12.0L,  -3617 / 8160.0L};

/// ψ(x) for x > 0: ψ(x) = ψ(x + 1) − 1/x (DLMF 5.5.2) up to where ln x − 1/2x − Σ B₂ₖ / (2k x²ᵏ)
/// (DLMF 5.11.2) is exact.
Wide psi(Wide x) {
  const Wide from_root = (x - root_high) - root_low;
  if (std::abs(from_root) < 0x1p-5L) return from_root * polynomial(from_root, about_root);
  Wide below = 0;
  for (; x < 16; x += 1) below += 1 / x;
  const Wide inverse = 1 / (x * x);
  return std::log(x) - (below + 1 / (2 * x) + inverse * polynomial(inverse, psi_series));
}

// B₂ⱼ / (2j)! for j = 1, 2, …
constexpr std::array<Wide, 12> bernoulli{
    0.0833333333333333333333333L,     -0.00138888888888888888888889L,
    3.3068783068783068783068783e-5L,  -8.2671957671957671957671958e-7L,
    2.0876756987868098979210091e-8L,  -5.2841901386874931848476822e-10L,
    1.3382536530684678832826981e-11L, -3.3896802963225828668301954e-13L,
    8.5860620562778445641359055e-15L, -2.1748686985580618730415164e-16L,
    5.5090028283602295152026526e-18L, -1.3954464685812523340707686e-19L};

Wide power(Wide base, Wide exponent) {
  if (exponent > 64) return std::pow(base, exponent);
  Wide result = 1;
  for (auto left = static_cast<int>(exponent); left > 0; left /= 2, base *= base)
    if (left % 2 == 1) result *= base;
  return result;
}

/// qˢ ζ(s, q) = Σ (q / (q + k))ˢ for whole s ≥ 2 and q > 0: the first terms, and Euler and
/// Maclaurin's formula (DLMF 2.10.1) for the others.
Wide scaled_zeta(Wide s, Wide q) {
  Wide sum = 0;
  Wide a = q;
  for (; a < 16 + s; a += 1) {
    const Wide term = power(q / a, s);
    sum += term;
    if (term < unit * sum) return sum;
  }
  Wide rest = a / (s - 1) + 0.5L;
  Wide factor = s / a;
  for (std::size_t j = 0; j < bernoulli.size(); ++j) {
    rest += bernoulli[j] * factor;
    const Wide order = 2 * static_cast<Wide>(j) + 1;
    factor *= (s + order) / a * ((s + order + 1) / a);
  }
  return sum + power(q / a, s) * rest;
}

/// n! ζ(n + 1, q) for q > 0.
Wide factorial_zeta(std::int64_t n, Wide q) {
  if (std::isinf(q)) return 0;
  const Wide s = static_cast<Wide>(n) + 1;
  if (n > 170) return std::exp(log_gamma(s) - s * std::log(q)) * scaled_zeta(s, q);
  Wide factor = 1 / q;
  for (std::int64_t i = 1; i <= n; ++i) factor *= static_cast<Wide>(i) / q;
  return factor * scaled_zeta(s, q);
}

/// Σ (x²/4)ᵏ / (k! (k + order)!) (x/2)^order (DLMF 10.25.2): no term is negative.
Wide bessel_series(int order, Wide x) {
  const Wide square = x * x / 4;
  Wide term = order == 0 ? 1 : x / 2;
  Wide sum = term;
  for (int k = 1; term > unit * sum; ++k) {
    term *= square / static_cast<Wide>(k * (k + order));
    sum += term;
  }
  return sum;
}

/// √(2πx) e⁻ˣ I(x) for large x, but for e⁻²ˣ (DLMF 10.40.1).
Wide bessel_tail(int order, Wide x) {
  Wide term = 1;
  Wide sum = 1;
  for (int k = 1; k <= 40 && std::abs(term) > unit; ++k) {
    const int odd = 2 * k - 1;
    term *= static_cast<Wide>(odd * odd - 4 * order * order) / (8 * static_cast<Wide>(k) * x);
    sum += term;
  }
  return sum;
}

}  // namespace

double logit(double x) {
  // Near ½, where the logarithm is 0, 2x − 1 is exact.
  if (x > 0.25 && x < 0.75) return 2 * std::atanh(2 * x - 1);
  return std::log(x / (1 - x));
}

double erfinv(double y) {
  const double z = std::abs(y);
  if (!(z < 1)) return z == 1 ? std::copysign(infinity, y) : nan;
  // Winitzki's approximation (2008), off by 2·10⁻³, and Halley's method.
  constexpr double a = 0.147;
  const double l = std::log1p(-z * z);
  const double t = 2 / (std::numbers::pi * a) + l / 2;
  double x = std::sqrt(-l / a / (std::sqrt(t * t - l / a) + t));
  for (int step = 0; step < 3; ++step) {
    const double off = z < 0.5 ? std::erf(x) - z : (1 - z) - std::erfc(x);
    const double newton = off / (2 * std::numbers::inv_sqrtpi * std::exp(-x * x));
    x -= newton / (1 + x * newton);
  }
  return std::copysign(x, y);
}

double lgamma(double x) { return static_cast<double>(log_gamma(x)); }

// ψ(x) = ψ(1 − x) − π / tan(πx) for x < 0 (DLMF 5.5.4).
double digamma(double x) {
  if (x == 0) return std::copysign(infinity, -x);
  if (x > 0 || std::isnan(x)) return static_cast<double>(psi(x));
  if (is_whole(x)) return nan;
  const Wide rest = x - std::nearbyint(x);
  return static_cast<double>(psi(1 - Wide(x)) - pi / std::tan(pi * rest));
}

// (−1)ⁿ⁺¹ n! ζ(n + 1, x) (DLMF 5.15.1); for x < 0, the terms on both sides of 0 each by themselves.
double polygamma(std::int64_t n, double x) {
  const Wide sign = n % 2 == 0 ? -1 : 1;
  if (x > 0) return static_cast<double>(sign * factorial_zeta(n, x));
  if (std::isnan(x) || x == -infinity) return nan;
  if (is_whole(x)) return static_cast<double>(sign) * infinity;
  const Wide below = std::floor(x);
  const Wide left = factorial_zeta(n, Wide(x) - below);
  const Wide right = factorial_zeta(n, below + 1 - x) - factorial_zeta(n, 1 - Wide(x));
  return static_cast<double>(sign * left + right);
}

double bessel_i(int order, Scaling scaling, double x) {
  const Wide size = std::abs(x);
  const bool scaled = scaling == Scaling::exponential;
  const Wide sign = order == 1 && std::signbit(x) ? -1 : 1;
  if (std::isinf(x)) return static_cast<double>(sign * (scaled ? 0 : Wide(infinity)));
  // Beyond 20 what the tail leaves out is 4·10⁻¹⁸ of it.
  if (size < 20) {
    const Wide y = sign * bessel_series(order, size);
    return static_cast<double>(scaled ? y * std::exp(-size) : y);
  }
  const Wide y = sign * bessel_tail(order, size) / std::sqrt(2 * pi * size);
  return static_cast<double>(scaled ? y : y * std::exp(size));
}

double sinc(double x) {
  if (x == 0) return 1;
  // sin has the period 2, and the same values on both sides of ½; both differences are exact.
  const double rest = x - 2 * std::nearbyint(x / 2);
  const double angle = std::abs(rest) > 0.5 ? 1 - std::abs(rest) : std::abs(rest);
  const double sine = std::copysign(std::sin(std::numbers::pi * angle), rest);
  return sine / (std::numbers::pi * x);
}

}  // namespace xgrad::kernels
