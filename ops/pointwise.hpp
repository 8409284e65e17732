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

/// The rule dy ↦ slope(dy, x) by a kernel, or plain(dy, x), from operations.
template <class Slope, class Plain>
auto slope_rule(Op op, const Tensor& x, Slope slope, Plain plain) {
  return elementwise(
      fused([op, slope = std::move(slope),
             x = saved(x)](const Tensor& dy) { return map<Types::floating>(op, slope, dy, x()); },
            [plain = std::move(plain), x = saved(x)](const Tensor& dy) { return plain(dy, x()); }));
}

/// y = f(x) of floating x, with that rule: f and slope are Formulas or Expressions.
template <class F, class Slope, class Plain>
Tensor by_kernels(Op op, const Tensor& x, const F& f, Slope slope, Plain plain) {
  const Running running(name(op), x);
  return record(op, map<Types::floating>(op, f, x),
                wrt(x, slope_rule(op, x, std::move(slope), std::move(plain))));
}

/// (dy, x) ↦ dy g(x), for a function g of xtensor expressions.
template <class G>
auto times(G g) {
  return kernels::Expression{[g](const auto& dy, const auto& v) { return dy * g(v); }};
}

}  // namespace xgrad::detail
