#pragma once
#include <xgrad/ops/arithmetic.hpp>

#include <optional>
#include <string_view>

#pragma GCC visibility push(default)

namespace xgrad {

// More of indices: int64 tensors, as in index.hpp.

/// The elements at `index` of x in row-major order, in the shape of `index`; negative ones count
/// from the back.
Tensor take(const Tensor& x, const Tensor& index);
/// gather() with x and `index` broadcast but for `axis`; without an axis, of the flattened two.
Tensor take_along_dim(const Tensor& x, const Tensor& index, std::optional<std::int64_t> axis = {});
/// x with the elements of `axis` of `source` in the places that the one-dimensional `index` names,
/// where the last stays of several at one place. `source` has the shape of x but for `axis`, where
/// it is as long as `index`.
Tensor index_copy(Tensor x, std::int64_t axis, const Tensor& index, const Tensor& source);
/// x with a number, as fill_() converts it, or a tensor of one value and of x's dtype, in all of
/// the elements of `axis` that the one-dimensional `index` names.
Tensor index_fill(Tensor x, std::int64_t axis, const Tensor& index, const Operand& value);

/// x with what lands where scatter() would write taken together: "sum", "prod", "mean" (of integers
/// rounded down), "amax" or "amin", with what x has there unless include_self is false. Where
/// several are the largest or the smallest, each gets the same share of the gradient.
Tensor scatter_reduce(Tensor x, std::int64_t axis, const Tensor& index, const Tensor& source,
                      std::string_view reduce, bool include_self = true);

/// Each element of `axis` so many times, one after the other; without an axis, of the flattened x.
Tensor repeat_interleave(const Tensor& x, std::int64_t repeats,
                         std::optional<std::int64_t> axis = {});
/// The same with a number for each element.
Tensor repeat_interleave(const Tensor& x, const Tensor& repeats,
                         std::optional<std::int64_t> axis = {});
/// 0 repeats[0] times, then 1 repeats[1] times, and so on.
Tensor repeat_interleave(const Tensor& repeats);

/// For each class of an int64 tensor a vector that is 1 at its place and 0 elsewhere: int64
/// [..., num_classes]. −1: as many classes as the largest one asks for.
Tensor one_hot(const Tensor& x, std::int64_t num_classes = -1);

/// The rows of `weight` [rows, width] that `indices` names, of any shape: [..., width]. Row
/// `padding_idx`, which may count from the back, gets no gradient.
Tensor embedding(const Tensor& weight, const Tensor& indices,
                 std::optional<std::int64_t> padding_idx = {});

namespace detail {

/// `index` in row-major order with negative ones counted from the front; ValueError that names the
/// first one outside of an axis.
Tensor counted_from_front(const char* operation, const Tensor& index, std::int64_t extent,
                          std::int64_t axis);

}  // namespace detail

}  // namespace xgrad

#pragma GCC visibility pop
