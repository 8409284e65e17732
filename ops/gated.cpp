// Activations that are smooth: products with a gate, and what exponentials and samples make.

#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/activations.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/pointwise.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>

#include <limits>
#include <numbers>

namespace xgrad {

using kernels::Expression;
using kernels::Formula;
namespace functions = kernels::functions;

namespace {

// From here on e^(−|x|) is 0 in every dtype: what is bounded by it has the slopes it has at ∞.
constexpr double far = 746;

/// Φ(x) + x φ(x) from operations. Φ = ½ erfc(−x / √2), which does not cancel; both terms are
/// constant long before ±40, where an infinite x would make 0 · ∞ of the second.
Tensor gelu_slope(const Tensor& x) {
  constexpr double half_root = std::numbers::sqrt2 / 2;
  constexpr double density_at_0 = std::numbers::inv_sqrtpi * half_root;
  const Tensor v = clamp(x, -40, 40);
  return 0.5 * erfc(v * -half_root) + v * density_at_0 * exp(-0.5 * square(v));
}

/// σ(z) + x z'(x) σ(z) σ(−z) with z = 2 √(2/π) (x + 0.044715 x³).
Tensor gelu_tanh_slope(const Tensor& x) {
  using Gate = functions::GeluTanh;
  const Tensor v = clamp(x, -Gate::end, Gate::end);
  const Tensor squared = square(v);
  const Tensor z = v * (Gate::linear + (Gate::linear * Gate::cubic) * squared);
  const Tensor slope = Gate::linear + (3 * Gate::linear * Gate::cubic) * squared;
  return sigmoid(z) * (1 + v * slope * sigmoid(-z));
}

}  // namespace

// y = x Φ(x);  dL/dx = (Φ(x) + x φ(x)) dL/dy
Tensor gelu(const Tensor& x) {
  return detail::by_kernels(Op::gelu, x, Expression{kernels::gelu},
                            detail::times(kernels::gelu_slope),
                            [](const Tensor& dy, const Tensor& v) { return dy * gelu_slope(v); });
}

// y = x σ(z);  dL/dx = (σ(z) + x z' σ(z) σ(−z)) dL/dy
Tensor gelu(const Tensor& x, const GeluOptions& options) {
  if (options.approximate == Approximate::none) return gelu(x);
  const detail::Running running("gelu", x);
  return detail::by_kernels(
      Op::gelu_tanh, x, Expression{kernels::gelu_tanh}, detail::times(kernels::gelu_tanh_slope),
      [](const Tensor& dy, const Tensor& v) { return dy * gelu_tanh_slope(v); });
}

// y = x σ(x);  dL/dx = σ(x) (1 + x σ(−x)) dL/dy
Tensor silu(const Tensor& x) {
  return detail::by_kernels(Op::silu, x, Expression{kernels::silu},
                            detail::times(kernels::silu_slope),
                            [](const Tensor& dy, const Tensor& given) {
                              const Tensor v = clamp(given, -far, far);
                              return dy * (sigmoid(v) * (1 + v * sigmoid(-v)));
                            });
}

// y = x t with t = tanh softplus(x);  dL/dx = (t + x (1 − t²) σ(x)) dL/dy
Tensor mish(const Tensor& x) {
  return detail::by_kernels(Op::mish, x, Expression{kernels::mish},
                            detail::times(kernels::mish_slope),
                            [](const Tensor& dy, const Tensor& given) {
                              const Tensor v = clamp(given, -far, far);
                              const Tensor t = tanh(softplus(v));
                              return dy * (t + v * (1 - square(t)) * sigmoid(v));
                            });
}

// y = x relu6(x + 3) / 6;  dL/dx = 0 where x ≤ −3, dL/dy where x ≥ 3, else (x/3 + ½) dL/dy
Tensor hardswish(const Tensor& x) {
  const Formula f{[](auto v) {
    using T = decltype(v);
    const T inside = v >= 3 ? v : v * (v + 3) / 6;
    return v <= -3 ? T(0) : inside;
  }};
  const Formula slope{[](auto dy, auto v) {
    using T = decltype(v);
    const T inside = v >= 3 ? dy : dy * (v / 3 + T(0.5));
    return v <= -3 ? T(0) : inside;
  }};
  return detail::by_kernels(Op::hardswish, x, f, slope, [](const Tensor& dy, const Tensor& v) {
    const Tensor inside = where(v >= 3, dy, dy * (clamp(v, -3, 3) / 3 + 0.5));
    return where(v <= -3, 0, inside);
  });
}

Tensor glu(const Tensor& x, std::int64_t axis) {
  const detail::Running running("glu", x);
  require<DTypeError>(is_floating(x.dtype()), "glu: takes floating tensors, got {}", x.dtype());
  require<ShapeError>(x.dim() > 0, "glu: a scalar has no axis {}", axis);
  const std::int64_t extent = x.shape()[normalize_axis(axis, x.shape().size(), "glu")];
  require<ShapeError>(extent % 2 == 0, "glu: axis {} of {} has {} elements, which have no halves",
                      axis, x.shape(), extent);
  return slice(x, axis, 0, extent / 2) * sigmoid(slice(x, axis, extent / 2));
}

// y = ln(1 + e^(βx)) / β, x where βx > h;  dL/dx = σ(βx) dL/dy, dL/dy where βx > h
Tensor softplus(const Tensor& x, double beta, double threshold) {
  require_number("softplus", "beta", beta);
  require_number("softplus", "threshold", threshold);
  require<ValueError>(beta != 0, "softplus: beta is {}; the logarithm is divided by it", beta);
  return detail::by_kernels(
      Op::softplus, x, Expression{kernels::of_expression(functions::Softplus{beta, threshold})},
      detail::times(kernels::of_expression(functions::SoftplusSlope{beta, threshold})),
      [beta, threshold](const Tensor& dy, const Tensor& v) {
        return dy * where(v * beta > threshold, 1, sigmoid(v * beta));
      });
}

Tensor logsigmoid(const Tensor& x) {
  const detail::Running running("logsigmoid", x);
  return -softplus(-x, 1, std::numeric_limits<double>::infinity());
}

Tensor softsign(const Tensor& x) {
  const detail::Running running("softsign", x);
  return x / (1 + abs(x));
}

Tensor tanhshrink(const Tensor& x) {
  const detail::Running running("tanhshrink", x);
  return x - tanh(x);
}

Tensor softmin(const Tensor& x, std::int64_t axis) {
  const detail::Running running("softmin", x);
  require<DTypeError>(is_floating(x.dtype()), "softmin: takes floating tensors, got {}", x.dtype());
  require<ShapeError>(x.dim() > 0, "softmin: a scalar has no axis {}", axis);
  normalize_axis(axis, x.shape().size(), "softmin");
  return softmax(-x, axis);
}

// y = softmax((x + g) / τ) with g = −ln(−ln u), u uniform between 0 and 1
Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxOptions& options) {
  const detail::Running running("gumbel_softmax", logits);
  const auto [tau, hard, axis, generator] = options;
  require<ValueError>(tau > 0, "gumbel_softmax: tau is {}; it must be above 0", tau);
  require<DTypeError>(is_floating(logits.dtype()),
                      "gumbel_softmax: logits are {}; they must be floating", logits.dtype());
  require<ShapeError>(logits.dim() > 0, "gumbel_softmax: a scalar has no axis {}", axis);
  normalize_axis(axis, logits.shape().size(), "gumbel_softmax");
  // In float64, whose steps are 2⁻⁵³, so that no logarithm is of 0.
  const Tensor u = clamp(rand(logits.shape(), {.dtype = float64, .generator = generator}), 0x1p-54);
  const Tensor g = to(-log(-log(u)), logits.dtype());
  const Tensor soft = softmax((logits + g) / tau, axis);
  if (!hard || soft.numel() == 0) return soft;
  const Tensor single =
      scatter(zeros_like(soft.detach()), axis, argmax(soft.detach(), axis, true), 1);
  return single + (soft - soft.detach());  // a 0 with the gradient of soft
}

}  // namespace xgrad
