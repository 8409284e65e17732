#pragma once
#include <xgrad/distributions/distribution.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

// Gamma and what is made of it. Samples are differentiated in the concentrations implicitly
// (Figurnov et al., arXiv:1805.08498), once: for a second time GraphError.

/// Of density βᵅ x^(α−1) e^(−βx) / Γ(α) on x ≥ 0, α being `concentration` and β `rate`. A sample
/// that the dtype does not hold is its smallest normal number, not 0. The gradient of cdf() is that
/// of samples; it has no icdf().
class Gamma : public Distribution {
 public:
  Gamma(const Value& concentration, const Value& rate, const Options& options = {});

  const Tensor& concentration() const noexcept { return concentration_; }
  const Tensor& rate() const noexcept { return rate_; }

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;  ///< 0 where concentration < 1
  Tensor variance() const override;

 protected:
  explicit Gamma(const char* name, const Options& options) : Distribution(name, options) {}
  Tensor concentration_, rate_;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;
  Tensor cumulative(const Tensor& value) const override;
};

/// The sum of `df` squares of standard normal numbers: Gamma of df / 2 and rate ½.
class Chi2 : public Gamma {
 public:
  explicit Chi2(const Value& df, const Options& options = {});

  Tensor df() const;
};

/// Of density x^(a−1) (1 − x)^(b−1) / B(a, b) on [0, 1], a being `concentration1` and b
/// `concentration0`.
class Beta : public Distribution {
 public:
  Beta(const Value& concentration1, const Value& concentration0, const Options& options = {});

  const Tensor& concentration1() const noexcept { return concentration1_; }
  const Tensor& concentration0() const noexcept { return concentration0_; }

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;  ///< as Dirichlet's
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  Tensor concentration1_, concentration0_;
};

/// Of positive numbers that add up to 1, as many as the last axis of `concentration` has: of
/// density Γ(Σα) Π x^(α−1) / Γ(α).
class Dirichlet : public Distribution {
 public:
  explicit Dirichlet(const Value& concentration, const Options& options = {});

  const Tensor& concentration() const noexcept { return concentration_; }

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  /// Where all concentrations are below 1 the corner of the largest; NaN where all are 1.
  Tensor mode() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  Tensor concentration_;
};

/// loc + scale z / √(c / df) of a standard normal z and a c of Chi2{df}. The mean is NaN where df ≤
/// 1, the variance where df ≤ 1, and infinite where df ≤ 2.
class StudentT : public Distribution {
 public:
  explicit StudentT(const Value& df, const Value& loc = 0, const Value& scale = 1,
                    const Options& options = {});

  const Tensor& df() const noexcept { return df_; }
  const Tensor& loc() const noexcept { return loc_; }
  const Tensor& scale() const noexcept { return scale_; }

  bool has_rsample() const noexcept override { return true; }
  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override { return loc_; }
  Tensor variance() const override;

 private:
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  Tensor df_, loc_, scale_;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
