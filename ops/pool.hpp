#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/extents.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

template <int rank>
struct PoolOptions {
  Extents<rank> stride = 0;   ///< 0: the window, so that windows do not overlap
  Extents<rank> padding = 0;  ///< on each side; at most half of the window
};
using Pool2dOptions = PoolOptions<2>;

/// The largest value under each window of x [N, C, H, W]: [N, C, OH, OW] with
/// OH = (H + 2·padding − kernel) / stride + 1. The gradient goes to the first of equal values.
/// x may have no images, but has channels, rows and columns. ShapeError or ValueError where the
/// window does not fit.
Tensor max_pool2d(const Tensor& x, Extents<2> kernel, const Pool2dOptions& options = {});

template <int rank>
struct AvgPoolOptions {
  Extents<rank> stride = 0;  ///< 0: the window
  Extents<rank> padding = 0;
  bool count_include_pad = true;  ///< whether padding counts in the mean, as zeros
};
using AvgPool2dOptions = AvgPoolOptions<2>;

/// The mean under each window.
Tensor avg_pool2d(const Tensor& x, Extents<2> kernel, const AvgPool2dOptions& options = {});

/// Its adjoint: from dy to the input's shape.
Tensor avg_pool2d_input(const Tensor& dy, const Shape& input_shape, Extents<2> kernel,
                        const AvgPool2dOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
