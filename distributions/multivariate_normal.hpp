#pragma once
#include <xgrad/distributions/distribution.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

/// A covariance, in one of three ways, [..., n, n].
struct Covariance {
  Tensor covariance_matrix = {};
  Tensor precision_matrix = {};  ///< its inverse
  Tensor scale_tril = {};        ///< lower L with the covariance L Lᵀ, of a positive diagonal
};

/// Vectors [n] of mean `loc` [..., n]. float32 and float64. ValueError unless one of the three is
/// given and, of linalg::cholesky(), where a matrix is not positive definite; what is symmetric is
/// read from the lower triangle, and has to be symmetric up to 1e-5 of its values.
class MultivariateNormal : public Distribution {
 public:
  MultivariateNormal(const Tensor& loc, const Covariance& covariance, const Options& options = {});

  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& scale_tril() const noexcept { return scale_tril_; }
  Tensor covariance_matrix() const;
  Tensor precision_matrix() const;

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override { return loc_; }
  Tensor mode() const override { return loc_; }
  Tensor variance() const override;  ///< of each element

 private:
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  Tensor loc_, scale_tril_;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
