#pragma once
#include <xgrad/distributions/distribution.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

/// Chances as probabilities or as logits, of which one is given: `{.probs = p}`, `{.logits = x}`. A
/// probability of 0 counts in logarithms as the smallest normal number, so that what cannot happen
/// has a log_prob() that is very low, but finite.
struct ProbsOrLogits {
  Value probs = {};
  Value logits = {};
};

namespace detail {

/// Of a chance p, whose logit is ln(p / (1 − p)).
class OfChance : public Distribution {
 public:
  Tensor probs() const;
  Tensor logits() const;
  /// ln p and ln(1 − p).
  Tensor log_probs() const;
  Tensor log_others() const;
  /// What it was made of.
  const Tensor& given() const noexcept { return given_; }
  bool is_logits() const noexcept { return is_logits_; }

 protected:
  OfChance(const char* name, const ProbsOrLogits& given, bool may_be_zero, const Options& options);

 private:
  Tensor given_;
  bool is_logits_;
};

}  // namespace detail

/// 1 with probability p, else 0.
class Bernoulli : public detail::OfChance {
 public:
  explicit Bernoulli(const ProbsOrLogits& given, const Options& options = {});
  explicit Bernoulli(const Value& probs, const Options& options = {})
      : Bernoulli(ProbsOrLogits{.probs = probs}, options) {}

  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;  ///< NaN for p = ½
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;
};

/// How many times in a row something of probability p does not happen: (1 − p)ˣ p for x = 0, 1, …
class Geometric : public detail::OfChance {
 public:
  explicit Geometric(const ProbsOrLogits& given, const Options& options = {});
  explicit Geometric(const Value& probs, const Options& options = {})
      : Geometric(ProbsOrLogits{.probs = probs}, options) {}

  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;
};

/// How often of `total_count` times something of probability p happens. ValueError unless the count
/// is in [0, 2⁵³]. sample() takes time for each of them (ValueError above 2²⁴), and entropy() is a
/// sum over them.
class Binomial : public detail::OfChance {
 public:
  Binomial(std::int64_t total_count, const ProbsOrLogits& given, const Options& options = {});
  Binomial(std::int64_t total_count, const Value& probs, const Options& options = {})
      : Binomial(total_count, ProbsOrLogits{.probs = probs}, options) {}

  std::int64_t total_count() const noexcept { return total_count_; }

  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  std::int64_t total_count_;
};

/// The number of events where `rate` are expected: λˣ e^(−λ) / x!
class Poisson : public Distribution {
 public:
  explicit Poisson(const Value& rate, const Options& options = {});

  const Tensor& rate() const noexcept { return rate_; }

  Tensor mean() const override { return rate_; }
  Tensor mode() const override;
  Tensor variance() const override { return rate_; }

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  Tensor rate_;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
