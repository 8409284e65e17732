#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/rules.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace xgrad {

using kernels::Expression;
using kernels::Formula;

namespace {

void require_floating(const Tensor& x, const char* operation) {
  if (!is_floating(x.dtype())) detail::throw_not_floating(x.dtype(), operation);
}

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

// ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))); the tanh is constant long before ±40, where a large x
// would make 0 · ∞ of its gradient.
Tensor gelu(const Tensor& x, std::string_view approximate) {
  const detail::Running running("gelu", x);
  require<ValueError>(approximate == "none" || approximate == "tanh",
                      "gelu: approximate is \"{}\"; it is \"none\" or \"tanh\"", approximate);
  if (approximate == "none") return gelu(x);
  require_floating(x, "gelu");
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return gelu(wide, approximate); }, x);
  constexpr double slope = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  const Tensor v = clamp(x, -40, 40);
  return 0.5 * x * (1 + tanh(slope * (v + 0.044715 * v * square(v))));
}

// y = x where x > 0, else s x;  dL/dx = dL/dy where x > 0, else s dL/dy
Tensor leaky_relu(const Tensor& x, double negative_slope) {
  const auto of_sign = [negative_slope](auto v, auto factor) {
    const auto below = static_cast<decltype(factor)>(negative_slope) * factor;
    return v > 0 ? factor : below;
  };
  const Tensor y =
      map<Types::floating>(Op::leaky_relu, Formula{[of_sign](auto v) { return of_sign(v, v); }}, x);
  return record(Op::leaky_relu, y,
                wrt(x, elementwise(fused(
                           [of_sign, x = saved(x)](const Tensor& dy) {
                             return map<Types::floating>(Op::leaky_relu, Formula{of_sign}, x(), dy);
                           },
                           [negative_slope, x = saved(x)](const Tensor& dy) {
                             return where(x() > 0, dy, dy * negative_slope);
                           }))));
}

// Of x that is not negative, the weight sees 0: an infinite one would make 0 · ∞ of its gradient.
Tensor prelu(const Tensor& x, const Tensor& weight) {
  const detail::Running running("prelu", x, weight);
  require_floating(x, "prelu");
  require<DTypeError>(weight.dtype() == x.dtype(), "prelu: x is {} and the weight {}; convert one",
                      x.dtype(), weight.dtype());
  const std::int64_t channels = x.dim() > 1 ? x.shape()[1] : 1;
  require<ShapeError>(
      weight.dim() <= 1 && (weight.numel() == 1 || weight.numel() == channels),
      "prelu: weight {} for x {}; it has one value, or one for each of the {} channels",
      weight.shape(), x.shape(), channels);
  Shape shape;
  for (std::size_t i = 1; i < x.shape().size(); ++i) shape.push_back(i == 1 ? weight.numel() : 1);
  const Tensor positive = x > 0;
  return where(positive, x, reshape(weight, shape) * where(positive, 0, x));
}

namespace {

// y = s x where x > 0, else s a (e^(r x) − 1);  dL/dx = s dL/dy where x > 0, else s a r e^(r x)
// dL/dy
Tensor exponential_unit(Op op, const Tensor& x, double a, double s, double r) {
  const auto unit = [a, s, r](auto v) {
    using T = decltype(v);
    const T factor = static_cast<T>(s * a);
    return v > 0 ? static_cast<T>(s) * v : factor * std::expm1(static_cast<T>(r) * v);
  };
  const Tensor y = map<Types::floating>(op, Formula{unit, 6.0}, x);
  return record(op, y, wrt(x, elementwise([a, s, r, x = saved(x)](const Tensor& dy) {
                             const Tensor positive = x() > 0;
                             const Tensor v = where(positive, 0, x());
                             return where(positive, s * dy, dy * (s * a * r) * exp(r * v));
                           })));
}

}  // namespace

Tensor elu(const Tensor& x, double alpha) { return exponential_unit(Op::elu, x, alpha, 1, 1); }

// The two constants are solutions of the equations (13) there.
Tensor selu(const Tensor& x) {
  return exponential_unit(Op::selu, x, 1.6732632423543772848, 1.0507009873554804934, 1);
}

Tensor celu(const Tensor& x, double alpha) {
  const detail::Running running("celu", x);
  require<ValueError>(alpha != 0, "celu: alpha {}; x is divided by it", alpha);
  return exponential_unit(Op::celu, x, alpha, 1, 1 / alpha);
}

// y = x σ(x);  dL/dx = σ(x) (1 + x σ(−x)) dL/dy
Tensor silu(const Tensor& x) {
  const Tensor y = map<Types::floating>(
      Op::silu, Expression{[](const auto& v) { return v * kernels::sigmoid(v); }}, x);
  const Expression slope{[](const auto& u, const auto& v) {
    return u * (kernels::sigmoid(v) + v * kernels::sigmoid(v) * kernels::sigmoid(-v));
  }};
  return record(Op::silu, y,
                wrt(x, elementwise(fused(
                           [slope, x = saved(x)](const Tensor& dy) {
                             return map<Types::floating>(Op::silu, slope, dy, x());
                           },
                           [x = saved(x)](const Tensor& dy) {
                             const Tensor v = x();
                             const Tensor share = sigmoid(v);
                             return dy * (share + v * share * sigmoid(-v));
                           }))));
}

