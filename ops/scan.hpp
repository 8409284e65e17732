#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/ranked.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

// What is made of the elements of an axis up to each of them, in the shape of x. A scalar counts as
// one element of axis 0. ShapeError for an axis that the tensor has not.

/// Sums, as good over many elements as over few: of float32 off by at most 2⁻²³ Σ|x|, of float64 by
/// 2⁻⁴⁴ Σ|x| over a thousand million, the same on any number of threads. int64 for integers and
/// bool.
Tensor cumsum(const Tensor& x, std::int64_t axis);
/// Products. int64 for integers and bool. Exact gradients where factors are 0, to any order.
Tensor cumprod(const Tensor& x, std::int64_t axis);
/// The largest element so far and its place, the last of equal ones, which gets the gradient; NaN
/// from the first NaN on.
Ranked cummax(const Tensor& x, std::int64_t axis);
Ranked cummin(const Tensor& x, std::int64_t axis);
/// ln Σ eˣ without overflow, −inf over elements that are all −inf. DTypeError unless floating.
Tensor logcumsumexp(const Tensor& x, std::int64_t axis);
/// x[i + 1] − x[i] along the axis, n times over, of x between `prepend` and `append`, which may be
/// undefined. Of bools whether they differ. ValueError for n < 0, ShapeError for a scalar.
Tensor diff(const Tensor& x, std::int64_t n = 1, std::int64_t axis = -1, const Tensor& prepend = {},
            const Tensor& append = {});

}  // namespace xgrad

#pragma GCC visibility pop
