#include "agreement.hpp"

#include <xgrad/ops/operation.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <map>
#include <optional>

#include "difference.hpp"
#include "sides.hpp"

namespace agreement {
namespace {

using xgrad::DType;

constexpr std::pair<DType, at::ScalarType> dtypes[] = {
    {xgrad::float32, at::kFloat}, {xgrad::float64, at::kDouble}, {xgrad::bfloat16, at::kBFloat16},
    {xgrad::float16, at::kHalf},  {xgrad::int64, at::kLong},     {xgrad::int32, at::kInt},
    {xgrad::uint8, at::kByte},    {xgrad::boolean, at::kBool}};

at::ScalarType theirs(DType dtype) {
  return std::find_if(std::begin(dtypes), std::end(dtypes),
                      [&](const auto& pair) { return pair.first == dtype; })
      ->second;
}

/// The bytes of x as they lie in memory, from its first element to its last.
const void* bytes(const xgrad::Tensor& x) { return x.impl()->data(); }

std::int64_t span(const xgrad::Tensor& x) {
  if (x.numel() == 0) return 0;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < x.shape().size(); ++i) last += (x.shape()[i] - 1) * x.strides()[i];
  return last + 1;
}

/// Up to twelve values, as exactly as they are.
std::string text(const xgrad::Tensor& x) {
  if (!x.defined()) return "undefined";
  std::string all(xgrad::name(x.dtype()));
  all += " " + xgrad::to_string(x.shape()) + " {";
  const auto add = [&](const auto& values, const char* format) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      char number[40];
      std::snprintf(number, sizeof number, format, values[i]);
      if (i == 12) return static_cast<void>(all += ", …");
      all += (i == 0 ? "" : ", ") + std::string(number);
    }
  };
  if (xgrad::is_floating(x.dtype()))
    add(x.to_vector<double>(), "%.17g");
  else
    add(x.to_vector<long>(), "%ld");
  return all + "}";
}

std::string text(const Ours& list) {
  std::string all;
  for (const xgrad::Tensor& x : list) all += (all.empty() ? "" : ", ") + text(x);
  return all;
}

std::string text(const Answer& answer) {
  return answer.refusal.empty() ? text(answer.values) : "refused (" + answer.refusal + ")";
}

/// The first line of a message.
std::string first_line(const std::string& message) { return message.substr(0, message.find('\n')); }

/// The results of f, or why there are none.
template <class T>
struct Attempt {
  std::vector<T> values = {};
  std::string refusal = {};
};

template <class T, class F>
Attempt<T> attempt(const F& f) {
  try {
    return {.values = f()};
  } catch (const std::exception& error) {
    const std::string message = first_line(error.what());
    return {.refusal = message.empty() ? "no message" : message};
  }
}

template <class Tensor>
struct Derivatives {
  Attempt<Tensor> first, second;
};

template <class Side, class F>
Derivatives<typename Side::Tensor> derivatives_of(
    const F& f, const std::vector<typename Side::Tensor>& inputs) {
  using Tensor = typename Side::Tensor;
  std::vector<Tensor> all, leaves;
  for (const auto& x : inputs) {
    all.push_back(Side::leaf(x));
    if (Side::floating(x)) leaves.push_back(all.back());
  }
  Derivatives<Tensor> result;
  result.first = attempt<Tensor>([&] { return gradient<Side>(f(all), leaves, true); });
  if (result.first.refusal.empty())
    result.second =
        attempt<Tensor>([&] { return gradient<Side>(result.first.values, leaves, false); });
  return result;
}

Answer answer(const Attempt<xgrad::Tensor>& attempted) {
  return {attempted.values, attempted.refusal};
}

Answer answer(const Attempt<at::Tensor>& attempted) {
  const Attempt<xgrad::Tensor> converted = attempt<xgrad::Tensor>([&] {
    Ours all;
    for (const at::Tensor& x : attempted.values) all.push_back(ours(x));
    return all;
  });
  return {converted.values, attempted.refusal.empty() ? converted.refusal : attempted.refusal};
}

bool all_float64(const Ours& list) {
  return std::all_of(list.begin(), list.end(), [](const xgrad::Tensor& x) {
    return !xgrad::is_floating(x.dtype()) || x.dtype() == xgrad::float64;
  });
}

