#include <xgrad/autograd/raise.hpp>
#include <xgrad/distributions/gamma.hpp>
#include <xgrad/distributions/parameters.hpp>
#include <xgrad/distributions/standard_gamma.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/lookup.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>
#include <xgrad/ops/special.hpp>

#include <cmath>
#include <limits>
#include <numbers>

namespace xgrad::distributions {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// ln of gamma samples, of `shape`.
Tensor log_gammas(const Tensor& concentration, const Shape& shape, Generator* generator) {
  return log_standard_gamma(expand(to(concentration, float64), shape), generator);
}

Tensor log_beta(const Tensor& a, const Tensor& b) { return lgamma(a) + lgamma(b) - lgamma(a + b); }

}  // namespace

Gamma::Gamma(const Value& concentration, const Value& rate, const Options& options)
    : Gamma("Gamma", options) {
  take({{"concentration", concentration, concentration_, positive_finite},
        {"rate", rate, rate_, positive}});
}

Tensor Gamma::mean() const { return concentration_ / rate_; }
Tensor Gamma::mode() const { return clamp_min(concentration_ - 1, 0) / rate_; }
Tensor Gamma::variance() const { return concentration_ / square(rate_); }
Tensor Gamma::entropy() const {
  return in_float64(
      [](const Tensor& a, const Tensor& rate) {
        return a - log(rate) + lgamma(a) + (1 - a) * digamma(a);
      },
      concentration_, rate_);
}

void Gamma::check_support(const Tensor& x) const { require_all(name(), a_value, x, nonnegative); }
Tensor Gamma::draw(const Shape& shape, Generator* generator) const {
  const Tensor x = exp(log_gammas(concentration_, shape, generator) - log(to(rate_, float64)));
  return clamp(to(x, dtype()), smallest(dtype()));
}
Tensor Gamma::log_density(const Tensor& x) const {
  return in_float64(
      [](const Tensor& a, const Tensor& rate, const Tensor& y) {
        return xlogy(a, rate) + xlogy(a - 1, y) - rate * y - lgamma(a);
      },
      concentration_, rate_, x);
}
Tensor Gamma::cumulative(const Tensor& x) const {
  const Tensor l = log(to(rate_, float64) * to(x, float64));
  return to(standard_gamma_cdf(expand(to(concentration_, float64), l.shape()), l), x.dtype());
}

Chi2::Chi2(const Value& df, const Options& options) : Gamma("Chi2", options) {
  take({{"df", df, concentration_, positive_finite}});
  concentration_ = 0.5 * concentration_;
  rate_ = full_like(concentration_, 0.5);
}

Tensor Chi2::df() const { return 2 * concentration_; }

Beta::Beta(const Value& concentration1, const Value& concentration0, const Options& options)
    : Distribution("Beta", options) {
  take({{"concentration1", concentration1, concentration1_, positive_finite},
        {"concentration0", concentration0, concentration0_, positive_finite}});
}

Tensor Beta::mean() const { return concentration1_ / (concentration1_ + concentration0_); }
Tensor Beta::mode() const {
  const Dirichlet both{stack({concentration1_, concentration0_}, -1), {.validate_args = false}};
  return select(both.mode(), -1, 0);
}
Tensor Beta::variance() const {
  const Tensor total = concentration1_ + concentration0_;
  return concentration1_ * concentration0_ / (square(total) * (total + 1));
}
Tensor Beta::entropy() const {
  return in_float64(
      [](const Tensor& a, const Tensor& b) {
        return log_beta(a, b) - (a - 1) * digamma(a) - (b - 1) * digamma(b) +
               (a + b - 2) * digamma(a + b);
      },
      concentration1_, concentration0_);
}

void Beta::check_support(const Tensor& x) const { require_all(name(), a_value, x, probability); }
// Of two gamma numbers x / (x + y), by their logarithms: both may be too small to divide.
Tensor Beta::draw(const Shape& shape, Generator* generator) const {
  const Tensor x = log_gammas(concentration1_, shape, generator);
  const Tensor y = log_gammas(concentration0_, shape, generator);
  return to(sigmoid(x - y), dtype());
}
Tensor Beta::log_density(const Tensor& x) const {
  return in_float64(
      [](const Tensor& a, const Tensor& b, const Tensor& y) {
        return xlogy(a - 1, y) + xlog1py(b - 1, -y) - log_beta(a, b);
      },
      concentration1_, concentration0_, x);
}

