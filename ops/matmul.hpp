#pragma once
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

/// Matrix product as NumPy's: 1-D · 1-D is the dot product, a 1-D operand is a row (left) or a
/// column (right), leading axes are batches and broadcast. float32 or float64, both alike.
Tensor matmul(const Tensor& a, const Tensor& b);

/// y = x Wᵀ + b. x is [..., in], weight [out, in], bias [out] or undefined; y is [..., out].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace xgrad

#pragma GCC visibility pop