bool within(double a, double b, double bound) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (std::isinf(a) || std::isinf(b)) return a == b;
  return std::fabs(a - b) <= bound;
}

/// What a relative measure has no digits for: numbers below the normal ones, of float16 a last
/// place or two.
double smallest(DType dtype) {
  if (dtype == xgrad::float64) return 4 * std::numeric_limits<double>::min();
  if (dtype == xgrad::float16) return 0x1p-23;
  return 4 * double{std::numeric_limits<float>::min()};
}

double largest_of(const std::vector<double>& values) {
  double largest = 0;
  for (const double value : values)
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(value));
  return largest;
}

}  // namespace

const char* name(Aspect aspect) {
  constexpr const char* names[] = {"refusal",  "results",          "dtype", "shape", "values",
                                   "gradient", "second derivative"};
  return names[static_cast<std::size_t>(aspect)];
}

at::Tensor theirs(const xgrad::Tensor& x) {
  const auto type = theirs(x.dtype());
  at::Tensor memory = at::empty({span(x)}, type);
  if (x.numel() > 0)
    std::memcpy(memory.data_ptr(), bytes(x), static_cast<std::size_t>(memory.nbytes()));
  if (x.is_contiguous()) return memory.reshape(list(x.shape()));
  return memory.as_strided(list(x.shape()), list(x.strides()));
}

xgrad::Tensor ours(const at::Tensor& x) {
  if (!x.defined()) return {};
  const auto* const pair = std::find_if(std::begin(dtypes), std::end(dtypes), [&](const auto& one) {
    return one.second == x.scalar_type();
  });
  if (pair == std::end(dtypes)) return {};
  // Some zeros of libtorch's have no memory.
  const at::Tensor rows =
      x._is_zerotensor() ? at::zeros(x.sizes(), x.options()) : x.detach().contiguous();
  const auto sizes = rows.sizes();
  xgrad::Tensor result =
      xgrad::Tensor::empty(xgrad::Shape(std::span(sizes.data(), sizes.size())), pair->first);
  if (result.numel() > 0)
    std::memcpy(result.impl()->data(), rows.data_ptr(), static_cast<std::size_t>(rows.nbytes()));
  return result;
}

namespace {

/// The first place where values differ; nothing where none do.
std::optional<std::size_t> first_difference(const std::vector<double>& x,
                                            const std::vector<double>& y, double bound) {
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!within(x[i], y[i], bound)) return i;
  return {};
}

std::vector<double> numbers(const xgrad::Tensor& x) {
  return x.to(xgrad::float64).to_vector<double>();
}

}  // namespace

std::string value_difference(const xgrad::Tensor& a, const xgrad::Tensor& b, double tolerance,
                             double scale) {
  if (!xgrad::is_floating(a.dtype()))
    return xgrad::equal(a, b) ? "" : text(a) + ", libtorch " + text(b);
  const std::vector<double> x = numbers(a), y = numbers(b);
  const double largest = std::max({largest_of(x), largest_of(y), scale});
  const double bound = tolerance * largest + smallest(a.dtype());
  const auto place = first_difference(x, y, bound);
  if (!place) return "";
  char where[120];
  std::snprintf(where, sizeof where, "element %zu is %.17g, libtorch's %.17g: ", *place, x[*place],
                y[*place]);
  return where + text(a) + ", libtorch " + text(b);
}

double scale_of(const Ours& list) {
  double largest = 0;
  for (const xgrad::Tensor& x : list)
    if (x.defined()) largest = std::max(largest, largest_of(numbers(x)));
  return largest;
}

namespace {

/// What differs between results, the first of it.
std::optional<Difference> difference(const Case& one, Aspect aspect, const Answer& a,
                                     const Answer& b) {
  const auto differ = [&](Aspect what, const std::string& told) {
    return Difference{what, a, b, told};
  };
  const std::string told = text(a) + ", libtorch " + text(b);
  if (a.refusal.empty() != b.refusal.empty())
    return differ(aspect == Aspect::values ? Aspect::refusal : aspect, told);
  if (!a.refusal.empty()) return {};
  if (a.values.size() != b.values.size())
    return differ(Aspect::results, std::to_string(a.values.size()) + " results, libtorch " +
                                       std::to_string(b.values.size()));
  // Derivatives in one argument may be sums that cancel, of terms as large as the others are.
  const double scale = aspect == Aspect::values ? 0 : scale_of(b.values);
  for (std::size_t i = 0; i < a.values.size(); ++i) {
    const xgrad::Tensor& x = a.values[i];
    const xgrad::Tensor& y = b.values[i];
    if (x.defined() != y.defined()) return differ(Aspect::results, told);
    if (!x.defined()) continue;
    if (x.dtype() != y.dtype()) return differ(Aspect::dtype, told);
    if (!(x.shape() == y.shape())) return differ(Aspect::shape, told);
    const std::string what = value_difference(x, y, tolerance(one, aspect, x.dtype()), scale);
    if (!what.empty()) return differ(aspect, what);
  }
  return {};
}

}  // namespace