Dirichlet::Dirichlet(const Value& concentration, const Options& options)
    : Distribution("Dirichlet", options) {
  take({{"concentration", concentration, concentration_, positive_finite}});
  shape_as_vectors();
  if (event_shape()[0] == 0)
    raise<ShapeError>("Dirichlet: there must be one or more numbers: {}", concentration_.shape());
}

Tensor Dirichlet::mean() const { return concentration_ / concentration_.sum(-1, true); }
Tensor Dirichlet::mode() const {
  const Tensor above = clamp_min(concentration_ - 1, 0);
  const Tensor corner = one_hot(argmax(concentration_, -1), concentration_.size(-1));
  return where(all(concentration_ < 1, -1, true), to(corner, dtype()), above / above.sum(-1, true));
}
Tensor Dirichlet::variance() const {
  const Tensor total = concentration_.sum(-1, true);
  return concentration_ * (total - concentration_) / (square(total) * (total + 1));
}
Tensor Dirichlet::entropy() const {
  return in_float64(
      [](const Tensor& a) {
        const Tensor total = a.sum(-1);
        return lgamma(a).sum(-1) - lgamma(total) - (double(a.size(-1)) - total) * digamma(total) -
               ((a - 1) * digamma(a)).sum(-1);
      },
      concentration_);
}

void Dirichlet::check_support(const Tensor& x) const {
  require_all(name(), a_value, x, nonnegative);
  const Tensor total = x.sum(-1);
  require_all(name(), "the sum of a value", abs(total - 1) < 1e-6, "be 1", total);
}
Tensor Dirichlet::draw(const Shape& shape, Generator* generator) const {
  return to(softmax(log_gammas(concentration_, shape, generator), -1), dtype());
}
Tensor Dirichlet::log_density(const Tensor& x) const {
  return in_float64(
      [](const Tensor& a, const Tensor& y) {
        return xlogy(a - 1, y).sum(-1) + lgamma(a.sum(-1)) - lgamma(a).sum(-1);
      },
      concentration_, x);
}

StudentT::StudentT(const Value& df, const Value& loc, const Value& scale, const Options& options)
    : Distribution("StudentT", options) {
  take({{"df", df, df_, positive_finite},
        {"loc", loc, loc_, real},
        {"scale", scale, scale_, positive}});
}

Tensor StudentT::mean() const { return where(df_ > 1, loc_, nan); }
Tensor StudentT::variance() const {
  const Tensor is_finite = df_ > 2;
  const Tensor held = where(is_finite, df_, 3);
  return where(is_finite, square(scale_) * held / (held - 2), where(df_ > 1, infinity, nan));
}
Tensor StudentT::entropy() const {
  return in_float64(
      [](const Tensor& df, const Tensor& scale) {
        const Tensor half = 0.5 * df;
        return log(scale) + (half + 0.5) * (digamma(half + 0.5) - digamma(half)) + 0.5 * log(df) +
               log_beta(half, full_like(half, 0.5));
      },
      df_, scale_);
}

Tensor StudentT::draw(const Shape& shape, Generator* generator) const {
  const Tensor half = 0.5 * to(df_, float64);
  const Tensor z = randn(shape, {.dtype = float64, .generator = generator});
  const Tensor stretch = exp(0.5 * (log(half) - log_gammas(half, shape, generator)));
  return loc_ + scale_ * to(z * stretch, dtype());
}
Tensor StudentT::log_density(const Tensor& x) const {
  return in_float64(
      [](const Tensor& df, const Tensor& loc, const Tensor& scale, const Tensor& y) {
        const Tensor half = 0.5 * df;
        return -(half + 0.5) * log1p(square((y - loc) / scale) / df) - log(scale) - 0.5 * log(df) -
               log_beta(half, full_like(half, 0.5));
      },
      df_, loc_, scale_, x);
}

}  // namespace xgrad::distributions
