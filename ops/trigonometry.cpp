// Trigonometric and hyperbolic functions. 1 − x² is written as (1 − x)(1 + x), which does not
// cancel.

#include <xgrad/ops/math.hpp>
#include <xgrad/ops/pointwise.hpp>

#include <cmath>

namespace xgrad {

using detail::function;
using detail::function_by_result;

namespace {

// 1 − x² and x² − 1. Between ½ and 1, and 1 and 2, factors keep the digits that a square would
// lose; elsewhere the factors' derivatives would lose those of 2x, and at 1 be of 0 · ∞.
Tensor below_one(const Tensor& x) {
  return where(abs(abs(x) - 0.75) < 0.25, (1 - x) * (1 + x), 1 - square(x));
}
Tensor above_one(const Tensor& x) {
  return where(abs(x - 1.5) < 0.5, (x - 1) * (x + 1), square(x) - 1);
}

}  // namespace

// y = sin x;  dL/dx = cos x dL/dy
Tensor sin(const Tensor& x) {
  return function(
      Op::sin, x, [](auto v) { return std::sin(v); },
      [](const Tensor& dy, const Tensor& u) { return dy * cos(u); });
}

// y = cos x;  dL/dx = −sin x dL/dy
Tensor cos(const Tensor& x) {
  return function(
      Op::cos, x, [](auto v) { return std::cos(v); },
      [](const Tensor& dy, const Tensor& u) { return -dy * sin(u); });
}

// y = tan x;  dL/dx = (1 + y²) dL/dy
Tensor tan(const Tensor& x) {
  return function_by_result(
      Op::tan, x, [](auto v) { return std::tan(v); },
      [](const Tensor& dy, const Tensor& y) { return dy * (1 + square(y)); });
}

// y = arcsin x;  dL/dx = dL/dy / √(1 − x²)
Tensor asin(const Tensor& x) {
  return function(
      Op::asin, x, [](auto v) { return std::asin(v); },
      [](const Tensor& dy, const Tensor& u) { return dy * rsqrt(below_one(u)); });
}

// y = arccos x;  dL/dx = −dL/dy / √(1 − x²)
Tensor acos(const Tensor& x) {
  return function(
      Op::acos, x, [](auto v) { return std::acos(v); },
      [](const Tensor& dy, const Tensor& u) { return -dy * rsqrt(below_one(u)); });
}

// y = arctan x;  dL/dx = dL/dy / (1 + x²)
Tensor atan(const Tensor& x) {
  return function(
      Op::atan, x, [](auto v) { return std::atan(v); },
      [](const Tensor& dy, const Tensor& u) { return dy / (1 + square(u)); });
}

// y = sinh x;  dL/dx = cosh x dL/dy
Tensor sinh(const Tensor& x) {
  return function(
      Op::sinh, x, [](auto v) { return std::sinh(v); },
      [](const Tensor& dy, const Tensor& u) { return dy * cosh(u); });
}

// y = cosh x;  dL/dx = sinh x dL/dy
Tensor cosh(const Tensor& x) {
  return function(
      Op::cosh, x, [](auto v) { return std::cosh(v); },
      [](const Tensor& dy, const Tensor& u) { return dy * sinh(u); });
}

// y = arsinh x;  dL/dx = dL/dy / √(x² + 1)
Tensor asinh(const Tensor& x) {
  return function(
      Op::asinh, x, [](auto v) { return std::asinh(v); },
      [](const Tensor& dy, const Tensor& u) { return dy / hypot(u, 1); });
}

// y = arcosh x;  dL/dx = dL/dy / √(x² − 1)
Tensor acosh(const Tensor& x) {
  return function(
      Op::acosh, x, [](auto v) { return std::acosh(v); },
      [](const Tensor& dy, const Tensor& u) { return dy * rsqrt(above_one(u)); });
}

// y = artanh x;  dL/dx = dL/dy / (1 − x²)
Tensor atanh(const Tensor& x) {
  return function(
      Op::atanh, x, [](auto v) { return std::atanh(v); },
      [](const Tensor& dy, const Tensor& u) { return dy / below_one(u); });
}

}  // namespace xgrad
