#include <xgrad/distributions/continuous.hpp>
#include <xgrad/distributions/parameters.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/math.hpp>

#include <cmath>
#include <limits>
#include <numbers>

namespace xgrad::distributions {

using std::numbers::egamma;
using std::numbers::ln2;
using std::numbers::pi;

Uniform::Uniform(const Value& low, const Value& high, const Options& options)
    : Distribution("Uniform", options) {
  take({{"low", low, low_, finite}, {"high", high, high_, finite}});
  if (validates()) require_all(name(), "low", low_ < high_, "be below high", low_);
}

Tensor Uniform::mean() const { return 0.5 * (low_ + high_); }
Tensor Uniform::variance() const { return square(high_ - low_) / 12; }
Tensor Uniform::entropy() const { return log(high_ - low_); }

void Uniform::check_support(const Tensor& x) const {
  require_all(name(), a_value, (x >= low_) & (x <= high_), "lie in [low, high]", x);
}
Tensor Uniform::log_density(const Tensor& x) const {
  return where((x >= low_) & (x <= high_), -log(high_ - low_), -infinity);
}
Tensor Uniform::cumulative(const Tensor& x) const {
  return clamp((x - low_) / (high_ - low_), 0, 1);
}
Tensor Uniform::quantile(const Tensor& p) const { return low_ + p * (high_ - low_); }

Exponential::Exponential(const Value& rate, const Options& options)
    : Distribution("Exponential", options) {
  take({{"rate", rate, rate_, positive}});
}

Tensor Exponential::mean() const { return reciprocal(rate_); }
Tensor Exponential::mode() const { return zeros_like(rate_); }
Tensor Exponential::variance() const { return reciprocal(square(rate_)); }
Tensor Exponential::entropy() const { return 1 - log(rate_); }

void Exponential::check_support(const Tensor& x) const {
  require_all(name(), a_value, x, nonnegative);
}
Tensor Exponential::log_density(const Tensor& x) const {
  return where(x >= 0, log(rate_) - rate_ * x, -infinity);
}
Tensor Exponential::cumulative(const Tensor& x) const { return -expm1(-rate_ * clamp_min(x, 0)); }
Tensor Exponential::quantile(const Tensor& p) const { return -log1p(-p) / rate_; }

Laplace::Laplace(const Value& loc, const Value& scale, const Options& options)
    : LocationScale("Laplace", loc, scale, options) {}

Tensor Laplace::variance() const { return 2 * square(scale_); }
Tensor Laplace::entropy() const { return log(scale_) + (1 + ln2); }

Tensor Laplace::log_density(const Tensor& x) const { return -abs(standard(x)) - log(scale_) - ln2; }
// Both tails by their own side, with all digits and without overflow.
Tensor Laplace::cumulative(const Tensor& x) const {
  const Tensor z = standard(x);
  return where(z < 0, 0.5 * exp(clamp_max(z, 0)), 1 - 0.5 * exp(-clamp_min(z, 0)));
}
Tensor Laplace::quantile(const Tensor& p) const {
  return loc_ + scale_ * where(p < 0.5, log(2 * p), -log(2 * (1 - p)));
}

Cauchy::Cauchy(const Value& loc, const Value& scale, const Options& options)
    : LocationScale("Cauchy", loc, scale, options) {}

Tensor Cauchy::mean() const { return full_like(loc_, std::numeric_limits<double>::quiet_NaN()); }
Tensor Cauchy::variance() const { return full_like(loc_, infinity); }
Tensor Cauchy::entropy() const { return log(scale_) + std::log(4 * pi); }

Tensor Cauchy::log_density(const Tensor& x) const {
  return -log1p(square(standard(x))) - log(scale_) - std::log(pi);
}
// As an angle from the lower end, not from the middle: the lower tail keeps its digits.
Tensor Cauchy::cumulative(const Tensor& x) const { return atan2(1, (loc_ - x) / scale_) / pi; }
// tan loses digits near ±π/2, and may have the wrong sign there.
Tensor Cauchy::quantile(const Tensor& p) const {
  const Tensor below = -1 / tan(pi * p);
  const Tensor above = 1 / tan(pi * (1 - p));
  const Tensor z = where(p < 0.25, below, where(p > 0.75, above, tan(pi * (p - 0.5))));
  return loc_ + scale_ * z;
}

Gumbel::Gumbel(const Value& loc, const Value& scale, const Options& options)
    : LocationScale("Gumbel", loc, scale, options) {}

Tensor Gumbel::mean() const { return loc_ + scale_ * egamma; }
Tensor Gumbel::variance() const { return square(scale_) * (pi * pi / 6); }
Tensor Gumbel::entropy() const { return log(scale_) + (1 + egamma); }

Tensor Gumbel::log_density(const Tensor& x) const {
  const Tensor z = standard(x);
  return -z - exp(-z) - log(scale_);
}
Tensor Gumbel::cumulative(const Tensor& x) const { return exp(-exp((loc_ - x) / scale_)); }
Tensor Gumbel::quantile(const Tensor& p) const { return loc_ - scale_ * log(-log(p)); }

}  // namespace xgrad::distributions
