#pragma once
#include <xgrad/ops/shape.hpp>

#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

// More rearrangements. unflatten, movedim, swapaxes, narrow, diagonal, unfold, meshgrid,
// broadcast_tensors and atleast_… give views, as those of shape.hpp do; the others copy. Axes may
// count from the back.

/// Makes several axes of one, of the given extents, of which one may be −1: undoes flatten.
Tensor unflatten(const Tensor& x, std::int64_t axis, const Shape& sizes);
/// Axis source[i] becomes axis destination[i]; the others keep their order.
Tensor movedim(const Tensor& x, const Axes& source, const Axes& destination);
/// The same as transpose.
Tensor swapaxes(const Tensor& x, std::int64_t axis0, std::int64_t axis1);
/// x so many times along each axis; `repeats` may name more axes than x has, which come in front.
Tensor repeat(const Tensor& x, const Shape& repeats);
/// The same, where `repeats` may name fewer axes, the last ones.
Tensor tile(const Tensor& x, const Shape& repeats);
/// Elements start … start + length − 1 of `axis`; `start` may count from the back.
Tensor narrow(const Tensor& x, std::int64_t axis, std::int64_t start, std::int64_t length);
/// Moves elements by shifts[i] along axes[i]; those that leave at the end come in at the start.
/// Without axes, of the flattened tensor.
Tensor roll(const Tensor& x, const Axes& shifts, const Axes& axes = {});
/// Turns the plane of two axes k times by 90°, from the first axis to the second.
Tensor rot90(const Tensor& x, std::int64_t k = 1, const Axes& axes = {0, 1});

/// The diagonal of two axes, `offset` above the main one (below, where negative), as the last axis.
Tensor diagonal(const Tensor& x, std::int64_t offset = 0, std::int64_t axis0 = 0,
                std::int64_t axis1 = 1);
/// x with `source` where diagonal() would have read, which gives it its shape, and of its dtype: on
/// zeros, the gradient of diagonal. In the memory of a temporary that nobody else sees.
Tensor diagonal_scatter(Tensor x, const Tensor& source, std::int64_t offset = 0,
                        std::int64_t axis0 = 0, std::int64_t axis1 = 1);
/// Of a vector the square matrix with it as its diagonal, of a matrix its diagonal.
Tensor diag(const Tensor& x, std::int64_t diagonal = 0);
/// Zeros but for the last axis of x on the diagonal of the two new axes.
Tensor diag_embed(const Tensor& x, std::int64_t offset = 0, std::int64_t axis0 = -2,
                  std::int64_t axis1 = -1);
/// The last two axes on and below the diagonal of that offset, 0 elsewhere.
Tensor tril(const Tensor& x, std::int64_t diagonal = 0);
/// The same on and above it.
Tensor triu(const Tensor& x, std::int64_t diagonal = 0);
/// Windows of `size` elements of `axis`, each `step` after the one before, as a new last axis.
Tensor unfold(const Tensor& x, std::int64_t axis, std::int64_t size, std::int64_t step);

/// The coordinates of a grid from those of its axes (vectors or scalars): result i repeats tensor i
/// along all axes but its own, which is axis i for "ij"; for "xy" the first two are swapped.
std::vector<Tensor> meshgrid(const std::vector<Tensor>& tensors, std::string_view indexing = "ij");
/// x in that shape, as operands broadcast: expand by its other name.
inline Tensor broadcast_to(const Tensor& x, const Shape& shape) { return expand(x, shape); }
/// All in the shape that they broadcast to.
std::vector<Tensor> broadcast_tensors(const std::vector<Tensor>& tensors);

/// x with at least so many axes: a vector becomes a row in two, [1, n, 1] in three, where a matrix
/// becomes [n, m, 1].
Tensor atleast_1d(const Tensor& x);
Tensor atleast_2d(const Tensor& x);
Tensor atleast_3d(const Tensor& x);
/// Joins tensors of at least two axes along the first, vectors being rows.
Tensor vstack(const std::vector<Tensor>& tensors);
/// Joins vectors end to end, other tensors along the second axis.
Tensor hstack(const std::vector<Tensor>& tensors);

}  // namespace xgrad

#pragma GCC visibility pop
