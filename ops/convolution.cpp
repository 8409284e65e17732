#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/convolution.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>

#include <algorithm>
#include <array>

namespace xgrad::detail {
namespace {

using kernels::ConvDirection;

Shape shape_of(std::int64_t a, std::int64_t b, const std::array<std::int64_t, 3>& axes, int rank) {
  Shape shape{a, b};
  for (auto axis = static_cast<std::size_t>(3 - rank); axis < 3; ++axis)
    shape.push_back(axes[axis]);
  return shape;
}

/// The operation of a convolution, or of one of its adjoints.
Op op_of(ConvDirection direction, int rank) {
  constexpr std::array<std::array<Op, 3>, 3> ops{
      {{Op::conv1d, Op::conv1d_input, Op::conv1d_weight},
       {Op::conv2d, Op::conv2d_input, Op::conv2d_weight},
       {Op::conv3d, Op::conv3d_input, Op::conv3d_weight}}};
  return ops[static_cast<std::size_t>(rank - 1)][static_cast<std::size_t>(direction)];
}

/// Runs a kernel: two of the operands are read, the third is made.
Tensor run(ConvDirection direction, const Convolution& c, Tensor x, Tensor weight, Tensor y,
           Tensor bias = {}) {
  const kernels::ConvGeometry& g = c.sizes;
  const DType dtype = x.defined() ? x.dtype() : y.dtype();
  const kernels::ConvPlan plan = kernels::plan_conv(direction, g, dtype);
  const auto prepare = [&](Tensor& operand, const Shape& shape, Layout layout) {
    operand = operand.defined() ? arranged(operand, layout) : empty(shape, dtype, layout);
  };
  prepare(x, c.input(), plan.x);
  prepare(weight, c.weight(), Layout::plain);
  prepare(y, c.output(), plan.y);
  if (bias.defined()) bias = in_rows(bias);
  const char* const own_name = name(op_of(direction, c.rank));
  const profiler::Scope scope(own_name, [&] {
    auto work = profiler::work_on({&x, &weight, &y});
    work.flops = 2.0 * static_cast<double>(y.numel()) * static_cast<double>(g.patch());
    work.kernel = name(plan.kernel);
    return work;
  });
  dispatch_floating(dtype, running_or(own_name), [&]<class T>() {
    kernels::conv<T>(direction, plan, g,
                     {own_data<T>(x), own_data<T>(weight), own_data<T>(y),
                      bias.defined() ? own_data<T>(bias) : nullptr});
  });
  return direction == ConvDirection::forward          ? y
         : direction == ConvDirection::backward_input ? x
                                                      : weight;
}

/// Σ x over images and positions.
Tensor channel_sum(const Tensor& x) {
  Axes axes{0};
  for (std::int64_t i = 2; i < x.dim(); ++i) axes.push_back(i);
  return sum(x, axes);
}

/// A bias for each channel, in the shape of images.
Tensor spread(const Tensor& bias, const Shape& shape) {
  Shape by_channel;
  for (std::size_t i = 0; i < shape.size(); ++i) by_channel.push_back(i == 1 ? shape[1] : 1);
  return expand(reshape(bias, by_channel), shape);
}

/// The gradients of weight and bias: from one pass over dy where no graph is being made.
std::array<Tensor, 2> weight_and_bias_gradients(const Convolution& c, const Tensor& x,
                                                const Tensor& dy) {
  using Both = std::array<Tensor, 2>;
  const auto at_once = [&] {
    const Tensor by_bias = Tensor::empty({c.sizes.k}, dy.dtype());
    return Both{run(ConvDirection::backward_weight, c, x, {}, dy, by_bias), by_bias};
  };
  const auto apart = [&] { return Both{convolve_weight(c, x, dy), channel_sum(dy)}; };
  return fused(at_once, apart)();
}

}  // namespace

Shape Convolution::input() const {
  return shape_of(sizes.n, sizes.c, {sizes.d, sizes.h, sizes.w}, rank);
}
Shape Convolution::weight() const {
  return shape_of(sizes.k, sizes.group_channels(), {sizes.t, sizes.r, sizes.s}, rank);
}
Shape Convolution::output() const {
  return shape_of(sizes.n, sizes.k, {sizes.od, sizes.oh, sizes.ow}, rank);
}

void check_same_dtype(const char* operation, const Tensor& a, const Tensor& b, const char* what) {
  require<DTypeError>(a.dtype() == b.dtype(), "{}: {} are {} and {}; convert one with x.to()",
                      operation, what, a.dtype(), b.dtype());
}

void check_bias(const char* operation, const Tensor& x, const Tensor& weight, const Tensor& bias,
                std::int64_t channels, bool wanted) {
  check_same_dtype(operation, x, weight, "input and weight");
  if (!bias.defined()) return;
  require<ValueError>(wanted,
                      "{}: bias {} where the options say bias = false; leave one of them out",
                      operation, bias.shape());
  require<ShapeError>(bias.shape() == Shape{channels},
                      "{}: bias {} does not fit weight {}; it must be [{}]", operation,
                      bias.shape(), weight.shape(), channels);
  check_same_dtype(operation, x, bias, "input and bias");
}

Convolution convolution(int rank, std::int64_t n, std::int64_t c, std::int64_t k,
                        std::int64_t groups) {
  Convolution made{.rank = rank, .sizes = {}};
  kernels::ConvGeometry& g = made.sizes;
  g.n = n;
  g.c = c;
  g.k = k;
  g.groups = groups;
  g.h = g.r = g.oh = g.stride_h = g.dilation_h = 1;
  g.are_images = rank == 2;
  return made;
}

void set_axis(Convolution& c, std::size_t axis, const WindowAxis& sizes) {
  kernels::ConvGeometry& g = c.sizes;
  const std::array<std::array<std::int64_t*, 6>, 3> places{
      {{&g.d, &g.t, &g.od, &g.stride_d, &g.pad_d, &g.dilation_d},
       {&g.h, &g.r, &g.oh, &g.stride_h, &g.pad_h, &g.dilation_h},
       {&g.w, &g.s, &g.ow, &g.stride_w, &g.pad_w, &g.dilation_w}}};
  const std::array values{sizes.in,     sizes.kernel,  sizes.out,
                          sizes.stride, sizes.padding, sizes.dilation};
  const auto& own = places[static_cast<std::size_t>(3 - c.rank) + axis];
  for (std::size_t i = 0; i < values.size(); ++i) *own[i] = values[i];
}

// dL/dx = convolve_input(dL/dy, w), dL/dw = convolve_weight(x, dL/dy), dL/db = Σ dL/dy over images
// and positions
Tensor convolve(const Convolution& c, const Tensor& x, const Tensor& weight, const Tensor& bias) {
  if (is_half(x.dtype()))
    return in_float32([&](const auto&... wide) { return convolve(c, wide...); }, x, weight, bias);
  const Tensor y = run(ConvDirection::forward, c, x, weight, {}, bias);
  return record(op_of(ConvDirection::forward, c.rank), y,
                wrt_all(x, weight, bias,
                        [x = saved_for(weight, x), w = saved_for(x, weight), c](
                            const Tensor& dy, const Needs& needs) {
                          std::array<Tensor, 3> d;
                          if (needs[1] && needs[2]) {
                            auto both = weight_and_bias_gradients(c, x(), dy);
                            std::ranges::move(both, d.begin() + 1);
                          } else if (needs[1]) {
                            d[1] = convolve_weight(c, x(), dy);
                          } else if (needs[2]) {
                            d[2] = channel_sum(dy);
                          }
                          if (needs[0]) d[0] = convolve_input(c, dy, w());
                          return d;
                        }));
}

// Linear in dy, in w and in b: the adjoints are the convolution itself, the weight's gradient, and
// a sum.
Tensor convolve_input(Op op, const Convolution& c, const Tensor& dy, const Tensor& weight,
                      const Tensor& bias) {
  if (is_half(dy.dtype()))
    return in_float32([&](const auto&... wide) { return convolve_input(op, c, wide...); }, dy,
                      weight, bias);
  const Tensor dx = run(ConvDirection::backward_input, c, {}, weight, dy, bias);
  return record(
      op, dx,
      wrt(dy,
          linear_in([w = saved(weight), c](const Tensor& d) { return convolve(c, d, w(), {}); },
                    [w = saved(weight), c](const Tensor& v) { return convolve_input(c, v, w()); })),
      wrt(weight,
          linear_in([dy = saved(dy), c](const Tensor& d) { return convolve_weight(c, d, dy()); },
                    [dy = saved(dy), c](const Tensor& v) { return convolve_input(c, dy(), v); })),
      wrt(bias, linear_in([](const Tensor& d) { return channel_sum(d); },
                          [c](const Tensor& v) { return spread(v, c.input()); })));
}

Tensor convolve_input(const Convolution& c, const Tensor& dy, const Tensor& weight) {
  return convolve_input(op_of(ConvDirection::backward_input, c.rank), c, dy, weight);
}

// Linear in x and in dy: the adjoints are the input's gradient and the convolution itself.
Tensor convolve_weight(const Convolution& c, const Tensor& x, const Tensor& dy) {
  if (is_half(x.dtype()))
    return in_float32([&](const auto&... wide) { return convolve_weight(c, wide...); }, x, dy);
  const Tensor dw = run(ConvDirection::backward_weight, c, x, {}, dy);
  return record(
      op_of(ConvDirection::backward_weight, c.rank), dw,
      wrt(x,
          linear_in([dy = saved(dy), c](const Tensor& d) { return convolve_input(c, dy(), d); },
                    [dy = saved(dy), c](const Tensor& v) { return convolve_weight(c, v, dy()); })),
      wrt(dy,
          linear_in([x = saved(x), c](const Tensor& d) { return convolve(c, x(), d, {}); },
                    [x = saved(x), c](const Tensor& v) { return convolve_weight(c, x(), v); })));
}

}  // namespace xgrad::detail
