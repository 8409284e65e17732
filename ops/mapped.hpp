#pragma once
// Internal: functions of one tensor by kernels, forward and first derivative, whose other
// derivatives are those of operations.

#include <xgrad/ops/operands.hpp>

#include <utility>

namespace xgrad {

/// The rule dy ↦ slope(dy, x), a kernel, or plain(dy, x), from operations.
template <class Slope, class Plain>
auto rule(Op op, const Tensor& x, Slope slope, Plain plain) {
  return fused(
      [op, slope = std::move(slope), x = saved(x)](const Tensor& dy) {
        return map<Types::floating>(op, slope, dy, x());
      },
      [plain = std::move(plain), x = saved(x)](const Tensor& dy) { return plain(dy, x()); });
}

/// y = f(x) by a kernel, with that rule.
template <class F, class Slope, class Plain>
Tensor mapped(Op op, const Tensor& x, const F& f, Slope slope, Plain plain) {
  const Tensor y = map<Types::floating>(op, f, x);
  return record(op, y, wrt(x, elementwise(rule(op, x, std::move(slope), std::move(plain)))));
}

/// dy f(x), for f a function of vectors.
template <class F>
auto sloped(const F& f) {
  return kernels::Expression{
      [f](const auto& dy, const auto& v) { return dy * kernels::detail::OfExpression<F>{f}(v); }};
}

}  // namespace xgrad
