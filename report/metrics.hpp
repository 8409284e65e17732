#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xgrad::report {

/// Counts of (true class, predicted class), and what follows from them.
class ConfusionMatrix {
 public:
  /// ValueError unless there is at least one class.
  explicit ConfusionMatrix(std::vector<std::string> classes);

  /// Counts examples: both int64 [N], the class that is right and the one predicted. ValueError for
  /// numbers that are no class, ShapeError where the shapes differ.
  void add(const Tensor& target, const Tensor& predicted);

  std::int64_t count(std::size_t target, std::size_t predicted) const;
  std::int64_t total() const noexcept { return total_; }
  const std::vector<std::string>& classes() const noexcept { return classes_; }

  /// The fraction that is right: the trace over the sum. Not defined without examples.
  std::optional<double> accuracy() const;
  /// Of what was predicted as the class, the fraction that is it; not defined if nothing was.
  std::optional<double> precision(std::size_t c) const;
  /// Of the examples of the class, the fraction that was found; not defined if there are none.
  std::optional<double> recall(std::size_t c) const;

 private:
  std::int64_t row(std::size_t target) const;
  std::int64_t column(std::size_t predicted) const;

  std::vector<std::string> classes_;
  std::vector<std::int64_t> counts_;
  std::int64_t total_ = 0;
};

/// The matrix as an aligned table, true classes in rows, with recall and precision at the margins;
/// what is not defined is shown as "-".
std::string to_string(const ConfusionMatrix& matrix);

/// A mean of recent values: the plain mean over the first `warmup`, then a moving average in which
/// each new value weighs 1 − factor.
class RunningMean {
 public:
  explicit RunningMean(double factor = 0.995, std::int64_t warmup = 20)
      : factor_(factor), warmup_(warmup) {}
  void add(double value);
  double value() const noexcept { return value_; }

 private:
  double factor_;
  std::int64_t warmup_;
  std::int64_t count_ = 0;
  double value_ = 0;
};

}  // namespace xgrad::report
