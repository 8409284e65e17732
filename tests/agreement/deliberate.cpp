// What differs on purpose, each with its reason, and tolerances.
#include <cmath>

#include "difference.hpp"

namespace agreement {
namespace {

using Condition = std::function<bool(const Case&, const Difference&)>;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// libtorch refuses with these words what xgrad does.
Condition they_say(const std::string& words) {
  return [words](const Case&, const Difference& d) {
    return d.ours.refusal.empty() && has(d.theirs.refusal, words);
  };
}

/// xgrad refuses with these words what libtorch does.
Condition we_say(const std::string& words) {
  return [words](const Case&, const Difference& d) {
    return d.theirs.refusal.empty() && has(d.ours.refusal, words);
  };
}

bool are_numbers(const Difference& d) {
  return d.aspect == Aspect::values || d.aspect == Aspect::gradient || d.aspect == Aspect::second;
}

/// libtorch's answer to the same numbers in float64 is xgrad's, rounded to its dtype.
bool exact_in_float64(const Case& one, const Difference& d) {
  if (!are_numbers(d)) return false;
  Ours wide;
  bool any_narrow = false;
  for (const xgrad::Tensor& x : one.inputs) {
    const bool narrow = xgrad::is_floating(x.dtype()) && x.dtype() != xgrad::float64;
    wide.push_back(narrow ? x.to(xgrad::float64) : x);
    any_narrow = any_narrow || narrow;
  }
  if (!any_narrow) return false;
  const Answer exact = answer_of_libtorch(one, d.aspect, wide);
  if (exact.values.size() != d.ours.values.size()) return false;
  for (std::size_t i = 0; i < exact.values.size(); ++i) {
    const xgrad::Tensor& x = d.ours.values[i];
    if (!exact.values[i].defined() || !(exact.values[i].shape() == x.shape())) return false;
    if (!alike(x, exact.values[i].to(x.dtype()), tolerance(one, d.aspect, x.dtype()))) return false;
  }
  return true;
}

/// Pairs of numbers that differ, all of which `holds` of (ours, theirs).
template <class F>
bool all_that_differ(const Case& one, const Difference& d, F holds) {
  if (!are_numbers(d)) return false;
  for (std::size_t i = 0; i < d.ours.values.size(); ++i) {
    const xgrad::Tensor& x = d.ours.values[i];
    const xgrad::Tensor& y = d.theirs.values[i];
    if (!x.defined() || !xgrad::is_floating(x.dtype())) continue;
    if (alike(x, y, tolerance(one, d.aspect, x.dtype()))) continue;
    const auto a = x.to(xgrad::float64).to_vector<double>();
    const auto b = y.to(xgrad::float64).to_vector<double>();
    for (std::size_t n = 0; n < a.size(); ++n) {
      const bool same = a[n] == b[n] || (std::isnan(a[n]) && std::isnan(b[n]));
      if (!same && !holds(a[n], b[n])) return false;
    }
  }
  return true;
}

/// Where libtorch has NaN, xgrad has a number; all else is equal.
bool only_their_nan(const Case& one, const Difference& d) {
  return all_that_differ(one, d, [](double a, double b) {
    return (std::isnan(b) && !std::isnan(a)) ||
           (std::isfinite(a) && std::fabs(a - b) <= 1e-9 * std::fabs(a));
  });
}

}  // namespace

double tolerance(const Case&, Aspect, xgrad::DType dtype) {
  switch (dtype) {
    case xgrad::float64:
      return 1e-9;
    case xgrad::float32:
      return 1e-5;
    case xgrad::float16:
      return 0x1p-9;
    default:
      return 0x1p-6;
  }
}

std::vector<Deliberate> deliberate_differences() {
  return {
      {{},
       they_say("not implemented for '"),
       "libtorch's processor code has no such dtype; xgrad's has"},
      {{},
       exact_in_float64,
       "libtorch rounds on its way; its own answer to the same numbers in float64 is xgrad's"},
      {{},
       we_say("does not fit "),
       "a number that the integer dtype does not hold is refused; libtorch keeps its lower bits"},
      {{},
       we_say("of a scalar, which has no axes"),
       "a scalar has no axis to reduce along; libtorch takes it for a vector of one"},
      {{},
       we_say("a scalar has no axis"),
       "a scalar has no axis; libtorch takes it for a vector of one"},
  };
}

}  // namespace agreement
