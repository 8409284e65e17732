#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/extents.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad {

/// Of a convolution over `rank` axes, and of its layer in nn.
template <int rank>
struct ConvOptions {
  Extents<rank> stride = 1;
  Extents<rank> padding = 0;  ///< zeros on each side
  Extents<rank> dilation = 1;
  std::int64_t groups = 1;  ///< must divide the input and output channels
  bool bias = true;         ///< false: none; a layer then makes none, and the operation refuses one
};
using Conv2dOptions = ConvOptions<2>;

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

#pragma GCC visibility pop
