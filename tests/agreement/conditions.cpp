#include "conditions.hpp"

#include <algorithm>
#include <cmath>

namespace agreement {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool are_numbers(const Difference& d) {
  return d.aspect == Aspect::values || d.aspect == Aspect::gradient || d.aspect == Aspect::second;
}

std::vector<double> numbers(const xgrad::Tensor& x) {
  return x.to(xgrad::float64).to_vector<double>();
}

/// All floating ones as float64, and integers as well where `whole`.
Ours widened(const Ours& list, bool whole) {
  Ours wide;
  for (const xgrad::Tensor& x : list) {
    const bool is_such = xgrad::is_floating(x.dtype()) || (whole && xgrad::is_integer(x.dtype()));
    wide.push_back(is_such ? x.to(xgrad::float64) : x);
  }
  return wide;
}

/// Whether these results of libtorch's are xgrad's, rounded to its dtypes.
bool confirms(const Case& one, const Difference& d, Answer exact) {
  if (d.aspect == Aspect::gradient && exact.values.size() == one.inputs.size()) {
    // Integers that went in as float64 have derivatives of their own.
    std::size_t i = 0;
    std::erase_if(exact.values, [&](const xgrad::Tensor&) {
      return !xgrad::is_floating(one.inputs[i++].dtype());
    });
  }
  if (exact.values.size() != d.ours.values.size()) return false;
  for (std::size_t i = 0; i < exact.values.size(); ++i) {
    const xgrad::Tensor& x = d.ours.values[i];
    const xgrad::Tensor& y = exact.values[i];
    if (!x.defined() || !y.defined() || !(x.shape() == y.shape())) return false;
    if (!alike(x, y.to(x.dtype()), tolerance(one, d.aspect, x.dtype()))) return false;
  }
  return true;
}

/// The last place of 1 in the narrowest floating dtype of the inputs.
double last_place(const Case& one) {
  double widest = 0x1p-52;
  for (const xgrad::Tensor& x : one.inputs) {
    if (x.dtype() == xgrad::float32) widest = std::max(widest, 0x1p-23);
    if (x.dtype() == xgrad::float16) widest = std::max(widest, 0x1p-10);
    if (x.dtype() == xgrad::bfloat16) widest = std::max(widest, 0x1p-7);
  }
  return widest;
}

template <class F>
bool all_that_differ(const Case& one, const Difference& d, F are_such) {
  if (!are_numbers(d)) return false;
  for (std::size_t i = 0; i < d.ours.values.size(); ++i) {
    const xgrad::Tensor& x = d.ours.values[i];
    const xgrad::Tensor& y = d.theirs.values[i];
    if (!x.defined()) continue;
    const double bound = tolerance(one, d.aspect, x.dtype());
    if (alike(x, y, bound)) continue;
    const std::vector<double> a = numbers(x), b = numbers(y);
    for (std::size_t n = 0; n < a.size(); ++n) {
      const bool same = a[n] == b[n] || (std::isnan(a[n]) && std::isnan(b[n])) ||
                        std::fabs(a[n] - b[n]) <= bound * std::fabs(a[n]);
      if (!same && !are_such(a[n], b[n])) return false;
    }
  }
  return true;
}

}  // namespace

Condition they_say(const std::string& words) {
  return [words](const Case&, const Difference& d) {
    return d.ours.refusal.empty() && has(d.theirs.refusal, words);
  };
}

Condition we_say(const std::string& words) {
  return [words](const Case&, const Difference& d) {
    return d.theirs.refusal.empty() && has(d.ours.refusal, words);
  };
}

bool we_want_floating(const Case&, const Difference& d) {
  const std::string& words = d.ours.refusal;
  if (!d.theirs.refusal.empty() ||
      !(has(words, "takes float") || has(words, "be floating") || has(words, "one floating dtype")))
    return false;
  return has(words, "int") || has(words, "bool");
}

Condition any_of(std::vector<Condition> conditions) {
  return [conditions](const Case& one, const Difference& d) {
    return std::any_of(conditions.begin(), conditions.end(),
                       [&](const Condition& holds) { return holds(one, d); });
  };
}

