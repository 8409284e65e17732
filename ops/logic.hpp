#pragma once
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

// Questions about values. They give bool tensors (count_nonzero int64) and carry no gradient; of
// numbers those other than 0 are true, NaN as well.

/// Integers and bools are never NaN or infinite.
Tensor isnan(const Tensor& x);
Tensor isinf(const Tensor& x);
Tensor isfinite(const Tensor& x);
/// Where a = b, or |a − b| is finite and ≤ atol + rtol |b|, or both are NaN with `equal_nan`; the
/// shapes broadcast. ValueError where a tolerance is negative or NaN.
Tensor isclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
               bool equal_nan = false);

/// Whether any value is true; over no elements none is. Axes as in sum().
Tensor any(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// Whether all are, as over no elements.
Tensor all(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// How many are.
Tensor count_nonzero(const Tensor& x, const Axes& axes = {});

// Shapes broadcast; the dtypes may differ.

Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);

}  // namespace xgrad

#pragma GCC visibility pop
