#pragma once
#include <xgrad/autograd/tensor.hpp>

namespace xgrad {

/// max(x, 0); the gradient at 0 is 0, and passes at NaN. In the memory of a temporary that nobody
/// else sees.
Tensor relu(Tensor x);

/// 0 where `sign_of` ≤ 0, else x: what relu does to a gradient. Linear in x; no gradient flows to
/// `sign_of`. Both of one shape and dtype. As relu(), in the memory of a temporary.
Tensor mask_positive(Tensor x, const Tensor& sign_of);

/// x Φ(x), with Φ the normal distribution's cumulative function (Hendrycks and Gimpel,
/// arXiv:1606.08415); exact, not the approximation by tanh: within 7 units in the last place
/// everywhere. −0 at −∞, where the gradient is 0 as well.
Tensor gelu(const Tensor& x);

}  // namespace xgrad
