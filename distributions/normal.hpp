#pragma once
#include <xgrad/distributions/location_scale.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

/// Of mean `loc` and deviation `scale`, which must be positive.
class Normal : public LocationScale {
 public:
  Normal(const Value& loc, const Value& scale, const Options& options = {});

  Tensor entropy() const override;
  Tensor variance() const override;

 private:
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
  Tensor quantile(const Tensor& probability) const override;
};

/// eˣ of a normal x with mean `loc` and deviation `scale`.
class LogNormal : public Distribution {
 public:
  LogNormal(const Value& loc, const Value& scale, const Options& options = {});

  const Tensor& loc() const noexcept { return normal_.loc(); }
  const Tensor& scale() const noexcept { return normal_.scale(); }

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
  Tensor quantile(const Tensor& probability) const override;

  Normal normal_;
};

/// |x| of a normal x with mean 0 and deviation `scale`.
class HalfNormal : public Distribution {
 public:
  explicit HalfNormal(const Value& scale, const Options& options = {});

  const Tensor& scale() const noexcept { return scale_; }

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
  Tensor quantile(const Tensor& probability) const override;

  Tensor scale_;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
