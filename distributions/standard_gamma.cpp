#include <xgrad/autograd/random.hpp>
#include <xgrad/distributions/standard_gamma.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/kernels/special.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/special.hpp>

#include <cmath>
#include <limits>
#include <numbers>

namespace xgrad::distributions {
namespace {

using xgrad::kernels::digamma;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double epsilon = std::numeric_limits<double>::epsilon();

// With the density f(l) = e^(αl − eˡ) / Γ(α) of l, the lower tail P, the upper one Q = 1 − P, and
// x = eˡ:
//
//     P / f = ∫ t^(α−1) e^(x(1−t)) dt           over (0, 1)
//     Q / f = the same over (1, ∞)
//     dl/dα = −(∂P/∂α) / f = ∫ t^(α−1) e^(x(1−t)) (ψ(α) − l − ln t) dt        over (0, 1)
//           =  (∂Q/∂α) / f = ∫ t^(α−1) e^(x(1−t)) (l + ln t − ψ(α)) dt        over (1, ∞)
//
// The last factor is positive where l < ψ(α) in the first and l > ψ(α) in the second: nothing
// cancels in the one that is chosen.
struct Tail {
  double mass = 0;   // P / f or Q / f
  double slope = 0;  // dl/dα
  bool is_lower;
};

/// The lower one by expanding e^(−xt): Σ tₙ with tₙ = xⁿ / (α (α+1) … (α+n)), and, since
/// ψ(α) + Σ 1/(α+k) is ψ(α+n+1), Σ tₙ (ψ(α+n+1) − l), which is positive where l < ψ(α+1).
Tail lower_by_series(double alpha, double l) {
  const double x = std::exp(l);
  Tail tail{.is_lower = true};
  double term = 1 / alpha;
  double psi = digamma(alpha + 1);
  for (double n = 1;; ++n) {
    const double part = term * (psi - l);
    tail.mass += term;
    tail.slope += part;
    if (term <= epsilon * tail.mass && part <= epsilon * tail.slope) return tail;
    term *= x / (alpha + n);
    psi += 1 / (alpha + n);
  }
}

/// Either with t = 1 ± s by the double exponential rule (Takahasi and Mori, 1974), s = c e^(u −
/// e^(−u)) with c about where the integrand has fallen to 1/e.
Tail by_quadrature(double alpha, double l, bool is_lower) {
  constexpr double step = 0.125;
  const double sign = is_lower ? -1 : 1;
  const double x = std::exp(l);
  const double psi = digamma(alpha);
  const double drift = std::abs(x - (alpha - 1));
  const double scale = 2 / (drift + std::sqrt(drift * drift + 2 * std::fmax(alpha - 1, 0)));
  Tail tail{.is_lower = is_lower};
  for (double u = -4; u <= 5; u += step) {
    const double s = scale * std::exp(u - std::exp(-u));
    if (is_lower && s >= 1) break;
    const double log_t = std::log1p(sign * s);
    const double mass =
        std::exp((alpha - 1) * log_t - sign * x * s) * s * (1 + std::exp(-u)) * step;
    tail.mass += mass;
    tail.slope += mass * sign * (l + log_t - psi);
  }
  return tail;
}

/// Of finite l and positive, finite α.
Tail tail_of(double alpha, double l) {
  constexpr double many = 200;  // α from which on the series is longer than the rule
  if (l >= digamma(alpha + 1)) return by_quadrature(alpha, l, false);
  return alpha < many ? lower_by_series(alpha, l) : by_quadrature(alpha, l, true);
}

bool is_usual(double alpha, double l) {
  return alpha > 0 && std::isfinite(alpha) && std::isfinite(l);
}

double slope_of(double alpha, double l) {
  return is_usual(alpha, l) ? tail_of(alpha, l).slope : nan;
}

double cdf_of(double alpha, double l) {
  if (alpha > 0 && std::isfinite(alpha) && std::isinf(l)) return l > 0 ? 1 : 0;
  if (!is_usual(alpha, l)) return nan;
  const double x = std::exp(l);
  if (std::isinf(x)) return 1;
  const Tail tail = tail_of(alpha, l);
  const double part = tail.mass * std::exp(alpha * l - x - kernels::lgamma(alpha));
  return tail.is_lower ? part : 1 - part;
}

/// y = f(α, l) of each.
Tensor of_each(const char* operation, double (*f)(double, double), const Tensor& alpha,
               const Tensor& l) {
  const auto formula = [f](auto a, auto log_x) {
    return static_cast<decltype(a)>(f(static_cast<double>(a), static_cast<double>(log_x)));
  };
  constexpr double nanoseconds = 1000;
  return map<Types::floating>(operation, kernels::Formula{formula, nanoseconds}, alpha, l);
}

Tensor refused(const Tensor&) {
  raise<GraphError>(
      "gamma: the second derivative in the concentration has no closed form; differentiate samples "
      "and cdf() once");
}

/// dl/dα at constant P; its slope in l is ψ(α) − l − dl/dα (α − eˡ).
Tensor slope(const Tensor& alpha, const Tensor& l) {
  const Tensor y = of_each("gamma_slope", slope_of, alpha, l);
  return record(
      "gamma_slope", y, wrt(alpha, refused),
      wrt(l, elementwise([a = saved(alpha), l = saved(l), y = saved_result(y)](const Tensor& dy) {
            return dy * (digamma(a()) - l() - y() * (a() - exp(l())));
          })));
}

/// The random numbers of one element: a stream of its own, so that how many its neighbours took
/// and on which thread changes nothing.
class Draws {
 public:
  Draws(std::uint64_t key, std::uint64_t element) noexcept : key_(halves(key)) {
    const auto [low, high] = halves(element);
    counter_ = {low, high, 0, 0};
  }

