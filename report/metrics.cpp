#include <xgrad/autograd/raise.hpp>
#include <xgrad/report/metrics.hpp>

#include <algorithm>

namespace xgrad::report {

ConfusionMatrix::ConfusionMatrix(std::vector<std::string> classes)
    : classes_(std::move(classes)), counts_(classes_.size() * classes_.size()) {
  require<ValueError>(!classes_.empty(), "ConfusionMatrix: no classes");
}

void ConfusionMatrix::add(const Tensor& target, const Tensor& predicted) {
  require<ShapeError>(target.shape() == predicted.shape() && target.dim() == 1,
                      "ConfusionMatrix: targets {} and predictions {} must be of one shape [N]",
                      target.shape(), predicted.shape());
  const auto most = static_cast<std::int64_t>(classes_.size());
  const std::int64_t* t = target.data<std::int64_t>();
  const std::int64_t* p = predicted.data<std::int64_t>();
  for (std::int64_t i = 0; i < target.numel(); ++i)
    require<ValueError>(std::min(t[i], p[i]) >= 0 && std::max(t[i], p[i]) < most,
                        "ConfusionMatrix: example {} has target {} and prediction {}; classes are "
                        "0 to {}",
                        i, t[i], p[i], most - 1);
  for (std::int64_t i = 0; i < target.numel(); ++i)
    ++counts_[static_cast<std::size_t>(t[i] * most + p[i])];
  total_ += target.numel();
}

std::int64_t ConfusionMatrix::count(std::size_t target, std::size_t predicted) const {
  return counts_[target * classes_.size() + predicted];
}

std::int64_t ConfusionMatrix::row(std::size_t target) const {
  std::int64_t sum = 0;
  for (std::size_t p = 0; p < classes_.size(); ++p) sum += count(target, p);
  return sum;
}

std::int64_t ConfusionMatrix::column(std::size_t predicted) const {
  std::int64_t sum = 0;
  for (std::size_t t = 0; t < classes_.size(); ++t) sum += count(t, predicted);
  return sum;
}

namespace {

std::optional<double> fraction(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return {};
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::string shown(const std::optional<double>& value) {
  return value ? fmt::format("{:.4f}", *value) : "-";
}

}  // namespace

std::optional<double> ConfusionMatrix::accuracy() const {
  std::int64_t right = 0;
  for (std::size_t c = 0; c < classes_.size(); ++c) right += count(c, c);
  return fraction(right, total_);
}

std::optional<double> ConfusionMatrix::precision(std::size_t c) const {
  return fraction(count(c, c), column(c));
}

std::optional<double> ConfusionMatrix::recall(std::size_t c) const {
  return fraction(count(c, c), row(c));
}

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
    out += fmt::format("  {:>7}\n", shown(matrix.recall(t)));
  }
  out += fmt::format("{:>{}} ", "precision", name);
  for (std::size_t p = 0; p < classes.size(); ++p)
    out += fmt::format(" {:>{}}", shown(matrix.precision(p)), cell);
  return out + '\n';
}

void RunningMean::add(double value) {
  ++count_;
  const double weight = count_ <= warmup_ ? 1 / static_cast<double>(count_) : 1 - factor_;
  value_ += weight * (value - value_);
}

}  // namespace xgrad::report
