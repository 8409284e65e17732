#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tensor.hpp>

#include <optional>
#include <string_view>

/// Initialisers: they fill a tensor in place, off the tape, and return it. Random ones take the
/// generator last; nullptr means the default one.
#pragma GCC visibility push(default)

namespace xgrad::nn::init {

Tensor zeros_(Tensor x);
Tensor ones_(Tensor x);
Tensor constant_(Tensor x, double value);
Tensor normal_(Tensor x, double mean = 0, double std = 1, Generator* generator = nullptr);
/// Uniform in [low, high), the bounds as x's dtype has them; `low` if that leaves nothing between.
/// ValueError unless low ≤ high and both are finite in that dtype.
Tensor uniform_(Tensor x, double low = 0, double high = 1, Generator* generator = nullptr);

/// Inputs and outputs of one unit of weight [out, in, …]: the receptive field counts in both.
struct Fans {
  std::int64_t in;
  std::int64_t out;
};
Fans fans(const Tensor& weight);

/// N(0, gain² / fan_in) and its uniform counterpart (He et al., arXiv:1502.01852). The default gain
/// √2 suits ReLU.
Tensor kaiming_normal_(Tensor weight, double gain = 1.4142135623730951,
                       Generator* generator = nullptr);
Tensor kaiming_uniform_(Tensor weight, double gain = 1.4142135623730951,
                        Generator* generator = nullptr);

/// What keeps the deviation of a layer's values behind this nonlinearity, by PyTorch's names and
/// numbers: 1 for "linear", "conv1d" to "conv3d", "conv_transpose1d" to "conv_transpose3d" and
/// "sigmoid", 5/3 for "tanh", √2 for "relu", √(2 / (1 + param²)) for "leaky_relu", whose slope is
/// 0.01 by default, 3/4 for "selu". ValueError for another, and for a param where there is none.
double calculate_gain(std::string_view nonlinearity, std::optional<double> param = {});

struct KaimingOptions {
  double a = 0;                      ///< the slope of leaky_relu
  std::string_view mode = "fan_in";  ///< or "fan_out", which keeps the backward pass
  std::string_view nonlinearity = "leaky_relu";
};
/// As PyTorch has them: with calculate_gain(nonlinearity, a) and either fan.
Tensor kaiming_normal_(Tensor weight, const KaimingOptions& options,
                       Generator* generator = nullptr);
Tensor kaiming_uniform_(Tensor weight, const KaimingOptions& options,
                        Generator* generator = nullptr);

/// N(0, 2 gain² / (fan_in + fan_out)) and its uniform counterpart (Glorot and Bengio, 2010).
Tensor xavier_normal_(Tensor weight, double gain = 1, Generator* generator = nullptr);
Tensor xavier_uniform_(Tensor weight, double gain = 1, Generator* generator = nullptr);

/// The identity, as far as a convolution's weight [out, in, …] can be: output channel i is input
/// channel i, the others are 0 (dirac_ of PyTorch). Of a slice of the weight it sets that alone.
/// ShapeError for other than 3 to 5 axes.
Tensor dirac_(Tensor weight);

/// The identity matrix, cut off where x [rows, columns] is not square. ShapeError for other than 2
/// axes.
Tensor eye_(Tensor x);

/// gain times a matrix [x.size(0), the rest] with orthonormal rows, or columns where there are
/// fewer of them, each such matrix equally likely: Q of the QR decomposition of normal numbers, R's
/// diagonal positive (Saxe, McClelland and Ganguli, arXiv:1312.6120; Mezzadri,
/// arXiv:math-ph/0609050). ShapeError for fewer than 2 axes.
Tensor orthogonal_(Tensor x, double gain = 1, Generator* generator = nullptr);

/// N(mean, std²) within [a, b], values and not multiples of std; by the inverse of its
/// distribution, in float64. ValueError unless std > 0 and a < b, and where as good as nothing of
/// the distribution lies between.
Tensor trunc_normal_(Tensor x, double mean = 0, double std = 1, double a = -2, double b = 2,
                     Generator* generator = nullptr);

/// N(0, std²) with ⌈sparsity · rows⌉ values of each column 0, which ones at random (Martens, 2010).
/// ShapeError for other than 2 axes, ValueError for a sparsity outside [0, 1].
Tensor sparse_(Tensor x, double sparsity, double std = 0.01, Generator* generator = nullptr);

/// Whitens patches: weight [2 C H W, C, H, W] becomes the eigenvectors of the second moments of the
/// images' H×W patches, each divided by √(its eigenvalue + eps), largest eigenvalue first, and then
/// their negatives, so that a rectifier behind loses nothing. `images` are [N, C, h, w]. (Page,
/// "How to train your ResNet 8", 2019; Jordan, arXiv:2404.00498.) ShapeError where the weight has
/// another form.
Tensor whitening_(Tensor weight, const Tensor& images, double eps = 5e-4);

/// scale · N(0, 1) / √(fan / 2): the course assignment's, which names the fan itself (its first
/// MNIST layer says 75 where 25 inputs meet).
Tensor assignment_(Tensor weight, double fan, double scale = 1, Generator* generator = nullptr);

/// What PyTorch gives the weights and biases of its Linear and Conv2d: uniform within
/// 1 / √fan_in.
Tensor default_(Tensor x, std::int64_t fan_in);

}  // namespace xgrad::nn::init

#pragma GCC visibility pop