Condition all_of(std::vector<Condition> conditions) {
  return [conditions](const Case& one, const Difference& d) {
    return std::all_of(conditions.begin(), conditions.end(),
                       [&](const Condition& holds) { return holds(one, d); });
  };
}

Condition of(const std::string& words) {
  return [words](const Case& one, const Difference&) { return has(one.what, words); };
}

Condition at(std::vector<Aspect> aspects) {
  return [aspects](const Case&, const Difference& d) {
    return std::find(aspects.begin(), aspects.end(), d.aspect) != aspects.end();
  };
}

Condition given(bool (*is_such)(double)) {
  return [is_such](const Case& one, const Difference&) {
    return std::any_of(one.inputs.begin(), one.inputs.end(), [&](const xgrad::Tensor& x) {
      if (!xgrad::is_floating(x.dtype())) return false;
      const std::vector<double> values = numbers(x);
      return std::any_of(values.begin(), values.end(), is_such);
    });
  };
}

bool is_nan(double x) { return std::isnan(x); }
bool is_infinite(double x) { return std::isinf(x); }
bool is_extreme(double x) {
  return std::isinf(x) || std::fabs(x) > 1e150 || (x != 0 && std::fabs(x) < 1e-150);
}

bool has_ties(const Case& one, const Difference&) {
  return std::any_of(one.inputs.begin(), one.inputs.end(), [](const xgrad::Tensor& x) {
    std::vector<double> values = numbers(x);
    std::sort(values.begin(), values.end());
    return std::adjacent_find(values.begin(), values.end()) != values.end();
  });
}

bool only_places_differ(const Case& one, const Difference& d) {
  return d.aspect == Aspect::values && d.ours.values.size() == 2 &&
         d.ours.values[1].dtype() == xgrad::int64 &&
         alike(d.ours.values[0], d.theirs.values[0],
               tolerance(one, d.aspect, d.ours.values[0].dtype()));
}

Condition where_they_differ(bool (*are_such)(double, double)) {
  return [are_such](const Case& one, const Difference& d) {
    return all_that_differ(one, d, are_such);
  };
}

bool theirs_is_nan(double ours, double theirs) { return std::isnan(theirs) && !std::isnan(ours); }

bool theirs_left_range(double ours, double theirs) {
  if (theirs_is_nan(ours, theirs)) return true;
  return std::isfinite(ours) && ours != 0 && (std::isinf(theirs) || theirs == 0);
}

bool exact_in_float64(const Case& one, const Difference& d) {
  if (!are_numbers(d)) return false;
  for (const bool whole : {false, true}) {
    const Ours wide = widened(one.inputs, whole);
    bool any_narrow = false;
    for (std::size_t i = 0; i < wide.size(); ++i)
      any_narrow = any_narrow || wide[i].dtype() != one.inputs[i].dtype();
    if (any_narrow && confirms(one, d, answer_of_libtorch(one, d.aspect, wide))) return true;
  }
  return false;
}

bool is_what_cancels(const Case& one, const Difference& d) {
  if (d.aspect != Aspect::gradient && d.aspect != Aspect::second) return false;
  double scale = 1;
  for (const Aspect aspect : {Aspect::values, Aspect::gradient})
    for (const xgrad::Tensor& x : answer_of_libtorch(one, aspect, one.inputs).values)
      if (x.defined())
        for (const double value : numbers(x))
          if (std::isfinite(value)) scale = std::max(scale, std::fabs(value));
  const double bound = 64 * last_place(one) * scale;
  return all_that_differ(one, d, [&](double a, double b) { return std::fabs(a - b) <= bound; });
}

bool same_for_symmetric(const Case& one, const Difference& d) {
  if (d.aspect != Aspect::gradient && d.aspect != Aspect::second) return false;
  for (std::size_t i = 0; i < d.ours.values.size(); ++i) {
    const xgrad::Tensor& x = d.ours.values[i];
    const xgrad::Tensor& y = d.theirs.values[i];
    if (!alike(x + x.transpose(-1, -2), y + y.transpose(-1, -2),
               tolerance(one, d.aspect, x.dtype())))
      return false;
  }
  return true;
}

}  // namespace agreement
