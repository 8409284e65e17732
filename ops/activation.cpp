#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/activations.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/pointwise.hpp>
#include <xgrad/ops/rules.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace xgrad {

using kernels::Expression;
using kernels::Formula;
namespace functions = kernels::functions;

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

}  // namespace

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

// y = x where x > 0, else s x;  dL/dx = dL/dy where x > 0, else s dL/dy
Tensor leaky_relu(const Tensor& x, double negative_slope) {
  require_number("leaky_relu", "negative_slope", negative_slope);
  const auto inclined = [s = negative_slope](auto v, auto by) {
    return v > 0 ? by : by * static_cast<decltype(by)>(s);
  };
  return detail::by_kernels(
      Op::leaky_relu, x, Formula{[inclined](auto v) { return inclined(v, v); }},
      Formula{[inclined](auto dy, auto v) { return inclined(v, dy); }},
      [s = negative_slope](const Tensor& dy, const Tensor& v) { return where(v > 0, dy, dy * s); });
}

namespace {

// y = p x where x > 0, else n (eʳˣ − 1);  dL/dx = p dL/dy where x > 0, else n r eʳˣ dL/dy
Tensor elu_of(Op op, const Tensor& x, const functions::Elu& f) {
  const functions::EluSlope slope{f};
  return detail::by_kernels(
      op, x, Expression{kernels::of_expression(f)}, detail::times(kernels::of_expression(slope)),
      [f](const Tensor& dy, const Tensor& v) {
        const Tensor below = exp(clamp(v, {}, 0) * f.rate) * (f.negative * f.rate);
        return dy * where(v > 0, f.positive, below);
      });
}

}  // namespace

Tensor elu(const Tensor& x, double alpha) {
  require_number("elu", "alpha", alpha);
  return elu_of(Op::elu, x, {.negative = alpha});
}

Tensor selu(const Tensor& x) {
  // The fixed point of mean 0 and variance 1. (Klambauer et al., equation 14)
  constexpr double alpha = 1.6732632423543772848;
  constexpr double scale = 1.0507009873554804934;
  return elu_of(Op::selu, x, {.negative = alpha * scale, .positive = scale});
}

Tensor celu(const Tensor& x, double alpha) {
  require<ValueError>(alpha > 0, "celu: alpha is {}; it must be above 0", alpha);
  return elu_of(Op::celu, x, {.negative = alpha, .rate = 1 / alpha});
}

namespace {

/// The weight, one or one per channel, in the shape that multiplies x.
Tensor beside(const Tensor& x, const Tensor& weight) {
  if (weight.numel() == 1 && weight.dim() <= 1) return reshape(weight, {});
  const std::int64_t channels = x.dim() > 1 ? x.size(1) : 1;
  require<ShapeError>(
      weight.shape() == Shape{channels},
      "prelu: weight {} for x {}; it has one value, or one for each of the {} channels",
      weight.shape(), x.shape(), channels);
  Shape shape{channels};
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) shape.push_back(1);
  return reshape(weight, shape);
}

}  // namespace

// y = x where x > 0, else w x;  dL/dx as leaky_relu's, dL/dw = Σ x dL/dy where x ≤ 0
Tensor prelu(const Tensor& x, const Tensor& weight) {
  const detail::Running running("prelu", x, weight);
  require<DTypeError>(x.dtype() == weight.dtype(), "prelu: x is {} and the weight {}; convert one",
                      x.dtype(), weight.dtype());
  const Tensor w = beside(x, weight);
  const Tensor y = map<Types::floating>(
      Op::prelu, Formula{[](auto v, auto slope) { return v > 0 ? v : slope * v; }}, x, w);
  return record(Op::prelu, y, wrt(x, elementwise([x = saved(x), w = saved(w)](const Tensor& dy) {
                                    return where(x() > 0, dy, dy * w());
                                  })),
                wrt(w, elementwise_to(w, [x = saved(x)](const Tensor& dy) {
                      return dy * where(x() > 0, 0, x());
                    })));
}

// y = s x with s = 1 where x > 0, else drawn
Tensor rrelu(const Tensor& x, const RReluOptions& options) {
  const detail::Running running("rrelu", x);
  const auto [lower, upper, training, generator] = options;
  require<ValueError>(lower <= upper && std::isfinite(upper - lower),
                      "rrelu: lower is {} and upper {}; they must be finite, the upper not below "
                      "the lower",
                      lower, upper);
  if (!training) return leaky_relu(x, (lower + upper) / 2);
  require<DTypeError>(is_floating(x.dtype()), "rrelu: takes floating tensors, got {}", x.dtype());
  // Always float32, so that the same seed gives the same slopes in any dtype.
  const Tensor draw = rand(x.shape(), {.dtype = float32, .generator = generator});
  const Tensor drawn = to(draw, x.dtype()) * (upper - lower) + lower;
  return x * where(x > 0, 1, drawn);
}

