#pragma once
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

// Indices are int64 tensors; ValueError names the first one outside its axis, DTypeError other
// types. What changes x gives another tensor, in the memory of x where that is a temporary that
// nobody else sees; `source` has the dtype of x (DTypeError).

/// The elements of `axis` named by the one-dimensional `index`, in its order.
Tensor index_select(const Tensor& x, std::int64_t axis, const Tensor& index);
/// x with alpha times the elements of `axis` of `source` added to those that the one-dimensional
/// `index` names, as often as it names them: on zeros, the gradient of index_select. `source` has
/// the shape of x but for `axis`, where it is as long as `index`.
Tensor index_add(Tensor x, std::int64_t axis, const Tensor& index, const Tensor& source,
                 Scalar alpha = 1);

/// y[i][j][k] = x[i][index[i][j][k]][k] for axis 1, and alike for others. `index` has as many axes
/// as x and, but for `axis`, no larger extents.
Tensor gather(const Tensor& x, std::int64_t axis, const Tensor& index);

/// x with the values of `source` where gather with this index would have read: y[i][index[i][j][k]]
/// [k] = source[i][j][k] for axis 1. `index` fits x as gather's does; of `source`, which may be
/// larger, that part is taken which has the shape of `index`. Where an index comes twice the last
/// one along `axis` stays, on any number of threads, and the gradient of `source` is 0 at the
/// others (PyTorch leaves both open).
Tensor scatter(Tensor x, std::int64_t axis, const Tensor& index, const Tensor& source);
/// The same with one number, as fill_() converts it.
Tensor scatter(Tensor x, std::int64_t axis, const Tensor& index, Scalar value);
/// The same, but added to what is there, as often as an index comes: on zeros, the gradient of
/// gather.
Tensor scatter_add(Tensor x, std::int64_t axis, const Tensor& index, const Tensor& source);

}  // namespace xgrad

#pragma GCC visibility pop
