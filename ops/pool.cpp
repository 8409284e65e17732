#include <xgrad/ops/channels.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/pool.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/pooling.hpp>

#include <cmath>

namespace xgrad {
namespace {

using kernels::Windows;

/// Windows of an axis as pool.hpp's kernels know them, of images.
kernels::PoolGeometry geometry(const Windows& w) {
  const auto& [none, rows, columns] = w.axes;
  return {.planes = w.planes,
          .h = rows.extent,
          .w = columns.extent,
          .oh = rows.count,
          .ow = columns.count,
          .kernel_h = rows.kernel,
          .kernel_w = columns.kernel,
          .stride_h = rows.stride,
          .stride_w = columns.stride,
          .pad_h = rows.padding,
          .pad_w = columns.padding};
}

/// Which value of each window was the largest: a byte each, where that is enough.
class Choice {
 public:
  explicit Choice(const kernels::PoolGeometry& g)
      : geometry_(g),
        is_small_(g.kernel_h * g.kernel_w <= 256),
        storage_(Storage::allocate(static_cast<std::size_t>(g.planes * g.oh * g.ow * g.lanes) *
                                   (is_small_ ? sizeof(std::uint8_t) : sizeof(std::int32_t)))) {}

  const kernels::PoolGeometry& geometry() const { return geometry_; }

  /// f(indices), of the type they are kept in.
  template <class F>
  void visit(const F& f) const {
    if (is_small_) {
      f(reinterpret_cast<std::uint8_t*>(storage_->own()));
    } else {
      f(reinterpret_cast<std::int32_t*>(storage_->own()));
    }
  }

