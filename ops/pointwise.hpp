#pragma once
// Internal: how functions of each value are made from a formula and a slope.

#include <xgrad/ops/operands.hpp>

#include <utility>

namespace xgrad::detail {

/// Integers and bools as float32.
inline Tensor fractional(const Tensor& x) { return is_floating(x.dtype()) ? x : to(x, float32); }

/// About what a value of libm's functions takes.
inline constexpr double libm_nanoseconds = 5;

/// y = f(x), with dL/dx = slope(dL/dy, x).
template <class F, class Slope>
Tensor function(Op op, const Tensor& given, F f, Slope slope,
                double nanoseconds = libm_nanoseconds) {
  const Running running(name(op), given);
  const Tensor x = fractional(given);
  return record(
      op, map<Types::floating>(op, kernels::Formula{f, nanoseconds}, x),
      wrt(x, elementwise([x = saved(x), slope](const Tensor& dy) { return slope(dy, x()); })));
}

/// y = f(x), with dL/dx = slope(dL/dy, y).
template <class F, class Slope>
Tensor function_by_result(Op op, const Tensor& given, F f, Slope slope,
                          double nanoseconds = libm_nanoseconds) {
  const Running running(name(op), given);
  const Tensor x = fractional(given);
  const Tensor y = map<Types::floating>(op, kernels::Formula{f, nanoseconds}, x);
  return record(op, y, wrt(x, elementwise([y = saved_result(y), slope](const Tensor& dy) {
                             return slope(dy, y());
                           })));
}

}  // namespace xgrad::detail
