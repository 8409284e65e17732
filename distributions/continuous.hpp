#pragma once
#include <xgrad/distributions/location_scale.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

// Distributions that are drawn by their inverse cumulative function.

/// Equally likely anywhere in [low, high]. Both ends count, so that no sample, rounded, has a
/// density of 0. ValueError unless low < high.
class Uniform : public Distribution {
 public:
  Uniform(const Value& low, const Value& high, const Options& options = {});

  const Tensor& low() const noexcept { return low_; }
  const Tensor& high() const noexcept { return high_; }

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
  Tensor quantile(const Tensor& probability) const override;

  Tensor low_, high_;
};

/// Of density λ e^(−λx) on x ≥ 0, λ being `rate`.
class Exponential : public Distribution {
 public:
  explicit Exponential(const Value& rate, const Options& options = {});

  const Tensor& rate() const noexcept { return rate_; }

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
  Tensor quantile(const Tensor& probability) const override;

  Tensor rate_;
};

/// Of density e^(−|x − loc| / scale) / (2 scale).
class Laplace : public LocationScale {
 public:
  Laplace(const Value& loc, const Value& scale, const Options& options = {});

  Tensor entropy() const override;
  Tensor variance() const override;

 private:
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
  Tensor quantile(const Tensor& probability) const override;
};

/// Of density 1 / (π scale (1 + z²)) with z = (x − loc) / scale. The mean is NaN and the variance
/// infinite.
class Cauchy : public LocationScale {
 public:
  Cauchy(const Value& loc, const Value& scale, const Options& options = {});

  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;

 private:
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
  Tensor quantile(const Tensor& probability) const override;
};

/// Of cumulative function e^(−e^(−z)) with z = (x − loc) / scale.
class Gumbel : public LocationScale {
 public:
  Gumbel(const Value& loc, const Value& scale, const Options& options = {});

  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;

 private:
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
  Tensor quantile(const Tensor& probability) const override;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
