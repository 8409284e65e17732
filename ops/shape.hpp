#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <optional>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

// Rearrangements. transpose, permute, squeeze, unsqueeze, expand, split, chunk, unbind, slice and
// select give views: they share the memory of their argument, and what is changed through the one
// is seen in the other. So do reshape and flatten where they can. cat, stack, slice_scatter and
// flip copy. Axes may count from the back.

/// One extent may be −1: it is what remains. ShapeError where the number of elements differs.
Tensor reshape(const Tensor& x, const Shape& shape);
/// The same, always in the memory of x: ShapeError where that cannot be.
Tensor view(const Tensor& x, const Shape& shape);
/// Merges axes start..end into one.
Tensor flatten(const Tensor& x, std::int64_t start = 0, std::int64_t end = -1);
Tensor transpose(const Tensor& x, std::int64_t axis0, std::int64_t axis1);
/// Axis i of the result is axis axes[i] of x.
Tensor permute(const Tensor& x, const Axes& axes);
/// Drops the given axes of extent 1 (all such axes if none is given; others stay).
Tensor squeeze(const Tensor& x, const Axes& axes = {});
/// Inserts an axis of extent 1.
Tensor unsqueeze(const Tensor& x, std::int64_t axis);
/// Repeats axes of extent 1 to `shape`, in one place in memory, so that the result cannot be
/// changed in place; −1 keeps an extent.
Tensor expand(const Tensor& x, const Shape& shape);

/// Joins tensors along an existing axis; their other extents must be equal, but that one of shape
/// [0] may stand beside any. Different dtypes meet as promote() says.
Tensor cat(const std::vector<Tensor>& tensors, std::int64_t axis = 0);
/// Joins tensors of one shape along a new axis; dtypes as in cat().
Tensor stack(const std::vector<Tensor>& tensors, std::int64_t axis = 0);
/// Pieces of `size` along `axis`; the last may be smaller.
std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t axis = 0);
/// Pieces of the given sizes, which must add up to the extent.
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes,
                          std::int64_t axis = 0);
/// At most `chunks` pieces of equal size (the last may be smaller).
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t axis = 0);
/// The elements of `axis`, each without that axis: undoes stack.
std::vector<Tensor> unbind(const Tensor& x, std::int64_t axis = 0);

/// Elements start, start + step, … before end (default: to the end) of `axis`. As in Python,
/// negative bounds count from the back and bounds beyond the extent are cut. ValueError unless
/// step > 0.
Tensor slice(const Tensor& x, std::int64_t axis, std::int64_t start,
             std::optional<std::int64_t> end = {}, std::int64_t step = 1);
/// Element `index` of `axis`, which disappears.
Tensor select(const Tensor& x, std::int64_t axis, std::int64_t index);
/// x with `source` where slice() would have read, which gives it its shape, and of its dtype: on
/// zeros, the gradient of slice. In the memory of a temporary that nobody else sees.
Tensor slice_scatter(Tensor x, const Tensor& source, std::int64_t axis = 0, std::int64_t start = 0,
                     std::optional<std::int64_t> end = {}, std::int64_t step = 1);
/// The same where select() would have read.
Tensor select_scatter(Tensor x, const Tensor& source, std::int64_t axis, std::int64_t index);
/// Reverses the order along the axes.
Tensor flip(const Tensor& x, const Axes& axes);

}  // namespace xgrad

#pragma GCC visibility pop
