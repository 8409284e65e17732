#pragma once
// Internal: what operations along one axis share.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/reduce.hpp>
#include <xgrad/ops/ranked.hpp>
#include <xgrad/ops/shape.hpp>

#include <cstddef>
#include <cstdint>

namespace xgrad {

/// A tensor as [outer, n, inner] around an axis.
inline kernels::Extents extents_along(const Shape& shape, std::size_t axis) {
  kernels::Extents e{1, shape[axis], 1};
  for (std::size_t i = 0; i < axis; ++i) e.outer *= shape[i];
  for (std::size_t i = axis + 1; i < shape.size(); ++i) e.inner *= shape[i];
  return e;
}

/// f(x, axis), the axis counted from the front; of a scalar as of a vector of its one element. f
/// may leave one of the two undefined.
template <class F>
Ranked ranked_along(const char* operation, const Tensor& x, std::int64_t axis, const F& f) {
  if (x.dim() > 0) return f(x, normalize_axis(axis, x.shape().size(), operation));
  require<ShapeError>(axis == 0 || axis == -1, "{}: axis {} of a scalar; it is 0 or -1", operation,
                      axis);
  Ranked y = f(reshape(x, {1}), std::size_t{0});
  for (Tensor* part : {&y.values, &y.indices})
    if (part->defined() && part->numel() == 1) *part = reshape(*part, {});
  return y;
}

/// The elements of x that `indices` names, which keeps the axis with extent 1.
inline Ranked chosen(const Tensor& x, std::size_t axis, const Tensor& indices, bool keepdim) {
  const auto along = static_cast<std::int64_t>(axis);
  const Tensor values = gather(x, along, indices);
  if (keepdim) return {values, indices};
  return {squeeze(values, along), squeeze(indices, along)};
}

/// a / b, and 0 where b is 0: to any order of derivative, which a division alone would make NaN.
inline Tensor divided_or_0(const Tensor& a, const Tensor& b) {
  const Tensor is_0 = b == 0;
  return where(is_0, 0, a / where(is_0, 1, b));
}

}  // namespace xgrad
