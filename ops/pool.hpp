#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/extents.hpp>
#include <xgrad/ops/ranked.hpp>

#include <cstdint>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad {

// Pools over the last axis, the last two or the last three: of x [N, C, L], [N, C, H, W] or
// [N, C, D, H, W], or without N, floating. x may have no images, but has channels and values; there
// are (n + 2·padding − dilation·(kernel − 1) − 1) / stride + 1 windows along an axis of n values.
// ShapeError or ValueError where the window does not fit.

template <int rank>
struct PoolOptions {
  Extents<rank> stride = 0;    ///< 0: the window, so that windows do not overlap
  Extents<rank> padding = 0;   ///< on each side, never chosen; at most half of the window
  Extents<rank> dilation = 1;  ///< how far apart the values of a window are
  /// Whether a last window that reaches over the end counts; it begins before the padding at the
  /// end does.
  bool ceil_mode = false;
};
using Pool1dOptions = PoolOptions<1>;
using Pool2dOptions = PoolOptions<2>;
using Pool3dOptions = PoolOptions<3>;

/// The largest value under each window. The gradient goes to the first of equal values; NaN is
/// larger than all. ValueError where a window would see nothing but padding.
Tensor max_pool1d(const Tensor& x, Extents<1> kernel, const Pool1dOptions& options = {});
Tensor max_pool2d(const Tensor& x, Extents<2> kernel, const Pool2dOptions& options = {});
Tensor max_pool3d(const Tensor& x, Extents<3> kernel, const Pool3dOptions& options = {});

/// The same, and where each value was: its number among the values of its channel, as max_unpool
/// takes it.
Ranked max_pool1d_with_indices(const Tensor& x, Extents<1> kernel,
                               const Pool1dOptions& options = {});
Ranked max_pool2d_with_indices(const Tensor& x, Extents<2> kernel,
                               const Pool2dOptions& options = {});
Ranked max_pool3d_with_indices(const Tensor& x, Extents<3> kernel,
                               const Pool3dOptions& options = {});

template <int rank>
struct AvgPoolOptions {
  Extents<rank> stride = 0;  ///< 0: the window
  Extents<rank> padding = 0;
  bool ceil_mode = false;         ///< as of PoolOptions
  bool count_include_pad = true;  ///< whether padding counts in the mean, as zeros
  /// What the sum is divided by instead; ValueError for 0.
  std::optional<std::int64_t> divisor_override = {};
};
using AvgPool1dOptions = AvgPoolOptions<1>;
using AvgPool2dOptions = AvgPoolOptions<2>;
using AvgPool3dOptions = AvgPoolOptions<3>;

/// The mean under each window. What a window has beyond the padding counts in no case.
Tensor avg_pool1d(const Tensor& x, Extents<1> kernel, const AvgPool1dOptions& options = {});
Tensor avg_pool2d(const Tensor& x, Extents<2> kernel, const AvgPool2dOptions& options = {});
Tensor avg_pool3d(const Tensor& x, Extents<3> kernel, const AvgPool3dOptions& options = {});

/// Its adjoint: from dy to the input's shape.
Tensor avg_pool2d_input(const Tensor& dy, const Shape& input_shape, Extents<2> kernel,
                        const AvgPool2dOptions& options = {});

template <int rank>
struct LpPoolOptions {
  Extents<rank> stride = 0;  ///< 0: the window
  bool ceil_mode = false;    ///< as of PoolOptions
};

/// (Σ xᵖ)^(1/p) under each window, of p = `norm_type`; the gradient is 0 where the sum is. As in
/// PyTorch powers are of x, not of |x|, and a window of ceil_mode that is cut short has the sum
/// that its mean would give a whole one. ValueError for p of 0 and what is not finite.
Tensor lp_pool1d(const Tensor& x, double norm_type, Extents<1> kernel,
                 const LpPoolOptions<1>& options = {});
Tensor lp_pool2d(const Tensor& x, double norm_type, Extents<2> kernel,
                 const LpPoolOptions<2>& options = {});
Tensor lp_pool3d(const Tensor& x, double norm_type, Extents<3> kernel,
                 const LpPoolOptions<3>& options = {});

template <int rank>
struct MaxUnpoolOptions {
  Extents<rank> stride = 0;  ///< 0: the window
  Extents<rank> padding = 0;
  /// Of the last axes, or of all; else that of which a pool without ceil_mode leaves nothing over.
  /// Less than one stride from that (ValueError).
  Shape output_size = {};
};

/// What max_pool…_with_indices took its values from, as far as they tell: x where `indices` says, 0
/// elsewhere. Where windows overlapped and an index comes twice, the last stays, and the gradient
/// of the others is 0 (scatter()). ShapeError unless both have one shape, ValueError for indices
/// outside of the output.
Tensor max_unpool1d(const Tensor& x, const Tensor& indices, Extents<1> kernel,
                    const MaxUnpoolOptions<1>& options = {});
Tensor max_unpool2d(const Tensor& x, const Tensor& indices, Extents<2> kernel,
                    const MaxUnpoolOptions<2>& options = {});
Tensor max_unpool3d(const Tensor& x, const Tensor& indices, Extents<3> kernel,
                    const MaxUnpoolOptions<3>& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
