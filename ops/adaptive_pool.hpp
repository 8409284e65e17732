#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/extents.hpp>
#include <xgrad/ops/ranked.hpp>

#include <cstdint>
#include <limits>

#pragma GCC visibility push(default)

namespace xgrad {

/// For one axis of an output size: as many values as the input has there. PyTorch's None.
inline constexpr std::int64_t unchanged =
    (std::numeric_limits<std::int64_t>::min)();  // some C headers have a macro min

// Pools to a given size: window i of m over an axis of n values is [⌊i·n/m⌋, ⌈(i + 1)·n/m⌉). Of x
// [N, C, …] or [C, …], floating; it may have no images, but has channels and values. ValueError for
// a negative size.
//
//     adaptive_avg_pool2d(x, 1);               // the mean of each channel
//     adaptive_max_pool2d(x, {unchanged, 7});  // seven columns in as many rows as there are

/// The mean under each window.
Tensor adaptive_avg_pool1d(const Tensor& x, Extents<1> output_size);
Tensor adaptive_avg_pool2d(const Tensor& x, Extents<2> output_size);
Tensor adaptive_avg_pool3d(const Tensor& x, Extents<3> output_size);

/// The largest value under each window, as max_pool2d() finds it.
Tensor adaptive_max_pool1d(const Tensor& x, Extents<1> output_size);
Tensor adaptive_max_pool2d(const Tensor& x, Extents<2> output_size);
Tensor adaptive_max_pool3d(const Tensor& x, Extents<3> output_size);

/// The same, and where each value was: its number among the values of its channel.
Ranked adaptive_max_pool1d_with_indices(const Tensor& x, Extents<1> output_size);
Ranked adaptive_max_pool2d_with_indices(const Tensor& x, Extents<2> output_size);
Ranked adaptive_max_pool3d_with_indices(const Tensor& x, Extents<3> output_size);

}  // namespace xgrad

#pragma GCC visibility pop
