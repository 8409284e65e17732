#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tensor.hpp>

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
/// N(0, 2 gain² / (fan_in + fan_out)) and its uniform counterpart (Glorot and Bengio, 2010).
Tensor xavier_normal_(Tensor weight, double gain = 1, Generator* generator = nullptr);
Tensor xavier_uniform_(Tensor weight, double gain = 1, Generator* generator = nullptr);

/// The identity, as far as a convolution's weight [out, in, …] can be: output channel i is input
/// channel i, the others are 0 (dirac_ of PyTorch). Of a slice of the weight it sets that alone.
/// ShapeError for other than 3 to 5 axes.
Tensor dirac_(Tensor weight);

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
