#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <limits>
#include <string_view>

#pragma GCC visibility push(default)

namespace xgrad {

/// max(x, 0); the gradient at 0 is 0, and passes at NaN. In the memory of a temporary that nobody
/// else sees.
Tensor relu(Tensor x);

/// x Φ(x), with Φ the normal distribution's cumulative function (Hendrycks and Gimpel,
/// arXiv:1606.08415); exact, not the approximation by tanh: within 7 units in the last place
/// everywhere. −0 at −∞, where the gradient is 0 as well.
Tensor gelu(const Tensor& x);
/// The same for "none"; for "tanh" the approximation ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))).
Tensor gelu(const Tensor& x, std::string_view approximate);

// Those below take floating tensors. Where a curve has a kink, the gradient there is PyTorch's:
// that of the side named by the formula.

/// x where x > 0, negative_slope x elsewhere.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
/// x where x > 0, w x elsewhere; the weight w is one for all, or one for each extent of axis 1.
Tensor prelu(const Tensor& x, const Tensor& weight);
/// x where x > 0, alpha (eˣ − 1) elsewhere.
Tensor elu(const Tensor& x, double alpha = 1);
/// 1.0507 elu(x, 1.67326), which keeps mean 0 and variance 1 (Klambauer et al., arXiv:1706.02515).
Tensor selu(const Tensor& x);
/// x where x > 0, alpha (e^(x / alpha) − 1) elsewhere. ValueError for alpha 0.
Tensor celu(const Tensor& x, double alpha = 1);
/// x / (1 + e⁻ˣ).
Tensor silu(const Tensor& x);
/// x tanh(ln(1 + eˣ)).
Tensor mish(const Tensor& x);
/// ln(1 + e^(beta x)) / beta, x itself where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
/// −ln(1 + e⁻ˣ).
Tensor logsigmoid(const Tensor& x);
/// x / (1 + |x|).
Tensor softsign(const Tensor& x);
/// x between the two, which have no gradient themselves. ValueError where min_val > max_val.
Tensor hardtanh(const Tensor& x, double min_val = -1, double max_val = 1);
/// x between 0 and 6, without a gradient at either.
Tensor relu6(const Tensor& x);
/// 0 up to −3, 1 from 3 on, x / 6 + ½ between.
Tensor hardsigmoid(const Tensor& x);
/// 0 up to −3 (at −∞ too), x from 3 on, x (x + 3) / 6 between.
Tensor hardswish(const Tensor& x);
/// The first half of x along `axis` times the sigmoid of the second.
Tensor glu(const Tensor& x, std::int64_t axis = -1);
/// softmax(−x).
Tensor softmin(const Tensor& x, std::int64_t axis);
/// 0 within lambd of 0, nearer to 0 by lambd elsewhere. ValueError where lambd < 0.
Tensor softshrink(const Tensor& x, double lambd = 0.5);
/// 0 within lambd of 0, x elsewhere.
Tensor hardshrink(const Tensor& x, double lambd = 0.5);
/// x − tanh x.
Tensor tanhshrink(const Tensor& x);
/// `value` where x ≤ threshold, x elsewhere; integers, too.
Tensor threshold(const Tensor& x, double threshold, double value);

}  // namespace xgrad

#pragma GCC visibility pop