namespace {

/// dy where x is inside, below and above; 0 elsewhere.
Tensor passed(const Tensor& dy, const Tensor& x, Scalar low, Scalar high) {
  return where(logical_or(x <= low, x >= high), 0, dy);
}

}  // namespace

// y = min(max(x, a), b);  dL/dx = 0 where x ≤ a or x ≥ b, else dL/dy: at NaN too
Tensor hardtanh(const Tensor& x, Scalar min_val, Scalar max_val) {
  const detail::Running running("hardtanh", x);
  const auto low = min_val.to<double>(), high = max_val.to<double>();
  require<ValueError>(low <= high,
                      "hardtanh: min_val is {} and max_val {}; the first must not be larger",
                      min_val, max_val);
  const Tensor y = no_grad([&] { return clamp(x, min_val, max_val); });
  const auto slope = [low, high](auto dy, auto v) {
    using T = decltype(v);
    return v <= static_cast<T>(low) || v >= static_cast<T>(high) ? T(0) : dy;
  };
  return record(Op::hardtanh, y,
                wrt(x, detail::slope_rule(Op::hardtanh, x, Formula{slope},
                                          [min_val, max_val](const Tensor& dy, const Tensor& v) {
                                            return passed(dy, v, min_val, max_val);
                                          })));
}

Tensor relu6(const Tensor& x) {
  const detail::Running running("relu6", x);
  return hardtanh(x, 0, 6);
}

// y = min(max(x + 3, 0), 6) / 6;  dL/dx = dL/dy / 6 where −3 < x < 3, else 0
Tensor hardsigmoid(const Tensor& x) {
  const Formula f{[](auto v) {
    using T = decltype(v);
    const T above = v + 3 < 0 ? T(0) : v + 3;
    return (above > 6 ? T(6) : above) / 6;
  }};
  const Formula slope{[](auto dy, auto v) { return v > -3 && v < 3 ? dy / 6 : decltype(v)(0); }};
  return detail::by_kernels(Op::hardsigmoid, x, f, slope, [](const Tensor& dy, const Tensor& v) {
    return where(logical_and(v > -3, v < 3), dy / 6, 0);
  });
}

// y = 0 where |x| ≤ λ, else x;  dL/dx = 0 there, else dL/dy
Tensor hardshrink(const Tensor& x, double lambd) {
  require_number("hardshrink", "lambd", lambd);
  const auto kept = [lambd](auto by, auto v) {
    using T = decltype(v);
    return v >= static_cast<T>(-lambd) && v <= static_cast<T>(lambd) ? T(0) : by;
  };
  return detail::by_kernels(Op::hardshrink, x, Formula{[kept](auto v) { return kept(v, v); }},
                            Formula{kept}, [lambd](const Tensor& dy, const Tensor& v) {
                              return where(logical_and(v >= -lambd, v <= lambd), 0, dy);
                            });
}

// y = x − λ where x > λ, x + λ where x < −λ, else 0;  dL/dx = 0 there, else dL/dy
Tensor softshrink(const Tensor& x, double lambd) {
  require<ValueError>(lambd >= 0, "softshrink: lambd is {}; it must not be negative", lambd);
  const Formula f{[lambd](auto v) {
    using T = decltype(v);
    const T by = static_cast<T>(lambd);
    return v > by ? v - by : v < -by ? v + by : v * 0;  // of NaN, NaN
  }};
  const Formula slope{[lambd](auto dy, auto v) {
    using T = decltype(v);
    return v >= static_cast<T>(-lambd) && v <= static_cast<T>(lambd) ? T(0) : dy;
  }};
  return detail::by_kernels(Op::softshrink, x, f, slope,
                            [lambd](const Tensor& dy, const Tensor& v) {
                              return where(logical_and(v >= -lambd, v <= lambd), 0, dy);
                            });
}

Tensor threshold(const Tensor& x, Scalar threshold, Scalar value) {
  const detail::Running running("threshold", x);
  require_number("threshold", "threshold", threshold.to<double>());
  return where(x <= threshold, value.as(x.dtype(), "threshold"), x);
}

}  // namespace xgrad
