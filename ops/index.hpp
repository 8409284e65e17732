#pragma once
#include <xgrad/autograd/tensor.hpp>

namespace xgrad {

// Indices are int64 tensors; ValueError names the first one outside its axis, DTypeError other
// types.

/// The elements of `axis` named by the one-dimensional `index`, in its order.
Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index);
/// Zeros of extent `extent` along `axis` with x added at `index`: the gradient of index_select.
Tensor index_embed(const Tensor& x, std::int64_t axis, const Tensor& index, std::int64_t extent);

/// y[i][j][k] = x[i][index[i][j][k]][k] for axis 1, and alike for others. `index` has as many axes
/// as x and, but for `axis`, no larger extents.
Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index);
/// Zeros of shape `shape` to which x is added where gather would have read: its gradient.
Tensor scatter(const Tensor& x, std::int64_t axis, const Tensor& index, const Shape& shape);

}  // namespace xgrad