bool alike(const xgrad::Tensor& ours, const xgrad::Tensor& theirs, double tolerance) {
  return value_difference(ours, theirs, tolerance).empty();
}

Answer answer_of_libtorch(const Case& one, Aspect aspect, const Ours& inputs) {
  Theirs all;
  for (const xgrad::Tensor& x : inputs) all.push_back(theirs(x));
  if (aspect != Aspect::gradient && aspect != Aspect::second)
    return answer(attempt<at::Tensor>([&] { return one.theirs(all); }));
  const Derivatives<at::Tensor> found = derivatives_of<Libtorch>(one.theirs, all);
  return answer(aspect == Aspect::gradient ? found.first : found.second);
}

/// What was found, by operations.
class Suite::Record {
 public:
  Record(std::set<std::string> only, bool verbose) : only_(std::move(only)), verbose_(verbose) {}

  bool wants(const std::string& operation) const {
    return only_.empty() || only_.contains(operation);
  }
  /// Counts it; whether both answers are alike.
  bool compare(const Case& one, Aspect aspect, const Answer& a, const Answer& b);
  void no_counterpart(const std::string& operation, const std::string& reason) {
    without_counterpart_[operation] = reason;
  }
  void took(const std::string& operation, std::chrono::duration<double> time) {
    counts_[operation].seconds += time.count();
  }
  int report() const;

 private:
  struct Counts {
    std::size_t agreed = 0, differed = 0, deliberate = 0;
    double seconds = 0;
  };
  void differ(const Case& one, const Difference& what);
  static void tell(const Case& one, const Difference& what, const std::string& reason);
  std::vector<std::string> not_compared() const;
  std::size_t report_deliberate() const;

  std::set<std::string> only_;
  bool verbose_;
  std::map<std::string, Counts> counts_;
  std::map<std::string, std::string> without_counterpart_;
  std::vector<Deliberate> deliberate_ = deliberate_differences();
  std::vector<std::size_t> deliberate_counts_ = std::vector<std::size_t>(deliberate_.size());
};

bool Suite::Record::compare(const Case& one, Aspect aspect, const Answer& a, const Answer& b) {
  const std::optional<Difference> found = difference(one, aspect, a, b);
  if (found)
    differ(one, *found);
  else
    ++counts_[one.operation].agreed;
  return !found;
}

void Suite::Record::differ(const Case& one, const Difference& what) {
  Counts& counts = counts_[one.operation];
  for (std::size_t i = 0; i < deliberate_.size(); ++i) {
    const auto& names = deliberate_[i].operations;
    if (!names.empty() && std::find(names.begin(), names.end(), one.operation) == names.end())
      continue;
    if (!deliberate_[i].applies(one, what)) continue;
    ++deliberate_counts_[i];
    ++counts.deliberate;
    if (verbose_ && !only_.empty()) tell(one, what, deliberate_[i].reason + ": ");
    return;
  }
  constexpr std::size_t shown = 4;
  const std::size_t before = counts.differed++;
  if (!verbose_ && before > shown) return;
  if (!verbose_ && before == shown) {
    std::printf("%s: … (--verbose shows all)\n", one.operation.c_str());
    return;
  }
  tell(one, what, "");
}

void Suite::Record::tell(const Case& one, const Difference& what, const std::string& reason) {
  std::printf("%s%s: %s: %s\n    of %s\n", reason.c_str(), one.operation.c_str(), name(what.aspect),
              what.what.c_str(), one.what.c_str());
}

