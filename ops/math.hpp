#pragma once
#include <xgrad/ops/arithmetic.hpp>

#include <concepts>
#include <cstdint>
#include <optional>

// Some C headers have a macro of this name.
#pragma push_macro("round")
#undef round

#pragma GCC visibility push(default)

namespace xgrad {

// Functions of each value. Integers and bools become float32, as PyTorch's do; where a function is
// not defined the value is NaN.

Tensor reciprocal(const Tensor& x);
/// 1 / √x.
Tensor rsqrt(const Tensor& x);
Tensor exp2(const Tensor& x);
/// eˣ − 1, without the cancellation for small x.
Tensor expm1(const Tensor& x);
Tensor log2(const Tensor& x);
Tensor log10(const Tensor& x);
/// ln(1 + x), without the cancellation for small x.
Tensor log1p(const Tensor& x);
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor tan(const Tensor& x);
Tensor asin(const Tensor& x);
Tensor acos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor sinh(const Tensor& x);
Tensor cosh(const Tensor& x);
Tensor asinh(const Tensor& x);
Tensor acosh(const Tensor& x);
Tensor atanh(const Tensor& x);
/// x − trunc(x), of the sign of x; the gradient is 1.
Tensor frac(const Tensor& x);

// To whole numbers. The gradient is 0; integers and bools are returned themselves.

Tensor floor(const Tensor& x);
Tensor ceil(const Tensor& x);
/// To the nearest, and to the even one of two.
Tensor round(const Tensor& x);
/// To so many digits behind the point, before it where `decimals` is negative: floating x alone
/// (DTypeError).
Tensor round(const Tensor& x, std::int64_t decimals);
/// Towards 0.
Tensor trunc(const Tensor& x);

// Functions of two, broadcast as in arithmetic.hpp. Those from atan2 to copysign make integers and
// bools float32.

/// The angle of the point (x, y) in (−π, π].
Tensor atan2(const Operand& y, const Operand& x);
/// √(a² + b²), without overflow on the way. The gradient at (0, 0) is 0.
Tensor hypot(const Operand& a, const Operand& b);
/// ln(eᵃ + eᵇ).
Tensor logaddexp(const Operand& a, const Operand& b);
/// log₂(2ᵃ + 2ᵇ).
Tensor logaddexp2(const Operand& a, const Operand& b);
/// a ln b, and 0 where a is 0 and b not NaN.
Tensor xlogy(const Operand& a, const Operand& b);
/// |a| with the sign of b, that of −0 too. The gradient in a is 0 where a is, that in b everywhere.
Tensor copysign(const Operand& a, const Operand& b);

// The others keep integers. An integer divided by 0 is a ValueError.

/// a − b trunc(a / b), exact: of the sign of a.
Tensor fmod(const Operand& a, const Operand& b);
/// a − b ⌊a / b⌋: of the sign of b, as Python's %.
Tensor remainder(const Operand& a, const Operand& b);
/// ⌊a / b⌋, as Python's //; the gradient is 0.
Tensor floor_divide(const Operand& a, const Operand& b);
/// As maximum(), but that a number comes before NaN.
Tensor fmax(const Operand& a, const Operand& b);
/// As minimum(), but that a number comes before NaN.
Tensor fmin(const Operand& a, const Operand& b);

/// x + value · t1 · t2, broadcast.
Tensor addcmul(const Tensor& x, const Tensor& t1, const Tensor& t2, Scalar value = 1);
/// x + value · t1 / t2, broadcast.
Tensor addcdiv(const Tensor& x, const Tensor& t1, const Tensor& t2, Scalar value = 1);
/// start + weight · (end − start), broadcast; start and end exactly for weights of 0 and 1.
Tensor lerp(const Tensor& start, const Tensor& end, const Operand& weight);
/// clamp() with one bound, a number or a tensor.
Tensor clamp_min(const Tensor& x, const Operand& min);
Tensor clamp_max(const Tensor& x, const Operand& max);
/// x with other values for NaN, ∞ and −∞; without, the greatest and the lowest finite ones of its
/// dtype for the infinite ones. No gradient passes where a value was replaced.
Tensor nan_to_num(const Tensor& x, double nan = 0, std::optional<double> posinf = {},
                  std::optional<double> neginf = {});
/// Whether the sign bit is set, as that of −0 is: bool, without a gradient.
Tensor signbit(const Tensor& x);

namespace detail {
Tensor clamp_between(const Tensor& x, const Tensor& min, const Tensor& max);
}  // namespace detail

/// min(max(x, min), max) of tensors, broadcast; NaN where one of them is. An undefined one bounds
/// nothing. The gradient goes to x where min ≤ x ≤ max, to `max` where x > max or min > max, to
/// `min` where x < min < max.
template <std::same_as<Tensor> T>
Tensor clamp(const Tensor& x, const Tensor& min, const T& max) {
  return detail::clamp_between(x, min, max);
}
template <std::same_as<Tensor> T>
Tensor clamp(const Tensor& x, const T& min) {
  return detail::clamp_between(x, min, {});
}

inline Tensor operator%(const Operand& a, const Operand& b) { return remainder(a, b); }

}  // namespace xgrad

#pragma GCC visibility pop

#pragma pop_macro("round")
