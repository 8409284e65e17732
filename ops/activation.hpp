#pragma once
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

/// max(x, 0); the gradient at 0 is 0, and passes at NaN. In the memory of a temporary that nobody
/// else sees.
Tensor relu(Tensor x);

/// x Φ(x), with Φ the normal distribution's cumulative function (Hendrycks and Gimpel,
/// arXiv:1606.08415); exact, not the approximation by tanh: within 7 units in the last place
/// everywhere. −0 at −∞, where the gradient is 0 as well.
Tensor gelu(const Tensor& x);

}  // namespace xgrad

#pragma GCC visibility pop
