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
// which both meet. DTypeError where that is floating, and of shifts where it is bool.

Tensor bitwise_and(const Operand& a, const Operand& b);
Tensor bitwise_or(const Operand& a, const Operand& b);
Tensor bitwise_xor(const Operand& a, const Operand& b);
Tensor bitwise_not(const Tensor& x);
/// a 2ᵇ, without the bits that leave; 0 where b is negative or not below the number of bits.
Tensor bitwise_left_shift(const Tensor& a, const Operand& b);
/// ⌊a / 2ᵇ⌋; of such b as of one that leaves the sign alone.
Tensor bitwise_right_shift(const Tensor& a, const Operand& b);

inline Tensor operator&(const Operand& a, const Operand& b) { return bitwise_and(a, b); }
inline Tensor operator|(const Operand& a, const Operand& b) { return bitwise_or(a, b); }
inline Tensor operator^(const Operand& a, const Operand& b) { return bitwise_xor(a, b); }
inline Tensor operator~(const Tensor& x) { return bitwise_not(x); }
inline Tensor operator<<(const Tensor& a, const Operand& b) { return bitwise_left_shift(a, b); }
inline Tensor operator>>(const Tensor& a, const Operand& b) { return bitwise_right_shift(a, b); }

// In place, as += is.
Tensor operator&=(const Tensor& x, const Operand& y);
Tensor operator|=(const Tensor& x, const Operand& y);
Tensor operator^=(const Tensor& x, const Operand& y);

}  // namespace xgrad

#pragma GCC visibility pop
