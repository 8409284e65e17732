#pragma once
#include <xgrad/distributions/discrete.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

// Of categories, whose chances are along the last axis: probs are 0 or more and need not add up to
// 1 (probs() do), logits are free, and −∞ is a category that does not occur. ShapeError without an
// axis.

/// The number of a category: int64. There is no mean.
class Categorical : public Distribution {
 public:
  explicit Categorical(const ProbsOrLogits& given, const Options& options = {});
  explicit Categorical(const Value& probs, const Options& options = {})
      : Categorical(ProbsOrLogits{.probs = probs}, options) {}

  Tensor probs() const;
  Tensor logits() const;  ///< ln probs()
  std::int64_t categories() const noexcept { return given_.shape().back(); }
  /// What it was made of.
  const Tensor& given() const noexcept { return given_; }
  bool is_logits() const noexcept { return is_logits_; }

  Tensor entropy() const override;
  Tensor mode() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  Tensor given_;
  bool is_logits_;
};

/// A vector that is 1 at the place of the category and 0 elsewhere, in the dtype of the chances.
class OneHotCategorical : public Distribution {
 public:
  explicit OneHotCategorical(const ProbsOrLogits& given, const Options& options = {});
  explicit OneHotCategorical(const Value& probs, const Options& options = {})
      : OneHotCategorical(ProbsOrLogits{.probs = probs}, options) {}

  Tensor probs() const { return categorical_.probs(); }
  Tensor logits() const { return categorical_.logits(); }
  /// That of the category's number.
  const Categorical& categorical() const noexcept { return categorical_; }

  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor mode() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  Categorical categorical_;
};

/// How often each category occurs among `total_count`. ValueError unless the count is in [0, 2⁵³],
/// and above 2²⁴ in sample(), which takes time and memory for each of them.
class Multinomial : public Distribution {
 public:
  Multinomial(std::int64_t total_count, const ProbsOrLogits& given, const Options& options = {});
  Multinomial(std::int64_t total_count, const Value& probs, const Options& options = {})
      : Multinomial(total_count, ProbsOrLogits{.probs = probs}, options) {}

  std::int64_t total_count() const noexcept { return total_count_; }
  Tensor probs() const { return categorical_.probs(); }
  Tensor logits() const { return categorical_.logits(); }

  Tensor entropy() const override;
  Tensor mean() const override;
  Tensor variance() const override;

 private:
  void check_support(const Tensor& value) const override;
  Tensor draw(const Shape& shape, Generator* generator) const override;
  Tensor log_density(const Tensor& value) const override;

  std::int64_t total_count_;
  Categorical categorical_;
};

}  // namespace xgrad::distributions

#pragma GCC visibility pop