 private:
  kernels::PoolGeometry geometry_;
  bool is_small_;
  Ref<Storage> storage_;
};

/// `input`: what x was, whose lanes the choice has.
Tensor max_pool2d_input(const Tensor& dy, const Choice& choice, const Made& input) {
  return compute<Types::floating>(
      "max_pool2d_input", input,
      [&](const auto* slopes, auto* dx) {
        choice.visit(
            [&](auto* index) { kernels::max_pool_input(choice.geometry(), slopes, index, dx); });
      },
      dy);
}

// The same, on the tape.
Tensor max_pool2d_input_recorded(const Tensor& dy, const Choice& choice, const Shape& shape) {
  const Shape planes{shape[0] * shape[1], shape[2] * shape[3]};
  Tensor position = Tensor::empty({planes[0], dy.size(2) * dy.size(3)}, int64);
  choice.visit([&](auto* index) {
    kernels::max_pool_positions(choice.geometry(), index, position.mutable_data<std::int64_t>());
  });
  return reshape(
      scatter_add(zeros(planes, {.dtype = dy.dtype()}), 1, position, reshape(dy, position.shape())),
      shape);
}

/// Images in a batch whose windows have no holes: those that kernels of their own are there for.
Tensor max_pool_images(const Tensor& x, const Windows& w) {
  kernels::PoolGeometry g = geometry(w);
  g.lanes = channel_extents(x).lanes;
  g.planes /= g.lanes;
  const Choice choice(g);
  const Tensor y = compute<Types::floating>(
      Op::max_pool2d, like(x, detail::pooled_shape(x.shape(), 2, w)),
      [&](const auto* values, auto* largest) {
        choice.visit([&](auto* index) { kernels::max_pool(g, values, largest, index); });
      },
      x);
  return record(Op::max_pool2d, y,
                wrt(x, fused([choice, from = like(x)](
                                 const Tensor& dy) { return max_pool2d_input(dy, choice, from); },
                             [choice, from = x.shape()](const Tensor& dy) {
                               return max_pool2d_input_recorded(dy, choice, from);
                             })));
}

/// Pools that no faster form is there for.
template <int rank>
Ranked max_pool(Op op, const Tensor& x, const Extents<rank>& kernel,
                const PoolOptions<rank>& options) {
  const detail::Running running(name(op), x);
  return detail::largest_under(op, x, rank,
                               detail::pool_windows(name(op), x.shape(), kernel, options));
}

}  // namespace

// y = the largest x under each window;  dL/dx = dL/dy added where that x was
Tensor max_pool1d(const Tensor& x, Extents<1> kernel, const Pool1dOptions& options) {
  return max_pool(Op::max_pool1d, x, kernel, options).values;
}
Tensor max_pool2d(const Tensor& x, Extents<2> kernel, const Pool2dOptions& options) {
  const detail::Running running("max_pool2d", x);
  const Windows w = detail::pool_windows("max_pool2d", x.shape(), kernel, options);
  if (x.dim() == 4 && options.dilation == 1 && !options.ceil_mode) return max_pool_images(x, w);
  return detail::largest_under(Op::max_pool2d, x, 2, w).values;
}
Tensor max_pool3d(const Tensor& x, Extents<3> kernel, const Pool3dOptions& options) {
  return max_pool(Op::max_pool3d, x, kernel, options).values;
}

Ranked max_pool1d_with_indices(const Tensor& x, Extents<1> kernel, const Pool1dOptions& options) {
  return max_pool(Op::max_pool1d_with_indices, x, kernel, options);
}
Ranked max_pool2d_with_indices(const Tensor& x, Extents<2> kernel, const Pool2dOptions& options) {
  return max_pool(Op::max_pool2d_with_indices, x, kernel, options);
}
Ranked max_pool3d_with_indices(const Tensor& x, Extents<3> kernel, const Pool3dOptions& options) {
  return max_pool(Op::max_pool3d_with_indices, x, kernel, options);
}

void detail::check_norm_type(const char* operation, double norm_type) {
  require<ValueError>(std::isfinite(norm_type) && norm_type != 0,
                      "{}: norm_type {} must be finite and not 0; the largest of |x| is a "
                      "max_pool of abs(x)",
                      operation, norm_type);
}
void detail::check_divisor(const char* operation, std::optional<std::int64_t> divisor_override) {
  require<ValueError>(divisor_override != 0, "{}: divisor_override is 0", operation);
}

namespace {

template <int rank>
Windows avg_windows(const char* operation, const Shape& x, const Extents<rank>& kernel,
                    const AvgPoolOptions<rank>& options) {
  detail::check_divisor(operation, options.divisor_override);
  return detail::pool_windows<rank>(
      operation, x, kernel,
      {.stride = options.stride, .padding = options.padding, .ceil_mode = options.ceil_mode});
}

template <int rank>
kernels::Divisor divisor_of(const AvgPoolOptions<rank>& options) {
  return {options.count_include_pad, options.divisor_override.value_or(0)};
}

/// Whether windows are those that kernels of their own are there for.
bool is_usual(const Shape& x, const AvgPool2dOptions& options) {
  return x.size() == 4 && !options.ceil_mode && !options.divisor_override;
}

template <int rank>
Tensor avg_pool(Op op, const Tensor& x, const Extents<rank>& kernel,
                const AvgPoolOptions<rank>& options) {
  const detail::Running running(name(op), x);
  return detail::mean_under(op, x, rank, avg_windows(name(op), x.shape(), kernel, options),
                            divisor_of(options));
}

}  // namespace

// y = the mean of x under each window;  dL/dx = its share of dL/dy, added up
Tensor avg_pool1d(const Tensor& x, Extents<1> kernel, const AvgPool1dOptions& options) {
  return avg_pool(Op::avg_pool1d, x, kernel, options);
}
Tensor avg_pool3d(const Tensor& x, Extents<3> kernel, const AvgPool3dOptions& options) {
  return avg_pool(Op::avg_pool3d, x, kernel, options);
}

Tensor avg_pool2d(const Tensor& x, Extents<2> kernel, const AvgPool2dOptions& options) {
  const detail::Running running("avg_pool2d", x);
  const Windows w = avg_windows("avg_pool2d", x.shape(), kernel, options);
  if (!is_usual(x.shape(), options))
    return detail::mean_under(Op::avg_pool2d, x, 2, w, divisor_of(options));
  const Tensor y = compute<Types::floating>(
      Op::avg_pool2d, detail::pooled_shape(x.shape(), 2, w),
      [&](auto... a) { kernels::avg_pool(geometry(w), options.count_include_pad, a...); }, x);
  return record(
      Op::avg_pool2d, y,
      wrt(x, linear_in(
                 [shape = x.shape(), kernel, options](const Tensor& dy) {
                   return avg_pool2d_input(dy, shape, kernel, options);
                 },
                 [kernel, options](const Tensor& v) { return avg_pool2d(v, kernel, options); })));
}

// Linear in dy: the adjoint is avg_pool2d.
Tensor avg_pool2d_input(const Tensor& dy, const Shape& input_shape, Extents<2> kernel,
                        const AvgPool2dOptions& options) {
  const detail::Running running("avg_pool2d_input", dy);
  const Windows w = avg_windows("avg_pool2d_input", input_shape, kernel, options);
  const Shape pooled = detail::pooled_shape(input_shape, 2, w);
  require<ShapeError>(dy.shape() == pooled,
                      "avg_pool2d_input: gradient {} where pooling {} gives {}", dy.shape(),
                      input_shape, pooled);
  if (!is_usual(input_shape, options))
    return detail::mean_under_input(Op::avg_pool2d, dy, input_shape, 2, w, divisor_of(options));
  const Tensor dx = compute<Types::floating>(
      Op::avg_pool2d_input, input_shape,
      [&](auto... a) { kernels::avg_pool_input(geometry(w), options.count_include_pad, a...); },
      dy);
  return record(
      Op::avg_pool2d_input, dx,
      wrt(dy,
          linear_in([kernel, options](const Tensor& d) { return avg_pool2d(d, kernel, options); },
                    [shape = input_shape, kernel, options](const Tensor& v) {
                      return avg_pool2d_input(v, shape, kernel, options);
                    })));
}

namespace {

// y = (Σ xᵖ)^(1/p), the sum from the mean, which a window that is cut short has of its own values
template <int rank>
Tensor lp_pool(Op op, Op mean_op, const Tensor& x, double p, const Extents<rank>& kernel,
               const LpPoolOptions<rank>& options) {
  const detail::Running running(name(op), x);
  detail::check_norm_type(name(op), p);
  const Windows w = avg_windows<rank>(name(op), x.shape(), kernel,
                                      {.stride = options.stride, .ceil_mode = options.ceil_mode});
  const auto pool = [&](const Tensor& values) {
    double size = 1;
    for (const std::int64_t extent : kernel) size *= static_cast<double>(extent);
    const Tensor sum =
        detail::mean_under(mean_op, pow(values, p), rank, w, {.count_padding = true}) * size;
    const Tensor is_0 = sum == 0;
    return where(is_0, 0, pow(where(is_0, 1, sum), 1 / p));
  };
  return is_half(x.dtype()) ? in_float32(pool, x) : pool(x);
}

}  // namespace

Tensor lp_pool1d(const Tensor& x, double norm_type, Extents<1> kernel,
                 const LpPoolOptions<1>& options) {
  return lp_pool(Op::lp_pool1d, Op::avg_pool1d, x, norm_type, kernel, options);
}
Tensor lp_pool2d(const Tensor& x, double norm_type, Extents<2> kernel,
                 const LpPoolOptions<2>& options) {
  return lp_pool(Op::lp_pool2d, Op::avg_pool2d, x, norm_type, kernel, options);
}
Tensor lp_pool3d(const Tensor& x, double norm_type, Extents<3> kernel,
                 const LpPoolOptions<3>& options) {
  return lp_pool(Op::lp_pool3d, Op::avg_pool3d, x, norm_type, kernel, options);
}

}  // namespace xgrad
