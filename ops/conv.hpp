#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>

namespace xgrad {

/// A height and a width; one number means both.
struct Pair {
  std::int64_t h;
  std::int64_t w;
  constexpr Pair(std::int64_t both)
      : h(both), w(both) {}  // NOLINT: {.padding = 2} is meant to work
  constexpr Pair(std::int64_t height, std::int64_t width) : h(height), w(width) {}
  friend constexpr bool operator==(const Pair&, const Pair&) = default;
};

struct Conv2dOptions {
  Pair stride = 1;
  Pair padding = 0;  ///< zeros on each side
  Pair dilation = 1;
  std::int64_t groups = 1;  ///< must divide the input and output channels
};

/// Cross-correlation of x [N, C, H, W] with weight [K, C / groups, R, S], plus bias [K] (or none):
/// [N, K, OH, OW] with OH = (H + 2·padding − dilation·(R − 1) − 1) / stride + 1. float32 or
/// float64. x may have no images or no channels, but has rows and columns. ShapeError, DTypeError
/// or ValueError where the arguments do not fit each other.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dOptions& options = {});

/// Its adjoint in x: from dy [N, K, OH, OW] to the input's shape. Also called transposed
/// convolution.
Tensor conv2d_input(const Tensor& dy, const Tensor& weight, const Shape& input_shape,
                    const Conv2dOptions& options = {});

/// Its adjoint in weight: from x and dy to the weight's shape.
Tensor conv2d_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                     const Conv2dOptions& options = {});

}  // namespace xgrad
