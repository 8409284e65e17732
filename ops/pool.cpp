#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/channels.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/pool.hpp>
#include <xgrad/ops/pool.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/windows.hpp>

#include <limits>

namespace xgrad {
namespace {

/// Windows that lie on `in` values with `padding` on each side; none where not one fits.
std::int64_t windows(const char* operation, std::int64_t in, std::int64_t kernel,
                     std::int64_t stride, std::int64_t padding) {
  const std::int64_t room = (Size(in, operation) + 2 * Size(padding) - kernel).value();
  return room < 0 ? 0 : (room / stride + Size(1, operation)).value();
}

/// Which value of a window was chosen is kept in 32 bits.
constexpr std::int64_t largest_window = std::numeric_limits<std::int32_t>::max();

kernels::PoolGeometry geometry(const char* operation, const Shape& x, Extents<2> kernel,
                               Extents<2> given, Extents<2> padding) {
  const Extents<2> stride = given == 0 ? kernel : given;
  require<ShapeError>(x.size() == 4,
                      "{}: input {} must be [batch, channels, height, width]; add a missing axis "
                      "with unsqueeze",
                      operation, x);
  require<ShapeError>(x[0] >= 0 && x[1] > 0 && x[2] > 0 && x[3] > 0,
                      "{}: input {} must have channels, rows and columns; only the batch may be "
                      "empty",
                      operation, x);
  x.numel();  // tells sizes whose products overflow
  require<ValueError>(at_least(1, kernel) && at_least(1, stride),
                      "{}: window {} and stride {} must be positive", operation, kernel, stride);
  require<ValueError>(
      at_least(0, padding) && padding[0] <= kernel[0] / 2 && padding[1] <= kernel[1] / 2,
      "{}: padding {} must not be negative nor more than half of the window {}", operation, padding,
      kernel);
  const std::int64_t oh = windows(operation, x[2], kernel[0], stride[0], padding[0]);
  const std::int64_t ow = windows(operation, x[3], kernel[1], stride[1], padding[1]);
  require<ShapeError>(oh > 0 && ow > 0, "{}: the {}x{} window is larger than the padded input {}",
                      operation, kernel[0], kernel[1], x);
  require<ValueError>(kernel[0] <= largest_window / kernel[1],
                      "{}: window {} has more values than 31 bits count", operation, kernel);
  return {.planes = x[0] * x[1],
          .h = x[2],
          .w = x[3],
          .oh = oh,
          .ow = ow,
          .kernel_h = kernel[0],
          .kernel_w = kernel[1],
          .stride_h = stride[0],
          .stride_w = stride[1],
          .pad_h = padding[0],
          .pad_w = padding[1]};
}

Shape output_shape(const Shape& x, const kernels::PoolGeometry& g) {
  return {x[0], x[1], g.oh, g.ow};
}

}  // namespace

namespace {

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

}  // namespace

// y = the largest x under each window;  dL/dx = dL/dy added where that x was
Tensor max_pool2d(const Tensor& x, Extents<2> kernel, const Pool2dOptions& options) {
  const detail::Running running("max_pool2d", x);
  auto g = geometry("max_pool2d", x.shape(), kernel, options.stride, options.padding);
  const Shape shape = output_shape(x.shape(), g);
  g.lanes = channel_extents(x).lanes;
  g.planes /= g.lanes;
  const Choice choice(g);
  const Tensor y = compute<Types::floating>(
      Op::max_pool2d, like(x, shape),
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

// y = the mean of x under each window;  dL/dx = its share of dL/dy, added up
Tensor avg_pool2d(const Tensor& x, Extents<2> kernel, const AvgPool2dOptions& options) {
  const detail::Running running("avg_pool2d", x);
  const auto g = geometry("avg_pool2d", x.shape(), kernel, options.stride, options.padding);
  const Tensor y = compute<Types::floating>(
      Op::avg_pool2d, output_shape(x.shape(), g),
      [&](auto... a) { kernels::avg_pool(g, options.count_include_pad, a...); }, x);
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
  const auto g = geometry("avg_pool2d_input", input_shape, kernel, options.stride, options.padding);
  require<ShapeError>(dy.shape() == output_shape(input_shape, g),
                      "avg_pool2d_input: gradient {} where pooling {} gives {}", dy.shape(),
                      input_shape, output_shape(input_shape, g));
  const Tensor dx = compute<Types::floating>(
      Op::avg_pool2d_input, input_shape,
      [&](auto... a) { kernels::avg_pool_input(g, options.count_include_pad, a...); }, dy);
  return record(
      Op::avg_pool2d_input, dx,
      wrt(dy,
          linear_in([kernel, options](const Tensor& d) { return avg_pool2d(d, kernel, options); },
                    [shape = input_shape, kernel, options](const Tensor& v) {
                      return avg_pool2d_input(v, shape, kernel, options);
                    })));
}

}  // namespace xgrad