  /// In (0, 1).
  double uniform() noexcept {
    if (is_first_) drawn_ = philox(counter_, key_);
    if (!is_first_) ++counter_[2];
    const std::uint64_t bits =
        is_first_ ? joined(drawn_[0], drawn_[1]) : joined(drawn_[2], drawn_[3]);
    is_first_ = !is_first_;
    return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
  }

  double normal() noexcept {
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  static std::array<std::uint32_t, 2> halves(std::uint64_t bits) noexcept {
    return {static_cast<std::uint32_t>(bits), static_cast<std::uint32_t>(bits >> 32)};
  }
  static std::uint64_t joined(std::uint32_t low, std::uint32_t high) noexcept {
    return low | std::uint64_t{high} << 32;
  }

  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> drawn_{};
  bool is_first_ = true;
};

/// x = d (1 + c z)³ of a normal z, accepted with the ratio of the densities; of α < 1, x of α + 1
/// times u^(1/α).
double log_sample(double alpha, Draws draws) {
  if (!(alpha > 0 && std::isfinite(alpha))) return nan;
  const double boost = alpha < 1 ? std::log(draws.uniform()) / alpha : 0;
  const double d = (alpha < 1 ? alpha + 1 : alpha) - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double z = draws.normal();
    const double log_accepted = std::log(draws.uniform());
    if (c * z <= -1) continue;
    const double log_v = 3 * std::log1p(c * z);
    if (log_accepted < 0.5 * z * z + d * (log_v - std::expm1(log_v)))
      return std::log(d) + log_v + boost;
  }
}

}  // namespace

Tensor log_standard_gamma(const Tensor& alpha, Generator* given) {
  const Tensor wide = xgrad::detail::in_rows(to(alpha.detach(), float64));
  const Tensor l = Tensor::empty(alpha.shape(), float64);
  Generator& generator = given ? *given : default_generator();
  const std::uint64_t key = generator.next();
  const double* const from = wide.data<double>();
  double* const to_values = l.mutable_data<double>();
  kernels::parallel_for(
      l.numel(), kernels::grain_of(100.0), [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i)
          to_values[i] = log_sample(from[i], {key, static_cast<std::uint64_t>(i)});
      });
  return record("log_standard_gamma", l,
                wrt(alpha, elementwise([a = saved(alpha), l = saved_result(l)](const Tensor& dy) {
                      return dy * slope(a(), l());
                    })));
}

// ∂P/∂l = f, ∂P/∂α = −f dl/dα
Tensor standard_gamma_cdf(const Tensor& alpha, const Tensor& l) {
  const auto density = [](const Tensor& a, const Tensor& log_x) {
    return exp(a * log_x - exp(log_x) - lgamma(a));
  };
  const Tensor p = of_each("gamma_cdf", cdf_of, alpha, l);
  return record("gamma_cdf", p,
                wrt(alpha, elementwise([=, a = saved(alpha), l = saved(l)](const Tensor& dy) {
                      return -dy * density(a(), l()) * slope(a(), l());
                    })),
                wrt(l, elementwise([=, a = saved(alpha), l = saved(l)](const Tensor& dy) {
                      return dy * density(a(), l());
                    })));
}

}  // namespace xgrad::distributions
