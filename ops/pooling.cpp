#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/windows.hpp>

#include <algorithm>
#include <limits>
#include <string>

namespace xgrad::detail {

using kernels::WindowAxis;
using kernels::Windows;

namespace {

/// What the last axes are called.
template <int rank>
constexpr const char* axes_in_words = rank == 1   ? "length"
                                      : rank == 2 ? "height, width"
                                                  : "depth, height, width";
template <int rank>
constexpr const char* values_in_words = rank == 1   ? "channels and values"
                                        : rank == 2 ? "channels, rows and columns"
                                                    : "channels, slices, rows and columns";

/// From the first value of a window to its last.
std::int64_t reach(const char* operation, std::int64_t kernel, std::int64_t dilation) {
  return (Size(dilation, operation) * (kernel - 1) + 1).value();
}

/// Windows along an axis; none where not one fits.
std::int64_t count_windows(const char* operation, const WindowAxis& a, bool ceil_mode) {
  const Size room = Size(a.extent, operation) + 2 * Size(a.padding) -
                    reach(operation, a.kernel, a.dilation) + (ceil_mode ? a.stride - 1 : 0);
  if (room.value() < 0) return 0;
  const std::int64_t last = room.value() / a.stride;
  const bool begins_inside = (Size(last, operation) * a.stride).value() < a.extent + a.padding;
  return ceil_mode && !begins_inside ? last : (Size(last, operation) + 1).value();
}

/// Whether some window begins in the padding and steps over all values.
bool misses_all(const WindowAxis& a) {
  if (a.dilation <= a.extent) return false;
  for (std::int64_t i = 0; i < a.count && i * a.stride < a.padding; ++i)
    if (const auto [begin, end] = seen(a, i); begin >= end) return true;
  return false;
}

template <int rank>
std::string in_words(const Extents<rank>& window, const Extents<rank>& dilation) {
  const std::string extents = fmt::format("{}", fmt::join(window, "x"));
  const std::string words = rank == 1 ? "window of " + extents : extents + " window";
  return dilation == 1 ? words : fmt::format("{} with dilation {}", words, dilation);
}

/// Where a value is in its window was kept in 31 bits first, and no window is that large.
constexpr std::int64_t largest_window = std::numeric_limits<std::int32_t>::max();

template <int rank>
bool is_small(const Extents<rank>& kernel) {
  std::int64_t most = largest_window;
  for (const std::int64_t extent : kernel) most /= extent;
  return most > 0;
}

}  // namespace

template <int rank>
Windows planes_of(const char* operation, const Shape& x) {
  const auto axes = static_cast<std::size_t>(rank);
  require<ShapeError>(x.size() == axes + 2 || x.size() == axes + 1,
                      "{}: input {} must be [batch, channels, {}] or [channels, {}]", operation, x,
                      axes_in_words<rank>, axes_in_words<rank>);
  const bool has_batch = x.size() == axes + 2;
  bool has_values = !has_batch || x[0] >= 0;
  for (std::size_t i = has_batch ? 1 : 0; i < x.size(); ++i) has_values = has_values && x[i] > 0;
  require<ShapeError>(has_values, "{}: input {} must have {}; only the batch may be empty",
                      operation, x, values_in_words<rank>);
  x.numel();  // tells sizes whose products overflow
  Windows w{.planes = has_batch ? x[0] * x[1] : x[0], .axes = {}};
  for (int i = 0; i < rank; ++i)
    axis_of(w, rank, i).extent = x[x.size() - axes + static_cast<std::size_t>(i)];
  return w;
}

template <int rank>
void check_window(const char* operation, const Extents<rank>& kernel,
                  const PoolOptions<rank>& options) {
  const auto& [given, padding, dilation, ceil_mode] = options;
  const Extents<rank> stride = given == 0 ? kernel : given;
  require<ValueError>(at_least(1, kernel) && at_least(1, stride),
                      "{}: window {} and stride {} must be positive", operation, kernel, stride);
  require<ValueError>(at_least(1, dilation), "{}: dilation {} must be positive", operation,
                      dilation);
  bool fits = at_least(0, padding);
  for (std::size_t i = 0; i < rank; ++i) fits = fits && padding[i] <= kernel[i] / 2;
  require<ValueError>(fits,
                      "{}: padding {} must not be negative nor more than half of the window {}",
                      operation, padding, kernel);
}

template <int rank>
Windows pool_windows(const char* operation, const Shape& x, const Extents<rank>& kernel,
                     const PoolOptions<rank>& options) {
  const auto& [given, padding, dilation, ceil_mode] = options;
  const Extents<rank> stride = given == 0 ? kernel : given;
  Windows w = planes_of<rank>(operation, x);
  check_window(operation, kernel, options);
  bool fits = true;
  for (int i = 0; i < rank; ++i) {
    const auto at = static_cast<std::size_t>(i);
    WindowAxis& a = axis_of(w, rank, i);
    a = {.extent = a.extent,
         .kernel = kernel[at],
         .stride = stride[at],
         .padding = padding[at],
         .dilation = dilation[at]};
    a.count = count_windows(operation, a, ceil_mode);
    fits = fits && a.count > 0;
  }
  if (!fits)
    raise<ShapeError>("{}: the {} is larger than the padded input {}", operation,
                      in_words(kernel, dilation), x);
  require<ValueError>(is_small(kernel), "{}: window {} has more values than 31 bits count",
                      operation, kernel);
  require<ValueError>(
      std::ranges::none_of(w.axes, misses_all),
      "{}: with dilation {} a window would see only padding {} of input {}; make one of them less",
      operation, dilation, padding, x);
  return w;
}

Shape pooled_shape(const Shape& x, int rank, const Windows& w) {
  Shape shape = x;
  for (int i = 0; i < rank; ++i)
    shape[x.size() - static_cast<std::size_t>(rank - i)] =
        w.axes[static_cast<std::size_t>(3 - rank + i)].count;
  return shape;
}

// y = the largest x under each window;  dL/dx = dL/dy added where that x was
Ranked largest_under(Op op, const Tensor& x, int rank, const Windows& w) {
  const Shape shape = pooled_shape(x.shape(), rank, w);
  const Tensor position = Tensor::empty(shape, int64);
  const Tensor y = compute<Types::floating>(
      op, shape,
      [&](const auto* values, auto* largest) {
        kernels::largest_under(w, values, largest, position.mutable_data<std::int64_t>());
      },
      x);
  const auto fast = [w, position = saved(position), from = x.shape()](const Tensor& dy) {
    return compute<Types::floating>(
        "max_pool_input", from,
        [&, where = position()](const auto* slopes, auto* dx) {
          kernels::largest_under_input(w, where.data<std::int64_t>(), slopes, dx);
        },
        dy);
  };
  // The same with planes as rows, on the tape.
  const auto plain = [w, position = saved(position), from = x.shape()](const Tensor& dy) {
    const Shape rows{w.planes, w.count()};
    const Tensor none = zeros({w.planes, w.values()}, {.dtype = dy.dtype()});
    return reshape(scatter_add(none, 1, reshape(position(), rows), reshape(dy, rows)), from);
  };
  const auto chosen = [w, position = saved(position), shape](const Tensor& v) {
    const Tensor where = reshape(position(), {w.planes, w.count()});
    return reshape(gather(reshape(v, {w.planes, w.values()}), 1, where), shape);
  };
  return {record(op, y, wrt(x, linear_in(fused(fast, plain), chosen))), position};
}

// y = the mean of x under each window;  dL/dx = its share of dL/dy, added up
Tensor mean_under(Op op, const Tensor& x, int rank, const Windows& w,
                  const kernels::Divisor& divisor) {
  const Tensor y = compute<Types::floating>(
      op, pooled_shape(x.shape(), rank, w),
      [&](auto... a) { kernels::mean_under(w, divisor, a...); }, x);
  return record(op, y,
                wrt(x, linear_in(
                           [=, shape = x.shape()](const Tensor& dy) {
                             return mean_under_input(op, dy, shape, rank, w, divisor);
                           },
                           [=](const Tensor& v) { return mean_under(op, v, rank, w, divisor); })));
}

// Linear in dy: the adjoint is mean_under.
Tensor mean_under_input(Op op, const Tensor& dy, const Shape& shape, int rank, const Windows& w,
                        const kernels::Divisor& divisor) {
  const Shape pooled = pooled_shape(shape, rank, w);
  require<ShapeError>(dy.shape() == pooled, "mean_under_input: gradient {} of results {}",
                      dy.shape(), pooled);
  const Tensor dx = compute<Types::floating>(
      Op::mean_under_input, shape, [&](auto... a) { kernels::mean_under_input(w, divisor, a...); },
      dy);
  return record(
      Op::mean_under_input, dx,
      wrt(dy, linear_in([=](const Tensor& d) { return mean_under(op, d, rank, w, divisor); },
                        [=](const Tensor& v) {
                          return mean_under_input(op, v, shape, rank, w, divisor);
                        })));
}

template Windows planes_of<1>(const char*, const Shape&);
template Windows planes_of<2>(const char*, const Shape&);
template Windows planes_of<3>(const char*, const Shape&);
template void check_window(const char*, const Extents<1>&, const PoolOptions<1>&);
template void check_window(const char*, const Extents<2>&, const PoolOptions<2>&);
template void check_window(const char*, const Extents<3>&, const PoolOptions<3>&);
template Windows pool_windows(const char*, const Shape&, const Extents<1>&, const PoolOptions<1>&);
template Windows pool_windows(const char*, const Shape&, const Extents<2>&, const PoolOptions<2>&);
template Windows pool_windows(const char*, const Shape&, const Extents<3>&, const PoolOptions<3>&);

}  // namespace xgrad::detail
