#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/fold.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/windows.hpp>

namespace xgrad {
void detail::check_window(const char* operation, const Extents<2>& kernel, const FoldOptions& o) {
  require<ValueError>(at_least(1, kernel) && at_least(1, o.stride) && at_least(1, o.dilation) &&
                          at_least(0, o.padding),
                      "{}: window {}, dilation {} and stride {} must be positive, padding {} not "
                      "negative",
                      operation, kernel, o.dilation, o.stride, o.padding);
}

namespace {

using kernels::WindowAxis;
using kernels::Windows;

/// The windows over images of `size`, of no planes yet.
Windows windows_over(const char* operation, const Extents<2>& size, const Extents<2>& kernel,
                     const FoldOptions& o) {
  detail::check_window(operation, kernel, o);
  Windows w{.planes = 0, .axes = {}};
  bool fits = true;
  for (int i = 0; i < 2; ++i) {
    const auto at = static_cast<std::size_t>(i);
    WindowAxis& a = detail::axis_of(w, 2, i);
    const Size room = Size(size[at], operation) + 2 * Size(o.padding[at], operation) -
                      (Size(o.dilation[at], operation) * (kernel[at] - 1) + 1);
    fits = fits && room.value() >= 0;
    a = {.extent = size[at],
         .count = fits ? (room.value() / o.stride[at] + Size(1, operation)).value() : 0,
         .kernel = kernel[at],
         .stride = o.stride[at],
         .padding = o.padding[at],
         .dilation = o.dilation[at]};
  }
  require<ShapeError>(fits,
                      "{}: the window {} with dilation {} is larger than the image {} with padding "
                      "{}",
                      operation, kernel, o.dilation, size, o.padding);
  return w;
}

/// Values under a window.
Size window_size(const char* operation, const Extents<2>& kernel) {
  return Size(kernel[0], operation) * kernel[1];
}

}  // namespace

// y = the values under each window as a column;  dL/dx = dL/dy added where each came from
Tensor unfold(const Tensor& x, Extents<2> kernel, const FoldOptions& options) {
  const detail::Running running("unfold", x);
  const std::int64_t planes = detail::planes_of<2>("unfold", x.shape()).planes;
  const Extents<2> size{x.size(-2), x.size(-1)};
  Windows w = windows_over("unfold", size, kernel, options);
  w.planes = planes;
  const std::int64_t columns = (Size(w.axes[1].count, "unfold") * w.axes[2].count).value();
  const std::int64_t rows = (window_size("unfold", kernel) * x.size(-3)).value();
  const Shape shape = x.dim() == 4 ? Shape{x.size(0), rows, columns} : Shape{rows, columns};
  const Tensor y = compute<Types::floating>(
      Op::im2col, shape, [&](auto... a) { kernels::unfold(w, a...); }, x);
  return record(
      Op::im2col, y,
      wrt(x, linear_in([size, kernel,
                        options](const Tensor& dy) { return fold(dy, size, kernel, options); },
                       [kernel, options](const Tensor& v) { return unfold(v, kernel, options); })));
}

// Linear in x: the adjoint is unfold.
Tensor fold(const Tensor& x, Extents<2> output_size, Extents<2> kernel,
            const FoldOptions& options) {
  const detail::Running running("fold", x);
  require<ShapeError>(x.dim() == 3 || x.dim() == 2,
                      "fold: input {} must be [batch, channels of windows, windows] or [channels "
                      "of windows, windows]",
                      x.shape());
  require<ValueError>(at_least(1, output_size), "fold: output size {} must be positive",
                      output_size);
  Windows w = windows_over("fold", output_size, kernel, options);
  const std::int64_t each = window_size("fold", kernel).value();
  require<ShapeError>(x.size(-2) > 0 && x.size(-2) % each == 0,
                      "fold: input {} has {} rows, which windows {} do not divide", x.shape(),
                      x.size(-2), kernel);
  const std::int64_t columns = (Size(w.axes[1].count, "fold") * w.axes[2].count).value();
  require<ShapeError>(x.size(-1) == columns,
                      "fold: input {} has {} windows, images {} with windows {} have {}", x.shape(),
                      x.size(-1), output_size, kernel, columns);
  const std::int64_t channels = x.size(-2) / each;
  w.planes = x.dim() == 3 ? x.size(0) * channels : channels;
  const auto [h, width] = std::pair(output_size[0], output_size[1]);
  const Shape shape =
      x.dim() == 3 ? Shape{x.size(0), channels, h, width} : Shape{channels, h, width};
  const Tensor y = compute<Types::floating>(
      Op::fold, shape, [&](auto... a) { kernels::fold(w, a...); }, x);
  return record(
      Op::fold, y,
      wrt(x, linear_in([kernel, options](const Tensor& dy) { return unfold(dy, kernel, options); },
                       [output_size, kernel, options](const Tensor& v) {
                         return fold(v, output_size, kernel, options);
                       })));
}

}  // namespace xgrad
