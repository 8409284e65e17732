#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/adaptive_pool.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/windows.hpp>

#include <algorithm>

namespace xgrad {
namespace {

using kernels::Windows;

template <int rank>
Windows adaptive_windows(const char* operation, const Shape& x, const Extents<rank>& size) {
  Windows w = detail::planes_of<rank>(operation, x);
  for (int i = 0; i < rank; ++i) {
    kernels::WindowAxis& a = detail::axis_of(w, rank, i);
    const std::int64_t asked = size[static_cast<std::size_t>(i)];
    require<ValueError>(asked >= 0 || asked == unchanged,
                        "{}: output size {} must not be negative; `unchanged` leaves an axis as it "
                        "is",
                        operation, asked);
    a.kernel = 0;
    a.count = asked == unchanged ? a.extent : asked;
    (Size(a.extent, operation) * a.count).value();  // tells what would overflow
  }
  return w;
}

template <int rank>
Tensor adaptive_avg_pool(Op op, const Tensor& x, const Extents<rank>& size) {
  const detail::Running running(name(op), x);
  const Windows w = adaptive_windows(name(op), x.shape(), size);
  if (size == 1 && is_floating(x.dtype())) {
    Axes last;
    for (int axis = -rank; axis < 0; ++axis) last.push_back(axis);
    return mean(x, last, true);  // reads images as they lie
  }
  return detail::mean_under(op, x, rank, w, {});
}

template <int rank>
Ranked adaptive_max_pool(Op op, const Tensor& x, const Extents<rank>& size) {
  const detail::Running running(name(op), x);
  return detail::largest_under(op, x, rank, adaptive_windows(name(op), x.shape(), size));
}

}  // namespace

Tensor adaptive_avg_pool1d(const Tensor& x, Extents<1> output_size) {
  return adaptive_avg_pool(Op::adaptive_avg_pool1d, x, output_size);
}
Tensor adaptive_avg_pool2d(const Tensor& x, Extents<2> output_size) {
  return adaptive_avg_pool(Op::adaptive_avg_pool2d, x, output_size);
}
Tensor adaptive_avg_pool3d(const Tensor& x, Extents<3> output_size) {
  return adaptive_avg_pool(Op::adaptive_avg_pool3d, x, output_size);
}

Tensor adaptive_max_pool1d(const Tensor& x, Extents<1> output_size) {
  return adaptive_max_pool(Op::adaptive_max_pool1d, x, output_size).values;
}
Tensor adaptive_max_pool2d(const Tensor& x, Extents<2> output_size) {
  return adaptive_max_pool(Op::adaptive_max_pool2d, x, output_size).values;
}
Tensor adaptive_max_pool3d(const Tensor& x, Extents<3> output_size) {
  return adaptive_max_pool(Op::adaptive_max_pool3d, x, output_size).values;
}

Ranked adaptive_max_pool1d_with_indices(const Tensor& x, Extents<1> output_size) {
  return adaptive_max_pool(Op::adaptive_max_pool1d_with_indices, x, output_size);
}
Ranked adaptive_max_pool2d_with_indices(const Tensor& x, Extents<2> output_size) {
  return adaptive_max_pool(Op::adaptive_max_pool2d_with_indices, x, output_size);
}
Ranked adaptive_max_pool3d_with_indices(const Tensor& x, Extents<3> output_size) {
  return adaptive_max_pool(Op::adaptive_max_pool3d_with_indices, x, output_size);
}

}  // namespace xgrad
