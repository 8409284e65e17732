#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/conv.hpp>
#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/windows.hpp>

#include <algorithm>
#include <array>

namespace xgrad {
namespace {

Shape output_shape(const kernels::ConvGeometry& g) { return {g.n, g.k, g.oh, g.ow}; }

std::string describe(const Shape& x, const Conv2dOptions& o) {
  const bool even = o.stride == o.stride[0] && o.padding == o.padding[0];
  std::string text =
      even ? fmt::format("input {}, stride {}, padding {}", x, o.stride[0], o.padding[0])
           : fmt::format("input {}, stride {}, padding {}", x, o.stride, o.padding);
  if (o.dilation != 1) text += fmt::format(", dilation {}", o.dilation);
  if (o.groups != 1) text += fmt::format(", {} groups", o.groups);
  return text;
}

void check_options(const Conv2dOptions& o) {
  require<ValueError>(
      at_least(1, o.stride) && at_least(1, o.dilation) && at_least(0, o.padding) && o.groups > 0,
      "conv2d: stride {}, dilation {} and groups {} must be positive, padding {} not negative",
      o.stride, o.dilation, o.groups, o.padding);
}

/// Values from the first under a window to the last.
Size reach(std::int64_t kernel, std::int64_t dilation) {
  return Size(dilation, "conv2d") * (kernel - 1) + 1;
}

/// Places of a window on `in` values with `padding` on each side.
std::int64_t places(std::int64_t in, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                    std::int64_t dilation) {
  const std::int64_t room = (in + 2 * Size(padding, "conv2d") - reach(kernel, dilation)).value();
  return room < 0 ? 0 : (room / stride + Size(1, "conv2d")).value();
}

/// `x` and `weight` are what a caller gave, the one or the other not of a tensor.
kernels::ConvGeometry geometry(const Shape& x, const Shape& weight, const Conv2dOptions& o) {
  check_options(o);
  require<ShapeError>(x.size() == 4,
                      "conv2d: input {} must be [batch, channels, height, width]; add a missing "
                      "axis with unsqueeze",
                      x);
  require<ShapeError>(
      x[0] >= 0 && x[1] >= 0 && x[2] >= 0 && x[3] >= 0 && (x[0] == 0 || (x[2] > 0 && x[3] > 0)),
      "conv2d: input {} must have rows and columns; only the batch and the "
      "channels may be empty",
      x);
  require<ShapeError>(
      weight.size() == 4 && weight[0] > 0 && weight[1] >= 0 && weight[2] > 0 && weight[3] > 0,
      "conv2d: weight {} must be [filters, channels / groups, height, width]", weight);
  bytes_of(x, float32);  // tells sizes whose products overflow
  bytes_of(weight, float32);
  const std::int64_t channels = (Size(weight[1], "conv2d") * o.groups).value();
  // A step in which nothing is wrong puts nothing into words.
  if (x[1] != channels)
    raise<ShapeError>("conv2d: input has {} channels, weight {} expects {} ({})", x[1], weight,
                      channels, describe(x, o));
  require<ShapeError>(weight[0] % o.groups == 0,
                      "conv2d: {} groups do not divide the {} filters of weight {}", o.groups,
                      weight[0], weight);
  kernels::ConvGeometry g{.n = x[0],
                          .c = x[1],
                          .h = x[2],
                          .w = x[3],
                          .k = weight[0],
                          .r = weight[2],
                          .s = weight[3],
                          .oh = places(x[2], weight[2], o.stride[0], o.padding[0], o.dilation[0]),
                          .ow = places(x[3], weight[3], o.stride[1], o.padding[1], o.dilation[1]),
                          .stride_h = o.stride[0],
                          .stride_w = o.stride[1],
                          .pad_h = o.padding[0],
                          .pad_w = o.padding[1],
                          .dilation_h = o.dilation[0],
                          .dilation_w = o.dilation[1],
                          .groups = o.groups};
  if (g.oh <= 0 || g.ow <= 0)
    raise<ShapeError>("conv2d: the {}x{} window is larger than the padded input ({})",
                      reach(g.r, o.dilation[0]).value(), reach(g.s, o.dilation[1]).value(),
                      describe(x, o));
  bytes_of(output_shape(g), float32);
  return g;
}

/// Runs a kernel: two of the operands are read, the third is made, of the given shape.
Tensor run(kernels::ConvDirection direction, const kernels::ConvGeometry& g, const Shape& shape,
           Tensor x, Tensor weight, Tensor y, Tensor bias = {}) {
  using kernels::ConvDirection;
  const DType dtype = x.defined() ? x.dtype() : y.dtype();
  const kernels::ConvPlan plan = kernels::plan_conv(direction, g, dtype);
  const auto prepare = [&](Tensor& operand, Layout layout) {
    operand = operand.defined() ? arranged(operand, layout) : empty(shape, dtype, layout);
  };
  prepare(x, plan.x);
  prepare(weight, Layout::plain);
  prepare(y, plan.y);
  if (bias.defined()) bias = in_rows(bias);
  constexpr std::array names{"conv2d", "conv2d_input", "conv2d_weight"};
  const profiler::Scope scope(names[static_cast<std::size_t>(direction)], [&] {
    auto work = profiler::work_on({&x, &weight, &y});
    work.flops = 2.0 * static_cast<double>(y.numel()) * static_cast<double>(g.patch());
    work.kernel = name(plan.kernel);
    return work;
  });
  dispatch_floating(dtype, "conv2d", [&]<class T>() {
    kernels::conv<T>(direction, plan, g,
                     {own_data<T>(x), own_data<T>(weight), own_data<T>(y),
                      bias.defined() ? own_data<T>(bias) : nullptr});
  });
  return direction == ConvDirection::forward          ? y
         : direction == ConvDirection::backward_input ? x
                                                      : weight;
}

void require_same_dtype(const Tensor& a, const Tensor& b, const char* what) {
  require<DTypeError>(a.dtype() == b.dtype(), "conv2d: {} are {} and {}; convert one with x.to()",
                      what, a.dtype(), b.dtype());
}

Tensor bias_gradient(const Tensor& dy) { return sum(dy, {0, 2, 3}); }

/// The gradients of weight and bias: from one pass over dy where no graph is being made.
std::array<Tensor, 2> weight_and_bias_gradients(const Tensor& x, const Tensor& dy,
                                                const Shape& weight, const Conv2dOptions& options) {
  using Both = std::array<Tensor, 2>;
  const auto at_once = [&] {
    const auto g = geometry(x.shape(), weight, options);
    const Tensor by_bias = Tensor::empty({g.k}, dy.dtype());
    return Both{run(kernels::ConvDirection::backward_weight, g, weight, x, {}, dy, by_bias),
                by_bias};
  };
  const auto apart = [&] { return Both{conv2d_weight(x, dy, weight, options), bias_gradient(dy)}; };
  return fused(at_once, apart)();
}

}  // namespace

// y = x ⋆ w + b;  dL/dx = conv2d_input(dL/dy, w), dL/dw = conv2d_weight(x, dL/dy),
// dL/db = Σ dL/dy over images and positions
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv2dOptions& options) {
  const detail::Running running("conv2d", x, weight);
  const auto g = geometry(x.shape(), weight.shape(), options);
  require_same_dtype(x, weight, "input and weight");
  if (bias.defined()) {
    require<ValueError>(options.bias,
                        "conv2d: bias {} where the options say bias = false; leave one of them out",
                        bias.shape());
    require<ShapeError>(bias.shape() == Shape{g.k},
                        "conv2d: bias {} does not fit weight {}; it must be [{}]", bias.shape(),
                        weight.shape(), g.k);
    require_same_dtype(x, bias, "input and bias");
  }
  if (is_half(x.dtype()))
    return in_float32([&](const auto&... wide) { return conv2d(wide..., options); }, x, weight,
                      bias);
  const Tensor y = run(kernels::ConvDirection::forward, g, output_shape(g), x, weight, {}, bias);
  return record(Op::conv2d, y,
                wrt_all(x, weight, bias,
                        [x = saved_for(weight, x), w = saved_for(x, weight), options](
                            const Tensor& dy, const Needs& needs) {
                          std::array<Tensor, 3> d;
                          if (needs[1] && needs[2]) {
                            auto both = weight_and_bias_gradients(x(), dy, needs.shape(1), options);
                            std::ranges::move(both, d.begin() + 1);
                          } else if (needs[1]) {
                            d[1] = conv2d_weight(x(), dy, needs.shape(1), options);
                          } else if (needs[2]) {
                            d[2] = bias_gradient(dy);
                          }
                          if (needs[0]) d[0] = conv2d_input(dy, w(), needs.shape(0), options);
                          return d;
                        }));
}

