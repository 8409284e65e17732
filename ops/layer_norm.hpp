#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad {

// What is normalised by statistics of each example's own. Statistics are accumulated as
// ops/kernels/accumulate.hpp says, the variance of equal values is 0. DTypeError unless all tensors
// are floating and of one dtype; ValueError for a negative eps.

/// (x − mean) / √(variance + eps) · weight + bias, the mean and the biased variance being those of
/// the last axes, whose extents are normalized_shape, as are those of weight and bias (undefined: 1
/// and 0). Ba, Kiros and Hinton, arXiv:1607.06450. ShapeError where shapes do not fit, or
/// normalized_shape has no axes.
Tensor layer_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);

/// x / √(mean of x² + eps) · weight over the last axes, as layer_norm. Zhang and Sennrich,
/// arXiv:1910.07467. Without an eps it is the spacing of numbers at 1 in x's dtype: 2⁻²³ for
/// float32, 2⁻⁵² for float64.
Tensor rms_norm(const Tensor& x, const Shape& normalized_shape, const Tensor& weight = {},
                std::optional<double> eps = {});

/// The same as layer_norm for groups of channels of x [N, C, …], each over its channels and all
/// places, times weight plus bias of each channel ([C], or undefined: 1 and 0). Wu and He,
/// arXiv:1803.08494. ShapeError where shapes do not fit; ValueError unless num_groups divides the
/// channels.
Tensor group_norm(const Tensor& x, std::int64_t num_groups, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);

struct InstanceNormOptions {
  bool use_input_stats = true;  ///< each image's own statistics, which update the running ones
  double momentum = 0.1;  ///< running ← (1 − momentum) running + momentum · mean over images
  double eps = 1e-5;      ///< added to the variance
};

/// Normalises each channel of each image of x [N, C, L…] by itself, times weight plus bias (each
/// [C], or undefined: 1 and 0); without use_input_stats by running_mean and running_var ([C]), as
/// batch_norm does. Ulyanov, Vedaldi and Lempitsky, arXiv:1607.08022. The running ones may be
/// undefined with use_input_stats; those that are given are changed where they lie, the variance
/// being the unbiased one. ShapeError for fewer than three axes and where shapes do not fit;
/// ValueError for statistics of one value, or none to go by; GraphError for running ones that
/// require a gradient.
Tensor instance_norm(const Tensor& x, const Tensor& running_mean = {},
                     const Tensor& running_var = {}, const Tensor& weight = {},
                     const Tensor& bias = {}, const InstanceNormOptions& options = {});

struct LocalResponseNormOptions {
  double alpha = 1e-4;
  double beta = 0.75;
  double k = 1;
};

/// x / (k + alpha / size · Σ x²)^beta over `size` neighbouring channels of x [N, C, L…], size / 2
/// before and (size − 1) / 2 behind; those that are not there count as 0. Krizhevsky, Sutskever and
/// Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012, section
/// 3.3, but that alpha is divided by size. ShapeError for fewer than three axes, ValueError for a
/// size below 1.
Tensor local_response_norm(const Tensor& x, std::int64_t size,
                           const LocalResponseNormOptions& options = {});

struct NormalizeOptions {
  double p = 2;           ///< of the norm, as in norm()
  std::int64_t axis = 1;  ///< along which
  double eps = 1e-12;     ///< the least that is divided by
};

/// x / max(‖x‖, eps) along an axis. ShapeError for an axis that x has not.
Tensor normalize(const Tensor& x, const NormalizeOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
