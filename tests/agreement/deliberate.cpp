// What differs on purpose, each with its reason, and tolerances.
#include <algorithm>
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

bool of_derivatives(const Difference& d) {
  return d.aspect == Aspect::gradient || d.aspect == Aspect::second;
}

/// Whether any number that went in is such a one.
template <class F>
bool any_input(const Case& one, F is_such) {
  for (const xgrad::Tensor& x : one.inputs)
    if (xgrad::is_floating(x.dtype()))
      for (const double value : x.to(xgrad::float64).to_vector<double>())
        if (is_such(value)) return true;
  return false;
}
bool has_nan(const Case& one) {
  return any_input(one, [](double x) { return std::isnan(x); });
}
bool has_infinity(const Case& one) {
  return any_input(one, [](double x) { return std::isinf(x); });
}
/// Numbers whose squares overflow or vanish in float64.
bool has_extremes(const Case& one) {
  return any_input(one, [](double x) {
    return std::isinf(x) || std::fabs(x) > 1e150 || (x != 0 && std::fabs(x) < 1e-150);
  });
}

/// Where libtorch has NaN, xgrad has a number; all else is equal.
bool only_their_nan(const Case& one, const Difference& d) {
  return !has_nan(one) && all_that_differ(one, d, [](double a, double b) {
    return (std::isnan(b) && !std::isnan(a)) ||
           (std::isfinite(a) && std::fabs(a - b) <= 1e-9 * std::fabs(a));
  });
}

bool derivative_is_only_their_nan(const Case& one, const Difference& d) {
  return of_derivatives(d) && only_their_nan(one, d);
}

/// Neither answer is more than the rounding of terms, as large as the values and slopes are, that
/// cancel.
bool is_what_cancels(const Case& one, const Difference& d) {
  if (!of_derivatives(d)) return false;
  double scale = 1;
  for (const Aspect aspect : {Aspect::values, Aspect::gradient})
    for (const xgrad::Tensor& x : answer_of_libtorch(one, aspect, one.inputs).values)
      if (x.defined())
        for (const double value : x.to(xgrad::float64).to_vector<double>())
          if (std::isfinite(value)) scale = std::max(scale, std::fabs(value));
  return all_that_differ(one, d, [&](double a, double b) {
    return std::fabs(a - b) <= 64 * 0x1p-52 * scale;
  });
}

/// Whether a tensor has equal elements.
bool has_ties(const Case& one) {
  for (const xgrad::Tensor& x : one.inputs) {
    auto values = x.to(xgrad::float64).to_vector<double>();
    std::sort(values.begin(), values.end());
    if (std::adjacent_find(values.begin(), values.end()) != values.end()) return true;
  }
  return false;
}

bool tells(const Case& one, const std::string& part) { return has(one.what, part); }

/// Integers or bool, where our refusal says so.
bool we_want_floating(const Case&, const Difference& d) {
  const std::string& words = d.ours.refusal;
  if (!d.theirs.refusal.empty() || !(has(words, "takes float") || has(words, "must be floating")))
    return false;
  return has(words, "int") || has(words, "bool");
}

Condition any_of(std::vector<Condition> conditions) {
  return [conditions](const Case& one, const Difference& d) {
    return std::any_of(conditions.begin(), conditions.end(),
                       [&](const Condition& holds) { return holds(one, d); });
  };
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

/// Of all operations.
std::vector<Deliberate> of_any() {
  return {
      {{},
       they_say("not implemented for "),
       "libtorch's processor code has no such dtype; xgrad's has"},
      {{}, we_want_floating, "xgrad takes floating tensors there; libtorch makes integers floating or has code for them"},
      {{},
       we_say("takes numbers, got bool"),
       "bools are no numbers: what is meant is said by logical_and() and others, or to()"},
      {{},
       any_of({they_say("expected dtype"), they_say("xpected scalar type"), they_say("did not match"),
               they_say("Found dtype"), they_say("to have the same dtype")}),
       "dtypes that differ meet as promote() says; libtorch refuses them there"},
      {{},
       any_of({we_say("convert one"), we_say(", it must be bool as x is"), we_say("must be float64 as"),
               we_say("must be float32 as")}),
       "operands of one dtype are asked for there; libtorch rounds one to the other's"},
      {{}, we_say("does not broadcast"), "a loss does not broadcast: libtorch does, and warns"},
      {{},
       any_of({we_say("it must be int64"), we_say("they must be int64")}),
       "indices are int64; libtorch takes int32 or uint8 in places"},
      {{},
       we_say("the mask is uint8, it must be bool"),
       "a mask is bool; libtorch still takes uint8, and warns"},
      {{},
       we_say("does not fit "),
       "a number that the integer dtype does not hold is refused; libtorch keeps its lower bits"},
      {{},
       any_of({we_say("of a scalar, which has no axes"), we_say("a scalar has no axis"),
               we_say("of a scalar; it is 0 or -1"), we_say("scalars have no axis")}),
       "a scalar has no axis to go along; libtorch takes it for a vector of one"},
      {{},
       exact_in_float64,
       "libtorch rounds on its way; its own answer to the same numbers in float64 is xgrad's"},
      {{},
       derivative_is_only_their_nan,
       "a derivative that exists, where libtorch's formula multiplies 0 and ∞"},
      {{},
       [](const Case& one, const Difference& d) { return of_derivatives(d) && has_nan(one); },
       "there are no derivatives at NaN, and what stands there is open"},
      {{}, is_what_cancels, "terms cancel, and both answers are their rounding"},
  };
}

std::vector<Deliberate> deliberate_differences() { return of_any(); }

}  // namespace agreement