// Linear in dy and in w: the adjoints are conv2d itself and the weight's gradient.
Tensor conv2d_input(const Tensor& dy, const Tensor& weight, const Shape& input_shape,
                    const Conv2dOptions& options) {
  const detail::Running running("conv2d_input", dy, weight);
  const auto g = geometry(input_shape, weight.shape(), options);
  require<ShapeError>(dy.shape() == output_shape(g),
                      "conv2d_input: gradient {} where the convolution of {} with {} gives {}",
                      dy.shape(), input_shape, weight.shape(), output_shape(g));
  require_same_dtype(dy, weight, "gradient and weight");
  if (is_half(dy.dtype()))
    return in_float32(
        [&](const auto&... wide) { return conv2d_input(wide..., input_shape, options); }, dy,
        weight);
  const Tensor dx = run(kernels::ConvDirection::backward_input, g, input_shape, {}, weight, dy);
  return record(
      Op::conv2d_input, dx,
      wrt(dy, linear_in([w = saved(weight),
                         options](const Tensor& d) { return conv2d(d, w(), {}, options); },
                        [w = saved(weight), shape = input_shape, options](const Tensor& v) {
                          return conv2d_input(v, w(), shape, options);
                        })),
      wrt(weight, linear_in([shape = weight.shape(), dy = saved(dy), options](
                                const Tensor& d) { return conv2d_weight(d, dy(), shape, options); },
                            [dy = saved(dy), shape = input_shape, options](const Tensor& v) {
                              return conv2d_input(dy(), v, shape, options);
                            })));
}

