#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/report/metrics.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

namespace xgrad::report {
namespace {

std::optional<double> fraction(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return {};
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::string shown(const std::optional<double>& value) {
  return value ? fmt::format("{:.4f}", unsigned_nan(*value)) : "-";
}

ClassScores scores_of(std::int64_t hits, std::int64_t predicted, std::int64_t support) {
  return {fraction(hits, predicted), fraction(hits, support),
          fraction(2 * hits, predicted + support)};
}

/// A mean of values of which some may not be defined.
class Mean {
 public:
  void add(const std::optional<double>& value, double weight) {
    if (!value) return;
    sum_ += weight * *value;
    weight_ += weight;
  }
  std::optional<double> value() const {
    if (weight_ == 0) return {};
    return sum_ / weight_;
  }

 private:
  double sum_ = 0;
  double weight_ = 0;
};

}  // namespace

ConfusionMatrix::ConfusionMatrix(std::vector<std::string> classes) : classes_(std::move(classes)) {
  require<ValueError>(!classes_.empty(), "ConfusionMatrix: no classes");
  const auto count = Size(std::ssize(classes_), "ConfusionMatrix");
  counts_ = values_of<std::int64_t>((count * count).value(), "ConfusionMatrix");
}

void ConfusionMatrix::add(const Tensor& target, const Tensor& predicted) {
  const xgrad::detail::Running running("ConfusionMatrix", target, predicted);
  require<DTypeError>(target.dtype() == int64 && predicted.dtype() == int64,
                      "ConfusionMatrix: targets are {} and predictions {}; both must be int64",
                      target.dtype(), predicted.dtype());
  require<ShapeError>(target.shape() == predicted.shape() && target.dim() == 1,
                      "ConfusionMatrix: targets {} and predictions {} must be of one shape [N]",
                      target.shape(), predicted.shape());
  const auto most = static_cast<std::int64_t>(classes_.size());
  const Tensor targets = xgrad::detail::in_rows(target);
  const Tensor predictions = xgrad::detail::in_rows(predicted);
  const std::int64_t* t = targets.data<std::int64_t>();
  const std::int64_t* p = predictions.data<std::int64_t>();
  for (std::int64_t i = 0; i < target.numel(); ++i)
    require<ValueError>(std::min(t[i], p[i]) >= 0 && std::max(t[i], p[i]) < most,
                        "ConfusionMatrix: example {} has target {} and prediction {}; classes are "
                        "0 to {}",
                        i, t[i], p[i], most - 1);
  for (std::int64_t i = 0; i < target.numel(); ++i)
    ++counts_[static_cast<std::size_t>(t[i] * most + p[i])];
  total_ += target.numel();
}

void ConfusionMatrix::require_class(std::size_t c) const {
  require<ValueError>(c < classes_.size(), "ConfusionMatrix: class {} of {}", c, classes_.size());
}

std::int64_t ConfusionMatrix::count(std::size_t target, std::size_t predicted) const {
  require_class(target);
  require_class(predicted);
  return counts_[target * classes_.size() + predicted];
}

std::int64_t ConfusionMatrix::support(std::size_t c) const {
  std::int64_t sum = 0;
  for (std::size_t p = 0; p < classes_.size(); ++p) sum += count(c, p);
  return sum;
}

std::int64_t ConfusionMatrix::predicted(std::size_t c) const {
  std::int64_t sum = 0;
  for (std::size_t t = 0; t < classes_.size(); ++t) sum += count(t, c);
  return sum;
}

std::int64_t ConfusionMatrix::right() const {
  std::int64_t sum = 0;
  for (std::size_t c = 0; c < classes_.size(); ++c) sum += count(c, c);
  return sum;
}

std::optional<double> ConfusionMatrix::accuracy() const { return fraction(right(), total_); }

ClassScores ConfusionMatrix::scores(std::size_t c) const {
  return scores_of(count(c, c), predicted(c), support(c));
}

ClassScores ConfusionMatrix::mean(bool by_support) const {
  Mean precision, recall, f1;
  for (std::size_t c = 0; c < classes_.size(); ++c) {
    const ClassScores s = scores(c);
    const double weight = by_support ? static_cast<double>(support(c)) : 1;
    precision.add(s.precision, weight);
    recall.add(s.recall, weight);
    f1.add(s.f1, weight);
  }
  return {precision.value(), recall.value(), f1.value()};
}

ClassScores ConfusionMatrix::macro() const { return mean(false); }
ClassScores ConfusionMatrix::weighted() const { return mean(true); }
ClassScores ConfusionMatrix::micro() const { return scores_of(right(), total_, total_); }

std::string to_string(const ConfusionMatrix& matrix) {
  const auto& classes = matrix.classes();
  std::size_t name = std::string_view("true \\ predicted").size();
  std::size_t cell = 6;  // "0.9876", the precision below each column
  for (const std::string& c : classes) {
    name = std::max(name, c.size());
    cell = std::max(cell, std::min<std::size_t>(c.size(), 10));
  }
  std::string out = fmt::format("{:>{}} ", "true \\ predicted", name);
  for (const std::string& c : classes) out += fmt::format(" {:>{}.{}}", c, cell, cell);
  out += "   recall\n";
  for (std::size_t t = 0; t < classes.size(); ++t) {
    out += fmt::format("{:>{}} ", classes[t], name);
    for (std::size_t p = 0; p < classes.size(); ++p)
      out += fmt::format(" {:>{}}", matrix.count(t, p), cell);
    out += fmt::format("  {:>7}\n", shown(matrix.scores(t).recall));
  }
  out += fmt::format("{:>{}} ", "precision", name);
  for (std::size_t p = 0; p < classes.size(); ++p)
    out += fmt::format(" {:>{}}", shown(matrix.scores(p).precision), cell);
  return out + '\n';
}

// ---- measures of scores

namespace {

/// Scores [N, C] in float64 with the targets [N], checked.
struct Scored {
  Tensor scores;
  Tensor rows;  // of the targets
  std::int64_t examples;
  std::int64_t classes;
  const double* values;
  const std::int64_t* target;

