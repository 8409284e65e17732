#pragma once
#include <xgrad/ops/arithmetic.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

// Answers. Unless it says otherwise, each takes any dtype, in which what is not 0 is true, NaN too,
// gives a bool tensor and carries no gradient.

Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);
/// Where a = b, or |a − b| is finite and ≤ atol + rtol |b|, or, with equal_nan, both are NaN; the
/// shapes broadcast. Whole numbers are compared exactly. ValueError where a tolerance is negative
/// or NaN.
Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
               bool equal_nan = false);

/// Whether any value is true along the axes; false over no elements.
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// Whether all are; true over no elements.
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// How many are true along the axes; int64.
Tensor count_nonzero(const Tensor& x, const Axes& axes = {});

Tensor logical_and(const Operand& a, const Operand& b);
Tensor logical_or(const Operand& a, const Operand& b);
Tensor logical_xor(const Operand& a, const Operand& b);
Tensor logical_not(const Tensor& x);

// Of the bits of integers, of truth values where both sides are bool: the result has the dtype in
// which both meet. DTypeError where that is floating.
Tensor bitwise_and(const Operand& a, const Operand& b);
Tensor bitwise_or(const Operand& a, const Operand& b);
Tensor bitwise_xor(const Operand& a, const Operand& b);
Tensor bitwise_not(const Tensor& x);

inline Tensor operator&(const Operand& a, const Operand& b) { return bitwise_and(a, b); }
inline Tensor operator|(const Operand& a, const Operand& b) { return bitwise_or(a, b); }
inline Tensor operator^(const Operand& a, const Operand& b) { return bitwise_xor(a, b); }
inline Tensor operator~(const Tensor& x) { return bitwise_not(x); }

}  // namespace xgrad

#pragma GCC visibility pop
