#pragma once
// What is made of two answers.

#include <string>
#include <vector>

#include "agreement.hpp"

namespace agreement {

/// Where the two may differ, in the order in which they are looked at.
enum class Aspect { refusal, results, dtype, shape, values, gradient, second };
const char* name(Aspect aspect);

struct Answer {
  Ours values = {};
  std::string refusal = {};  ///< the message; empty where there are values
};

struct Difference {
  Aspect aspect;
  Answer ours, theirs;
  std::string what;  ///< for people
};

/// What differs on purpose: all differences, of these operations or of all if none is named, that
/// `applies` holds for.
struct Deliberate {
  std::vector<std::string> operations;
  std::function<bool(const Case&, const Difference&)> applies;
  std::string reason;
  bool certain = true;  ///< false: it depends on what lies in memory, and need not occur
};
/// In deliberate.cpp.
std::vector<Deliberate> deliberate_differences();

/// How far values may lie apart, relative to the largest of their tensor (pointwise operations get
/// each awkward value in a tensor of its own).
double tolerance(const Case& one, Aspect aspect, xgrad::DType dtype);

/// What libtorch makes of a case's other inputs: results, or their derivatives.
Answer answer_of_libtorch(const Case& one, Aspect aspect, const Ours& inputs);

/// Whether all values lie within that, NaN being NaN: shapes and dtypes are alike.
bool alike(const xgrad::Tensor& ours, const xgrad::Tensor& theirs, double tolerance);

/// What differs between values of one shape and dtype by more than a part of them, or of `scale`
/// where that is larger; or "".
std::string value_difference(const xgrad::Tensor& ours, const xgrad::Tensor& theirs,
                             double tolerance, double scale = 0);

/// The largest number of all.
double scale_of(const Ours& list);

}  // namespace agreement