  Scored(const char* name, const Tensor& all, const Tensor& targets) {
    const xgrad::detail::Running running(name, all, targets);
    require<DTypeError>(is_floating(all.dtype()) && targets.dtype() == int64,
                        "{}: scores are {} and targets {}; they must be floating and int64", name,
                        all.dtype(), targets.dtype());
    scores = xgrad::detail::in_rows(all.detach().to(float64));
    rows = xgrad::detail::in_rows(targets);
    examples = targets.numel();
    classes = all.dim() == 2 ? all.size(1) : 0;
    values = scores.data<double>();
    target = rows.data<std::int64_t>();
    require<ShapeError>(all.dim() == 2 && targets.dim() == 1 && all.size(0) == examples,
                        "{}: scores {} and targets {} must be [N, C] and [N]", name, all.shape(),
                        targets.shape());
    for (std::int64_t i = 0; i < examples; ++i)
      require<ValueError>(target[i] >= 0 && target[i] < classes,
                          "{}: example {} has target {}; classes are 0 to {}", name, i, target[i],
                          classes - 1);
  }

  std::span<const double> row(std::int64_t i) const {
    return {values + i * classes, static_cast<std::size_t>(classes)};
  }
};

}  // namespace

std::optional<double> topk_accuracy(const Tensor& scores, const Tensor& target, std::int64_t k) {
  const Scored all("topk_accuracy", scores, target);
  require<ValueError>(k >= 1 && k <= all.classes, "topk_accuracy: k = {} of {} classes", k,
                      all.classes);
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < all.examples; ++i) {
    const auto row = all.row(i);
    if (std::ranges::any_of(row, [](double score) { return std::isnan(score); })) continue;
    const auto wanted = static_cast<std::size_t>(all.target[i]);
    std::int64_t higher = 0;
    for (std::size_t c = 0; c < row.size(); ++c)
      higher += row[c] > row[wanted] || (row[c] == row[wanted] && c < wanted);
    found += higher < k;
  }
  return fraction(found, all.examples);
}

std::optional<double> roc_auc(const Tensor& scores, const Tensor& target, std::int64_t c) {
  const Scored all("roc_auc", scores, target);
  require<ValueError>(c >= 0 && c < all.classes, "roc_auc: class {} of {} classes", c, all.classes);
  std::vector<std::pair<double, bool>> ranked;  // score, and whether of the class
  for (std::int64_t i = 0; i < all.examples; ++i) {
    const double score = all.row(i)[static_cast<std::size_t>(c)];
    require<ValueError>(!std::isnan(score),
                        "roc_auc: example {} has a score of NaN, which has no rank", i);
    ranked.emplace_back(score, all.target[i] == c);
  }
  std::ranges::sort(ranked);
  double below = 0;  // examples of other classes with lower scores
  double wins = 0;
  double positives = 0;
  for (std::size_t begin = 0, end = 0; begin < ranked.size(); begin = end) {
    double tied_positives = 0;
    double tied_others = 0;
    for (; end < ranked.size() && ranked[end].first == ranked[begin].first; ++end)
      (ranked[end].second ? tied_positives : tied_others) += 1;
    wins += tied_positives * (below + tied_others / 2);
    positives += tied_positives;
    below += tied_others;
  }
  if (positives == 0 || below == 0) return {};
  return wins / (positives * below);
}

namespace {

/// Where bin b of n begins.
double edge(std::int64_t b, int n) { return static_cast<double>(b) / n; }

/// The bin (edge(b), edge(b + 1)] that holds p. The product may be rounded beyond an edge.
std::size_t bin_of(double p, int n) {
  auto b = static_cast<std::int64_t>(std::clamp<double>(std::ceil(p * n) - 1, 0, n - 1));
  if (b > 0 && p <= edge(b, n)) --b;
  if (b < n - 1 && p > edge(b + 1, n)) ++b;
  return static_cast<std::size_t>(b);
}

}  // namespace

Calibration calibration(const Tensor& probabilities, const Tensor& target, int bins) {
  const Scored all("calibration", probabilities, target);
  require<ValueError>(bins >= 1, "calibration: {} bins", bins);
  struct Sums {
    std::int64_t count = 0;
    std::int64_t right = 0;
    double confidence = 0;
  };
  auto sums = values_of<Sums>(bins, "calibration");
  for (std::int64_t i = 0; i < all.examples; ++i) {
    const auto row = all.row(i);
    for (const double p : row)
      require<ValueError>(p >= 0 && p <= 1 + 1e-6,
                          "calibration: example {} has the probability {}; give probabilities, not "
                          "scores: softmax(scores, 1)",
                          i, p);
    const auto top = std::ranges::max_element(row);
    Sums& bin = sums[bin_of(*top, bins)];
    ++bin.count;
    bin.right += top - row.begin() == all.target[i];
    bin.confidence += *top;
  }
  Calibration result{values_of<Calibration::Bin>(bins, "calibration"), {}};
  Mean error;
  for (std::size_t b = 0; b < sums.size(); ++b) {
    const auto& [count, right, confidence] = sums[b];
    const auto number = static_cast<std::int64_t>(b);
    Calibration::Bin bin{
        edge(number, bins), edge(number + 1, bins), count, {}, fraction(right, count)};
    if (count > 0) {
      bin.confidence = confidence / static_cast<double>(count);
      error.add(std::abs(*bin.accuracy - *bin.confidence), static_cast<double>(count));
    }
    result.bins[b] = bin;
  }
  result.error = error.value();
  return result;
}

RunningMean::RunningMean(double factor, std::int64_t warmup) : factor_(factor), warmup_(warmup) {
  require<ValueError>(factor >= 0 && factor <= 1,
                      "RunningMean: a factor of {}; it must lie in [0, 1]", factor);
}

double RunningMean::factor_for(double steps) { return 1 - 1 / std::clamp(steps / 15, 20., 200.); }

void RunningMean::add(double value) {
  auto& [count, mean] = state_;
  if (count < INT64_MAX) ++count;
  const double weight = count <= warmup_ ? 1 / static_cast<double>(count) : 1 - factor_;
  mean += weight * (value - mean);
}

}  // namespace xgrad::report
