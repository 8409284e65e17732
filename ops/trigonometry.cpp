// Trigonometric and hyperbolic functions. 1 − x² is written as (1 − x)(1 + x), which does not
// cancel.

#include <xgrad/ops/math.hpp>
#include <xgrad/ops/pointwise.hpp>

#include <cmath>

namespace xgrad {

using detail::function;
using detail::function_by_result;

namespace {

Tensor below_one(const Tensor& x) { return (1 - x) * (1 + x); }

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
      [](const Tensor& dy, const Tensor& u) { return dy * rsqrt((u - 1) * (u + 1)); });
}

// y = artanh x;  dL/dx = dL/dy / (1 − x²)
Tensor atanh(const Tensor& x) {
  return function(
      Op::atanh, x, [](auto v) { return std::atanh(v); },
      [](const Tensor& dy, const Tensor& u) { return dy / below_one(u); });
}

}  // namespace xgrad
