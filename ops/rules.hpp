#pragma once
// Internal: operations of which rules are made and that nobody else calls. They have rules and rows
// in the table as all others do.

#include <xgrad/autograd/tensor.hpp>

namespace xgrad::detail {

/// 0 where `sign_of` ≤ 0, else x: what relu does to a gradient. Linear in x; no gradient flows to
/// `sign_of`. Both of one shape and dtype. As relu(), in the memory of a temporary.
Tensor mask_positive(Tensor x, const Tensor& sign_of);

/// s[i] = b[i] + a[i] s[i − 1] along the axis, or a[i] s[i + 1] backward; the first s is b alone.
/// ShapeError, DTypeError where a and b are not alike.
Tensor recurrence(const Tensor& a, const Tensor& b, std::int64_t axis, bool backward);

}  // namespace xgrad::detail
