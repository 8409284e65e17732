#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What is not defined (a precision of a class that was never predicted, say) is an empty optional,
/// never 0.
#pragma GCC visibility push(default)

namespace xgrad::report {

/// How well classes are told apart: of one class, or a mean over classes.
struct ClassScores {
  /// Of what was predicted as the class, the fraction that is it; not defined if nothing was.
  std::optional<double> precision;
  /// Of the examples of the class, the fraction that was found; not defined if there are none.
  std::optional<double> recall;
  /// 2 TP / (2 TP + FP + FN), the harmonic mean of both; not defined if the class neither occurs
  /// nor was predicted.
  std::optional<double> f1;
};

/// Counts of (true class, predicted class), and what follows from them.
class ConfusionMatrix {
 public:
  /// ValueError unless there is at least one class.
  explicit ConfusionMatrix(std::vector<std::string> classes);

  /// Counts examples: both int64 [N], the class that is right and the one predicted. ValueError for
  /// numbers that are no class, ShapeError where the shapes differ.
  void add(const Tensor& target, const Tensor& predicted);

  /// ValueError for what is no class, as below.
  std::int64_t count(std::size_t target, std::size_t predicted) const;
  std::int64_t total() const noexcept { return total_; }
  const std::vector<std::string>& classes() const noexcept { return classes_; }

  /// Examples of the class: its support.
  std::int64_t support(std::size_t c) const;
  /// Examples that were predicted as the class.
  std::int64_t predicted(std::size_t c) const;
  /// Examples that are right: the trace.
  std::int64_t right() const;

  /// The fraction that is right: the trace over the sum. Not defined without examples.
  std::optional<double> accuracy() const;
  ClassScores scores(std::size_t c) const;

  /// The plain means over the classes for which each score is defined.
  ClassScores macro() const;
  /// The same, each class weighing as much as it has examples.
  ClassScores weighted() const;
  /// Scores of all decisions together. With one class an example all three are the accuracy.
  ClassScores micro() const;

 private:
  void require_class(std::size_t c) const;
  ClassScores mean(bool by_support) const;

  std::vector<std::string> classes_;
  std::vector<std::int64_t> counts_;
  std::int64_t total_ = 0;
};

/// The matrix as an aligned table, true classes in rows, with recall and precision at the margins;
/// what is not defined is shown as "-".
std::string to_string(const ConfusionMatrix& matrix);

/// The fraction of examples whose class is among the k with the highest scores; among equal scores
/// the lower class counts as higher, as in argmax. An example with a score of NaN is not found: no
/// class was recognised, whatever argmax makes of it. `scores` are floating [N, C], `target` int64
/// [N]; not defined for N = 0. ShapeError, DTypeError; ValueError unless 1 ≤ k ≤ C and targets are
/// classes.
std::optional<double> topk_accuracy(const Tensor& scores, const Tensor& target, std::int64_t k);

/// Area under the ROC curve of the class `c` against all others: the chance that an example of the
/// class scores higher than one of another, a tie counting half (Fawcett 2006, "An introduction to
/// ROC analysis"). Arguments as above; not defined unless both kinds occur. ValueError for NaN,
/// which has no rank.
std::optional<double> roc_auc(const Tensor& scores, const Tensor& target, std::int64_t c);

/// How far confidence, the highest probability, can be believed (Guo et al. 2017, "On Calibration
/// of Modern Neural Networks").
struct Calibration {
  struct Bin {
    double low;  ///< confidences in (low, high]
    double high;
    std::int64_t count;
    std::optional<double> confidence;  ///< mean; not defined in an empty bin
    std::optional<double> accuracy;
  };
  std::vector<Bin> bins;
  /// Expected calibration error: Σ count / N · |accuracy − confidence|.
  std::optional<double> error;
};

/// `probabilities` are floating [N, C] in [0, 1] (ValueError, for NaN too), `target` int64 [N].
Calibration calibration(const Tensor& probabilities, const Tensor& target, int bins = 10);

/// A mean of recent values: the plain mean over the first `warmup`, then a moving average in which
/// each new value weighs 1 − factor.
class RunningMean {
 public:
  /// ValueError unless 0 ≤ factor ≤ 1.
  explicit RunningMean(double factor = 0.995, std::int64_t warmup = 20);
  /// The factor for a training of so many steps: 0.995 from 3,000 on; of a shorter one a fifteenth
  /// is remembered, 20 steps at least.
  static double factor_for(double steps);

  void add(double value);
  double value() const noexcept { return state_.value; }

  /// With it a mean goes on where it was.
  struct State {
    std::int64_t count = 0;
    double value = 0;
  };
  const State& state() const noexcept { return state_; }
  void set_state(const State& state) noexcept { state_ = state; }

 private:
  double factor_;
  std::int64_t warmup_;
  State state_;
};

}  // namespace xgrad::report

#pragma GCC visibility pop
