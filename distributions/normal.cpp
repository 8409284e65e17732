#include <xgrad/distributions/normal.hpp>
#include <xgrad/distributions/parameters.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/special.hpp>

#include <cmath>
#include <numbers>

namespace xgrad::distributions {
namespace {

using std::numbers::ln2;
using std::numbers::pi;
using std::numbers::sqrt2;

const double half_log_2pi = 0.5 * std::log(2 * pi);

Tensor standard_normal(const Shape& shape, DType dtype, Generator* generator) {
  return randn(shape, {.dtype = dtype, .generator = generator});
}

/// ln of the density of z = (x − loc) / scale, for x.
Tensor log_normal_density(const Tensor& z, const Tensor& scale) {
  return -0.5 * square(z) - log(scale) - half_log_2pi;
}

}  // namespace

Normal::Normal(const Value& loc, const Value& scale, const Options& options)
    : LocationScale("Normal", loc, scale, options) {}

Tensor Normal::variance() const { return square(scale_); }
Tensor Normal::entropy() const { return log(scale_) + (0.5 + half_log_2pi); }

Tensor Normal::draw(const Shape& shape, Generator* generator) const {
  return loc_ + scale_ * standard_normal(shape, dtype(), generator);
}
Tensor Normal::log_density(const Tensor& x) const {
  return log_normal_density(standard(x), scale_);
}
Tensor Normal::cumulative(const Tensor& x) const {
  return 0.5 * erfc((loc_ - x) / (scale_ * sqrt2));
}
Tensor Normal::quantile(const Tensor& p) const {
  // In float32, 2p − 1 is −1 from p = 3e-8 on.
  const Tensor z = in_float64([](const Tensor& q) { return sqrt2 * erfinv(2 * q - 1); }, p);
  return loc_ + scale_ * z;
}

LogNormal::LogNormal(const Value& loc, const Value& scale, const Options& options)
    : Distribution("LogNormal", options), normal_(0, 1) {
  Tensor mean, deviation;
  take({{"loc", loc, mean, real}, {"scale", scale, deviation, positive}});
  normal_ = Normal(mean, deviation, {.validate_args = false});
}

Tensor LogNormal::mean() const { return exp(loc() + 0.5 * square(scale())); }
Tensor LogNormal::mode() const { return exp(loc() - square(scale())); }
Tensor LogNormal::variance() const {
  return expm1(square(scale())) * exp(2 * loc() + square(scale()));
}
Tensor LogNormal::entropy() const { return normal_.entropy() + loc(); }

void LogNormal::check_support(const Tensor& x) const { require_all(name(), a_value, x, positive); }
Tensor LogNormal::draw(const Shape& shape, Generator* generator) const {
  return exp(loc() + scale() * standard_normal(shape, dtype(), generator));
}
Tensor LogNormal::log_density(const Tensor& x) const {
  const Tensor y = log(x);
  return normal_.log_prob(y) - y;
}
Tensor LogNormal::cumulative(const Tensor& x) const { return normal_.cdf(log(x)); }
Tensor LogNormal::quantile(const Tensor& p) const { return exp(normal_.icdf(p)); }

HalfNormal::HalfNormal(const Value& scale, const Options& options)
    : Distribution("HalfNormal", options) {
  take({{"scale", scale, scale_, positive}});
}

Tensor HalfNormal::mean() const { return scale_ * std::sqrt(2 / pi); }
Tensor HalfNormal::mode() const { return zeros_like(scale_); }
Tensor HalfNormal::variance() const { return square(scale_) * (1 - 2 / pi); }
Tensor HalfNormal::entropy() const { return log(scale_) + (0.5 + half_log_2pi - ln2); }

void HalfNormal::check_support(const Tensor& x) const {
  require_all(name(), a_value, x, nonnegative);
}
Tensor HalfNormal::draw(const Shape& shape, Generator* generator) const {
  return scale_ * abs(standard_normal(shape, dtype(), generator));
}
Tensor HalfNormal::log_density(const Tensor& x) const {
  return where(x >= 0, log_normal_density(x / scale_, scale_) + ln2, -infinity);
}
Tensor HalfNormal::cumulative(const Tensor& x) const {
  return erf(clamp_min(x, 0) / (scale_ * sqrt2));
}
Tensor HalfNormal::quantile(const Tensor& p) const { return scale_ * sqrt2 * erfinv(p); }

}  // namespace xgrad::distributions
