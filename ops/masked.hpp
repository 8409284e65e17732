#pragma once
#include <xgrad/ops/arithmetic.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

// What bool tensors choose. The mask and x broadcast together, and elements are counted in
// row-major order.

/// x, but `value` where the mask holds: a number, converted as fill_() does it, or a tensor of one
/// value, which may have a gradient. Of x's dtype.
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value);
/// The elements where the mask holds, along one axis.
Tensor masked_select(const Tensor& x, const Tensor& mask);
/// x, but the first elements of `source`, which has x's dtype, in order where the mask holds.
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);

/// The coordinates [n, axes] of the elements that are not 0: int64.
Tensor nonzero(const Tensor& x);
/// The same, a tensor [n] for each axis, as index() takes them; a scalar counts as a vector.
std::vector<Tensor> where(const Tensor& condition);

namespace detail {

/// The places in row-major order of the elements that are not 0: int64.
Tensor places_of_nonzero(const Tensor& x);
/// The coordinates [axes, n] of places of a tensor of that shape.
Tensor coordinates(const Tensor& places, const Shape& shape);

}  // namespace detail

}  // namespace xgrad

#pragma GCC visibility pop