std::vector<std::string> Suite::Record::not_compared() const {
  std::vector<std::string> missing;
  if (!only_.empty()) return missing;
  for (const char* const one : xgrad::operation_names)
    if (!counts_.contains(one) && !without_counterpart_.contains(one)) missing.emplace_back(one);
  return missing;
}

/// How many of them occurred nowhere.
std::size_t Suite::Record::report_deliberate() const {
  std::printf("\nOn purpose:\n");
  std::size_t stale = 0;
  for (std::size_t i = 0; i < deliberate_.size(); ++i) {
    std::string names;
    for (const std::string& one : deliberate_[i].operations)
      names += (names.empty() ? "" : ", ") + one;
    if (deliberate_counts_[i] == 0 && deliberate_[i].certain) ++stale;
    if (only_.empty() || deliberate_counts_[i] > 0)
      std::printf("%6zu  %s: %s\n", deliberate_counts_[i],
                  names.empty() ? "any operation" : names.c_str(), deliberate_[i].reason.c_str());
  }
  return only_.empty() ? stale : 0;
}

int Suite::Record::report() const {
  Counts all;
  std::size_t at_odds = 0;
  for (const auto& [operation, counts] : counts_) {
    all.agreed += counts.agreed;
    all.differed += counts.differed;
    all.deliberate += counts.deliberate;
    if (counts.differed > 0) ++at_odds;
    if (counts.differed > 0 || verbose_)
      std::printf("%-32s %6zu agree, %zu differ on purpose, %zu otherwise; %.1f s\n",
                  operation.c_str(), counts.agreed, counts.deliberate, counts.differed,
                  counts.seconds);
  }
  const std::size_t stale = report_deliberate();
  std::printf("\nNo counterpart in this libtorch:\n");
  for (const auto& [operation, reason] : without_counterpart_)
    std::printf("        %s: %s\n", operation.c_str(), reason.c_str());
  const std::vector<std::string> missing = not_compared();
  if (!missing.empty()) std::printf("\nNot compared, for want of a line in tests/agreement:\n");
  for (const std::string& one : missing) std::printf("        %s\n", one.c_str());
  std::printf(
      "\n%zu operations, %zu comparisons: %zu agree, %zu differ unexplained (in %zu "
      "operations), %zu differ on purpose; %zu operations have no counterpart, %zu no line\n",
      counts_.size(), all.agreed + all.differed + all.deliberate, all.agreed, all.differed, at_odds,
      all.deliberate, without_counterpart_.size(), missing.size());
  if (stale > 0)
    std::printf("%zu of the differences on purpose no longer occur: take them out\n", stale);
  return all.differed > 0 || stale > 0 || !missing.empty() ? 1 : 0;
}

Suite::Suite(std::set<std::string> only, bool verbose)
    : record_(std::make_unique<Record>(std::move(only), verbose)) {}
Suite::~Suite() = default;

void Suite::no_counterpart(const std::string& operation, const std::string& reason) {
  record_->no_counterpart(operation, reason);
}
int Suite::report() { return record_->report(); }

void Suite::run(const Case& one) {
  if (!record_->wants(one.operation)) return;
  const auto begin = std::chrono::steady_clock::now();
  Theirs inputs;
  bool any_floating = false;
  for (const xgrad::Tensor& x : one.inputs) {
    inputs.push_back(agreement::theirs(x));
    any_floating = any_floating || xgrad::is_floating(x.dtype());
  }
  const auto a = attempt<xgrad::Tensor>([&] { return one.ours(one.inputs); });
  const auto b = attempt<at::Tensor>([&] { return one.theirs(inputs); });
  if (record_->compare(one, Aspect::values, answer(a), answer(b)) && any_floating &&
      a.refusal.empty()) {
    const auto ours = derivatives_of<Xgrad>(one.ours, one.inputs);
    const auto theirs = derivatives_of<Libtorch>(one.theirs, inputs);
    // What libtorch cannot differentiate is nothing to compare with.
    if (theirs.first.refusal.empty() &&
        record_->compare(one, Aspect::gradient, answer(ours.first), answer(theirs.first)) &&
        all_float64(one.inputs) && theirs.second.refusal.empty())
      record_->compare(one, Aspect::second, answer(ours.second), answer(theirs.second));
  }
  record_->took(one.operation, std::chrono::steady_clock::now() - begin);
}

}  // namespace agreement
