#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/operands.hpp>

#include <numbers>
#include <utility>

namespace xgrad {

using kernels::Expression;
using kernels::Formula;

namespace {

// NaN compares false and must stay NaN.
const Formula rectified{[](auto v) { return v < 0 ? decltype(v)(0) : v; }};
const Formula masked{[](auto v, auto s) { return s <= 0 ? decltype(v)(0) : v; }};

// y = max(x, 0);  dL/dx = 0 where y ≤ 0, else dL/dy: at NaN too
Tensor relu_recorded(const Tensor& x, const Tensor& y) {
  return record(Op::relu, y, wrt(x, [y = saved_result(y)](Tensor dy) {
                  return mask_positive(std::move(dy), y());
                }));
}

// y = 0 where s ≤ 0, else x;  dL/dx = 0 where s ≤ 0, else dL/dy
Tensor mask_recorded(const Tensor& x, const Tensor& sign_of, const Tensor& y) {
  return record(Op::mask_positive, y, wrt(x, [s = saved(sign_of)](Tensor dy) {
                  return mask_positive(std::move(dy), s());
                }));
}

void check_mask(const Tensor& x, const Tensor& sign_of) {
  const detail::Running running("mask_positive", x, sign_of);
  require<ShapeError>(x.shape() == sign_of.shape(), "mask_positive: shapes {} and {} differ",
                      x.shape(), sign_of.shape());
  require<DTypeError>(x.dtype() == sign_of.dtype(), "mask_positive: {} and {} differ", x.dtype(),
                      sign_of.dtype());
}

/// dy (Φ(x) + x φ(x)) in one pass.
Tensor gelu_gradient(const Tensor& x, const Tensor& dy) {
  const Layout layout = common_layout(x, dy);
  const Tensor in = arranged(x, layout);
  const Tensor d = arranged(dy, layout);
  Tensor dx = empty_like(in);
  const profiler::Scope scope("gelu", [&] { return profiler::work_on({&x, &dy, &dx}, 1); });
  dispatch_floating(x.dtype(), "gelu", [&]<class T>() {
    const Expression f{[](const auto& u, const auto& v) { return u * kernels::gelu_slope(v); }};
    kernels::map(f, dx.numel(), own_data<T>(dx), own_data<T>(d), own_data<T>(in));
  });
  return dx;
}

/// The same from operations. Φ = ½ erfc(−x / √2), which does not cancel; both terms are constant
/// long before ±40, where an infinite x would make 0 · ∞ of the second.
Tensor gelu_gradient_recorded(const Tensor& x, const Tensor& dy) {
  constexpr double half_root = std::numbers::sqrt2 / 2;
  constexpr double density_at_0 = std::numbers::inv_sqrtpi * half_root;
  const Tensor v = clamp(x, -40, 40);
  return dy * (0.5 * erfc(v * -half_root) + v * density_at_0 * exp(-0.5 * square(v)));
}

}  // namespace

// y = x Φ(x);  dL/dx = (Φ(x) + x φ(x)) dL/dy
Tensor gelu(const Tensor& x) {
  const Tensor y =
      map_floating("gelu", x, Expression{[](const auto& v) { return kernels::gelu(v); }});
  return record(Op::gelu, y, wrt(x, [x = saved(x)](const Tensor& dy) {
                  return is_grad_enabled() ? gelu_gradient_recorded(x(), dy)
                                           : gelu_gradient(x(), dy);
                }));
}

Tensor relu(const Tensor& x) { return relu_recorded(x, map_numeric("relu", x, rectified)); }

Tensor relu(Tensor&& x) {
  if (!takes_memory(x)) return relu(std::as_const(x));
  const Tensor y = map_numeric_in_place("relu", x, rectified);
  return relu_recorded(x, y);
}

Tensor mask_positive(const Tensor& x, const Tensor& sign_of) {
  check_mask(x, sign_of);
  return mask_recorded(x, sign_of, combine("mask_positive", x, sign_of, masked));
}

Tensor mask_positive(Tensor&& x, const Tensor& sign_of) {
  check_mask(x, sign_of);
  if (!takes_memory(x) || !lie_alike(x, sign_of)) return mask_positive(std::as_const(x), sign_of);
  return mask_recorded(x, sign_of, combine_in_place("mask_positive", x, sign_of, masked));
}

}  // namespace xgrad
