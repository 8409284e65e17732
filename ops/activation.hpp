#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

// They take floating tensors (DTypeError otherwise), unless it says otherwise. NaN gives NaN, and
// is no option (ValueError). Where x 0 would be NaN at −∞ in PyTorch, as in silu, the result here
// is the limit, −0.

/// max(x, 0); the gradient at 0 is 0, and passes at NaN. In the memory of a temporary that nobody
/// else sees.
Tensor relu(Tensor x);
/// x where x > 0, else negative_slope x, which is the gradient at 0.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
/// x where x > 0, else α (eˣ − 1) (Clevert et al., arXiv:1511.07289).
Tensor elu(const Tensor& x, double alpha = 1);
/// Of elu the one that keeps mean 0 and variance 1 (Klambauer et al., arXiv:1706.02515).
Tensor selu(const Tensor& x);
/// x where x > 0, else α (e^(x/α) − 1) (Barron, arXiv:1704.07483). ValueError unless α > 0.
Tensor celu(const Tensor& x, double alpha = 1);
/// x where x > 0, else w x, with w one number or one for each channel: of axis 1, of [N, C, …].
Tensor prelu(const Tensor& x, const Tensor& weight);

struct RReluOptions {
  double lower = 1.0 / 8;
  double upper = 1.0 / 3;
  bool training = false;           ///< otherwise the slope is the mean of both
  Generator* generator = nullptr;  ///< nullptr: the default one
};
/// leaky_relu of a slope drawn for each element, uniform in [lower, upper). ValueError where lower
/// is above upper.
Tensor rrelu(const Tensor& x, const RReluOptions& options = {});

enum class Approximate { none, tanh };
struct GeluOptions {
  /// tanh: ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))), off by at most 5e-4.
  Approximate approximate = Approximate::none;
};
/// x Φ(x), with Φ the normal distribution's cumulative function (Hendrycks and Gimpel,
/// arXiv:1606.08415); exact, not the approximation by tanh: within 7 units in the last place
/// everywhere. −0 at −∞, where the gradient is 0 as well.
Tensor gelu(const Tensor& x);
Tensor gelu(const Tensor& x, const GeluOptions& options);
/// x σ(x), σ being sigmoid.
Tensor silu(const Tensor& x);
/// x tanh(softplus(x)) (Misra, arXiv:1908.08681).
Tensor mish(const Tensor& x);
/// x relu6(x + 3) / 6. The gradient is 0 at −3 and 1 at 3.
Tensor hardswish(const Tensor& x);
/// a σ(b) of the halves of x along an axis (Dauphin et al., arXiv:1612.08083). ShapeError where its
/// extent is odd.
Tensor glu(const Tensor& x, std::int64_t axis = -1);

/// ln(1 + e^(βx)) / β, without overflow; x itself where βx > threshold. ValueError where β is 0.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
/// ln σ(x), without overflow or loss of small probabilities.
Tensor logsigmoid(const Tensor& x);
/// x / (1 + |x|); integers give float32.
Tensor softsign(const Tensor& x);
/// min(max(x, min_val), max_val); the gradient at both is 0. Integers stay integers where the
/// bounds are. ValueError where the one is above the other.
Tensor hardtanh(const Tensor& x, Scalar min_val = -1, Scalar max_val = 1);
/// min(max(x, 0), 6), of integers too; the gradient at both is 0.
Tensor relu6(const Tensor& x);
/// relu6(x + 3) / 6
Tensor hardsigmoid(const Tensor& x);

/// x where x > threshold or NaN, else value, of any numbers. The gradient at threshold is 0.
Tensor threshold(const Tensor& x, Scalar threshold, Scalar value);
/// x where |x| > λ, else 0.
Tensor hardshrink(const Tensor& x, double lambd = 0.5);
/// x − λ where x > λ, x + λ where x < −λ, else 0. ValueError unless λ ≥ 0.
Tensor softshrink(const Tensor& x, double lambd = 0.5);
/// x − tanh x
Tensor tanhshrink(const Tensor& x);

/// softmax of −x.
Tensor softmin(const Tensor& x, std::int64_t axis);

struct GumbelSoftmaxOptions {
  double tau = 1;     ///< the nearer to 0, the nearer the result is to single ones
  bool hard = false;  ///< gives single ones, and the gradient of what they stand for
  std::int64_t axis = -1;
  Generator* generator = nullptr;  ///< nullptr: the default one
};
/// A sample of the classes along an axis that can be differentiated: softmax((x + g) / τ) with g
/// of Gumbel's distribution (Jang et al., arXiv:1611.01144). ValueError unless τ > 0.
Tensor gumbel_softmax(const Tensor& logits, const GumbelSoftmaxOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
