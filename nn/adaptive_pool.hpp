#pragma once
#include <xgrad/nn/applied.hpp>
#include <xgrad/ops/adaptive_pool.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::unchanged;

// A negative extent, `unchanged` aside, is refused when the layer is made.

namespace detail {

template <auto operation, int rank>
class AdaptivePool : public Applied<operation, Extents<rank>> {
 protected:
  explicit AdaptivePool(Extents<rank> output_size)
      : Applied<operation, Extents<rank>>(output_size) {
    Shape no_images{0, 1};
    for (int axis = 0; axis < rank; ++axis) no_images.push_back(1);
    this->try_on(no_images);
  }
};

template <auto operation, auto with_indices, int rank>
class AdaptiveMaxPool : public AdaptivePool<operation, rank> {
 public:
  /// The same, and where each value was.
  Ranked forward_with_indices(const Tensor& x) { return this->apply(with_indices, x); }

 protected:
  explicit AdaptiveMaxPool(Extents<rank> output_size)
      : AdaptivePool<operation, rank>(output_size) {}
};

}  // namespace detail

/// xgrad::adaptive_avg_pool1d.
struct AdaptiveAvgPool1d : detail::AdaptivePool<adaptive_avg_pool1d, 1> {
  explicit AdaptiveAvgPool1d(Extents<1> output_size) : AdaptivePool(output_size) {}
};
/// xgrad::adaptive_avg_pool2d.
struct AdaptiveAvgPool2d : detail::AdaptivePool<adaptive_avg_pool2d, 2> {
  explicit AdaptiveAvgPool2d(Extents<2> output_size) : AdaptivePool(output_size) {}
};
/// xgrad::adaptive_avg_pool3d.
struct AdaptiveAvgPool3d : detail::AdaptivePool<adaptive_avg_pool3d, 3> {
  explicit AdaptiveAvgPool3d(Extents<3> output_size) : AdaptivePool(output_size) {}
};

/// xgrad::adaptive_max_pool1d.
struct AdaptiveMaxPool1d
    : detail::AdaptiveMaxPool<adaptive_max_pool1d, adaptive_max_pool1d_with_indices, 1> {
  explicit AdaptiveMaxPool1d(Extents<1> output_size) : AdaptiveMaxPool(output_size) {}
};
/// xgrad::adaptive_max_pool2d.
struct AdaptiveMaxPool2d
    : detail::AdaptiveMaxPool<adaptive_max_pool2d, adaptive_max_pool2d_with_indices, 2> {
  explicit AdaptiveMaxPool2d(Extents<2> output_size) : AdaptiveMaxPool(output_size) {}
};
/// xgrad::adaptive_max_pool3d.
struct AdaptiveMaxPool3d
    : detail::AdaptiveMaxPool<adaptive_max_pool3d, adaptive_max_pool3d_with_indices, 3> {
  explicit AdaptiveMaxPool3d(Extents<3> output_size) : AdaptiveMaxPool(output_size) {}
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
