#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/rules.hpp>

#include <numbers>
#include <utility>

namespace xgrad {

using kernels::Expression;
using kernels::Formula;

namespace {

// NaN compares false and must stay NaN.
const Formula rectified{[](auto v) { return v < 0 ? decltype(v)(0) : v; }};
const Formula masked{[](auto v, auto s) { return s <= 0 ? decltype(v)(0) : v; }};

void check_mask(const Tensor& x, const Tensor& sign_of) {
  const detail::Running running("mask_positive", x, sign_of);
  require<ShapeError>(x.shape() == sign_of.shape(), "mask_positive: shapes {} and {} differ",
                      x.shape(), sign_of.shape());
  require<DTypeError>(x.dtype() == sign_of.dtype(), "mask_positive: {} and {} differ", x.dtype(),
                      sign_of.dtype());
}

const Expression times_gelu_slope{
    [](const auto& u, const auto& v) { return u * kernels::gelu_slope(v); }};

/// Φ(x) + x φ(x) from operations. Φ = ½ erfc(−x / √2), which does not cancel; both terms are
/// constant long before ±40, where an infinite x would make 0 · ∞ of the second.
Tensor gelu_slope(const Tensor& x) {
  constexpr double half_root = std::numbers::sqrt2 / 2;
  constexpr double density_at_0 = std::numbers::inv_sqrtpi * half_root;
  const Tensor v = clamp(x, -40, 40);
  return 0.5 * erfc(v * -half_root) + v * density_at_0 * exp(-0.5 * square(v));
}

}  // namespace

// y = x Φ(x);  dL/dx = (Φ(x) + x φ(x)) dL/dy
Tensor gelu(const Tensor& x) {
  const Tensor y =
      map<Types::floating>(Op::gelu, Expression{[](const auto& v) { return kernels::gelu(v); }}, x);
  return record(Op::gelu, y,
                wrt(x, elementwise(fused(
                           [x = saved(x)](const Tensor& dy) {
                             return map<Types::floating>(Op::gelu, times_gelu_slope, dy, x());
                           },
                           [x = saved(x)](const Tensor& dy) { return dy * gelu_slope(x()); }))));
}

// y = max(x, 0);  dL/dx = 0 where y ≤ 0, else dL/dy: at NaN too
Tensor relu(Tensor x) {
  const Tensor y = map<Types::numeric>(Op::relu, rectified, spare(x));
  return record(Op::relu, y, wrt(x, elementwise([y = saved_result(y)](Tensor dy) {
                                   return detail::mask_positive(std::move(dy), y());
                                 })));
}

// y = 0 where s ≤ 0, else x;  dL/dx = 0 where s ≤ 0, else dL/dy
Tensor detail::mask_positive(Tensor x, const Tensor& sign_of) {
  check_mask(x, sign_of);
  const Tensor y = map<Types::numeric>(Op::mask_positive, masked, spare(x), sign_of);
  return record(Op::mask_positive, y, wrt(x, elementwise([s = saved(sign_of)](Tensor dy) {
                                            return detail::mask_positive(std::move(dy), s());
                                          })));
}

}  // namespace xgrad
