#pragma once
// Conditions on a case and what differs in it, for deliberate.cpp.

#include <string>
#include <vector>

#include "difference.hpp"

namespace agreement {

using Condition = std::function<bool(const Case&, const Difference&)>;

/// libtorch refuses with these words what xgrad does.
Condition they_say(const std::string& words);
/// xgrad refuses with these words what libtorch does.
Condition we_say(const std::string& words);
/// xgrad asks for floating numbers where there are integers or bools.
bool we_want_floating(const Case& one, const Difference& d);
Condition any_of(std::vector<Condition> conditions);
Condition all_of(std::vector<Condition> conditions);

/// The description of the case has these words.
Condition of(const std::string& words);
Condition at(std::vector<Aspect> aspects);
/// There is such a floating number among the inputs.
Condition given(bool (*is_such)(double));
bool is_nan(double x);
bool is_infinite(double x);
/// Its square overflows or vanishes in float64.
bool is_extreme(double x);
/// A tensor of the inputs has equal elements.
bool has_ties(const Case& one, const Difference& d);

/// Values are alike, and the places where they were are not.
bool only_places_differ(const Case& one, const Difference& d);

/// Of numbers: all pairs (ours, theirs) that differ are such.
Condition where_they_differ(bool (*are_such)(double, double));
/// libtorch has NaN and xgrad a number.
bool theirs_is_nan(double ours, double theirs);
/// The same, or libtorch has an infinity or 0 where xgrad has a number that is neither.
bool theirs_left_range(double ours, double theirs);

/// libtorch's answer to the same numbers in float64 is xgrad's, rounded to its dtype.
bool exact_in_float64(const Case& one, const Difference& d);
/// Neither is more than the rounding of terms, as large as the values and slopes are, that cancel.
bool is_what_cancels(const Case& one, const Difference& d);
/// Of square matrices of which one triangle is read: what both say of its symmetric changes is the
/// same.
bool same_for_symmetric(const Case& one, const Difference& d);

}  // namespace agreement