// y = ln(1 + e^(βx)) / β, x where βx > t;  dL/dx = σ(βx) dL/dy, dL/dy where βx > t.
// ln(1 + eᶻ) = max(z, 0) + ln(1 + e^(−|z|)), which does not overflow.
Tensor softplus(const Tensor& x, double beta, double threshold) {
  const auto soft = [beta, threshold](auto v) {
    using T = decltype(v);
    const T z = static_cast<T>(beta) * v;
    const T smooth = (z < 0 ? T(0) : z) + std::log1p(std::exp(-std::abs(z)));
    return z > static_cast<T>(threshold) ? v : smooth / static_cast<T>(beta);
  };
  // e^(−|z|) / (1 + e^(−|z|)) is σ of −|z|.
  const auto slope = [beta, threshold](auto u, auto v) {
    using T = decltype(v);
    const T z = static_cast<T>(beta) * v;
    const T small = std::exp(-std::abs(z));
    const T share = (z < 0 ? small : T(1)) / (1 + small);
    return z > static_cast<T>(threshold) ? u : u * share;
  };
  const Tensor y = map<Types::floating>(Op::softplus, Formula{soft, 10.0}, x);
  return record(
      Op::softplus, y,
      wrt(x, elementwise(fused(
                 [slope, x = saved(x)](const Tensor& dy) {
                   return map<Types::floating>(Op::softplus, Formula{slope, 6.0}, dy, x());
                 },
                 [beta, threshold, x = saved(x)](const Tensor& dy) {
                   const Tensor z = beta * x();
                   return where(z > threshold, dy, dy * sigmoid(z));
                 }))));
}

Tensor mish(const Tensor& x) {
  const detail::Running running("mish", x);
  require_floating(x, "mish");
  if (is_half(x.dtype())) return in_float32([](const Tensor& wide) { return mish(wide); }, x);
  return x * tanh(softplus(x));
}

Tensor logsigmoid(const Tensor& x) {
  const detail::Running running("logsigmoid", x);
  require_floating(x, "logsigmoid");
  return -softplus(-x, 1, std::numeric_limits<double>::infinity());
}

Tensor softsign(const Tensor& x) {
  const detail::Running running("softsign", x);
  require_floating(x, "softsign");
  return x / (1 + abs(x));
}

namespace {

/// x between the two, whose places and what is outside have no gradient; NaN is inside.
Tensor strictly_between(const Tensor& x, double low, double high) {
  const Tensor outside = logical_or(x <= low, x >= high);
  return where(outside, clamp(x.detach(), low, high), x);
}

}  // namespace

Tensor hardtanh(const Tensor& x, double min_val, double max_val) {
  const detail::Running running("hardtanh", x);
  require_floating(x, "hardtanh");
  require<ValueError>(min_val <= max_val,
                      "hardtanh: min_val {} and max_val {}; the first must not be larger", min_val,
                      max_val);
  return strictly_between(x, min_val, max_val);
}

Tensor relu6(const Tensor& x) {
  const detail::Running running("relu6", x);
  require_floating(x, "relu6");
  return strictly_between(x, 0, 6);
}

Tensor hardsigmoid(const Tensor& x) {
  const detail::Running running("hardsigmoid", x);
  require_floating(x, "hardsigmoid");
  return (strictly_between(x, -3, 3) + 3) / 6;
}

// Between ±3 of x alone what lies there: an infinite one would make 0 · ∞ of its gradient.
Tensor hardswish(const Tensor& x) {
  const detail::Running running("hardswish", x);
  require_floating(x, "hardswish");
  const Tensor v = strictly_between(x, -3, 3);
  return where(x <= -3, 0, where(x >= 3, x, v * (v + 3) / 6));
}

Tensor glu(const Tensor& x, std::int64_t axis) {
  const detail::Running running("glu", x);
  require_floating(x, "glu");
  const std::size_t along = normalize_axis(axis, x.shape().size(), "glu");
  const std::int64_t extent = x.shape()[along];
  require<ShapeError>(extent % 2 == 0, "glu: axis {} of shape {} has no two halves", axis,
                      x.shape());
  return slice(x, axis, 0, extent / 2) * sigmoid(slice(x, axis, extent / 2, extent));
}

Tensor softmin(const Tensor& x, std::int64_t axis) {
  const detail::Running running("softmin", x);
  require_floating(x, "softmin");
  return softmax(-x, axis);
}

Tensor softshrink(const Tensor& x, double lambd) {
  const detail::Running running("softshrink", x);
  require_floating(x, "softshrink");
  require<ValueError>(lambd >= 0, "softshrink: lambd {}; it must not be negative", lambd);
  return x - clamp(x, -lambd, lambd);
}

Tensor hardshrink(const Tensor& x, double lambd) {
  const detail::Running running("hardshrink", x);
  require_floating(x, "hardshrink");
  return where(logical_and(x >= -lambd, x <= lambd), 0, x);
}

Tensor tanhshrink(const Tensor& x) {
  const detail::Running running("tanhshrink", x);
  require_floating(x, "tanhshrink");
  return x - tanh(x);
}

Tensor threshold(const Tensor& x, double threshold, double value) {
  const detail::Running running("threshold", x);
  return where(x <= threshold, Scalar(value).as(x.dtype(), "threshold"), x);
}

}  // namespace xgrad