// Linear in x and in dy: the adjoints are the input's gradient and conv2d itself.
Tensor conv2d_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                     const Conv2dOptions& options) {
  const detail::Running running("conv2d_weight", x, dy);
  const auto g = geometry(x.shape(), weight_shape, options);
  require<ShapeError>(dy.shape() == output_shape(g),
                      "conv2d_weight: gradient {} where the convolution of {} with {} gives {}",
                      dy.shape(), x.shape(), weight_shape, output_shape(g));
  require_same_dtype(x, dy, "input and gradient");
  if (is_half(x.dtype()))
    return in_float32(
        [&](const auto&... wide) { return conv2d_weight(wide..., weight_shape, options); }, x, dy);
  const Tensor dw = run(kernels::ConvDirection::backward_weight, g, weight_shape, x, {}, dy);
  return record(
      Op::conv2d_weight, dw,
      wrt(x, linear_in([shape = x.shape(), dy = saved(dy),
                        options](const Tensor& d) { return conv2d_input(dy(), d, shape, options); },
                       [dy = saved(dy), shape = weight_shape, options](const Tensor& v) {
                         return conv2d_weight(v, dy(), shape, options);
                       })),
      wrt(dy, linear_in(
                  [x = saved(x), options](const Tensor& d) { return conv2d(x(), d, {}, options); },
                  [x = saved(x), shape = weight_shape, options](const Tensor& v) {
                    return conv2d_weight(x(), v, shape, options);
                  })));
}

}  // namespace xgrad
