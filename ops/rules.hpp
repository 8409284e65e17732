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

/// y[n, c, p] = Σₖ w[n, p, k] x[n, c, at[n, p, k]], where −1 names nothing: grid_sample of a plane.
/// x [N, C, I], w [N, P, K], at the same of int64; y [N, C, P]. ShapeError, DTypeError, ValueError
/// where they do not fit.
Tensor gather_sum(const Tensor& x, const Tensor& w, const Tensor& at);
/// Its adjoints, in x, of `extent` places, and in w.
Tensor gather_sum_input(const Tensor& y, const Tensor& w, const Tensor& at, std::int64_t extent);
Tensor gather_sum_weight(const Tensor& x, const Tensor& y, const Tensor& at);

}  // namespace xgrad::detail
