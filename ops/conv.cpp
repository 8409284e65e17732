#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/conv.hpp>
#include <xgrad/ops/convolution.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace xgrad {
namespace {

using detail::Convolution;

template <int rank>
bool has_word(const ConvOptions<rank>& o, std::string_view word) {
  return o.padding.word() == word;
}

}  // namespace

template <int rank>
void detail::check_options(const char* operation, const ConvOptions<rank>& o) {
  const Extents<rank>& padding = o.padding;
  require<ValueError>(
      at_least(1, o.stride) && at_least(1, o.dilation) && at_least(0, padding) && o.groups > 0,
      "{}: stride {}, dilation {} and groups {} must be positive, padding {} not negative",
      operation, o.stride, o.dilation, o.groups, padding);
  require<ValueError>(has_word(o, "") || has_word(o, "same") || has_word(o, "valid"),
                      "{}: padding '{}' is neither a number, same nor valid", operation,
                      o.padding.word());
  require<ValueError>(!has_word(o, "same") || o.stride == 1,
                      "{}: padding same keeps the extents, which stride {} does not", operation,
                      o.stride);
  constexpr std::array<std::string_view, 4> modes{"zeros", "reflect", "replicate", "circular"};
  require<ValueError>(std::ranges::find(modes, std::string_view(o.padding_mode)) != modes.end(),
                      "{}: padding_mode '{}' is none of zeros, reflect, replicate and circular",
                      operation, o.padding_mode);
}

template void detail::check_options(const char*, const ConvOptions<1>&);
template void detail::check_options(const char*, const ConvOptions<2>&);
template void detail::check_options(const char*, const ConvOptions<3>&);

namespace {

template <int rank>
std::string describe(const Shape& x, const ConvOptions<rank>& o) {
  const Extents<rank>& padding = o.padding;
  const bool even = o.stride == o.stride[0] && padding == padding[0];
  std::string text = even ? fmt::format("input {}, stride {}, ", x, o.stride[0])
                          : fmt::format("input {}, stride {}, ", x, o.stride);
  text += !o.padding.word().empty() ? fmt::format("padding {}", o.padding.word())
          : even                    ? fmt::format("padding {}", padding[0])
                                    : fmt::format("padding {}", padding);
  if (o.dilation != 1) text += fmt::format(", dilation {}", o.dilation);
  if (o.groups != 1) text += fmt::format(", {} groups", o.groups);
  return text;
}

/// What surrounds an axis: before it, and in all.
struct Border {
  std::int64_t before;
  Size whole;
};

template <int rank>
Border border(const char* operation, std::size_t axis, std::int64_t kernel,
              const ConvOptions<rank>& o) {
  if (!has_word(o, "same")) return {o.padding[axis], 2 * Size(o.padding[axis], operation)};
  const Size whole = detail::reach(operation, kernel, o.dilation[axis]) - 1;
  return {whole.value() / 2, whole};
}

/// `x` and `weight` are what a caller gave, the one or the other not of a tensor.
template <int rank>
Convolution planned(const char* operation, const Shape& x, const Shape& weight,
                    const ConvOptions<rank>& o) {
  detail::check_options(operation, o);
  detail::check_images<rank>(operation, x);
  detail::check_weight<rank>(operation, weight, "filters, channels / groups");
  const std::int64_t channels = (Size(weight[1], operation) * o.groups).value();
  // A step in which nothing is wrong puts nothing into words.
  if (x[1] != channels)
    raise<ShapeError>("{}: input has {} channels, weight {} expects {} ({})", operation, x[1],
                      weight, channels, describe(x, o));
  require<ShapeError>(weight[0] % o.groups == 0,
                      "{}: {} groups do not divide the {} filters of weight {}", operation,
                      o.groups, weight[0], weight);
  Convolution c = detail::convolution(rank, x[0], x[1], weight[0], o.groups);
  bool fits = true;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t kernel = weight[axis + 2];
    const Border around = border(operation, axis, kernel, o);
    const Size room =
        x[axis + 2] + around.whole - detail::reach(operation, kernel, o.dilation[axis]);
    const std::int64_t places =
        room.value() < 0 ? 0 : (room.value() / o.stride[axis] + Size(1, operation)).value();
    fits = fits && places > 0;
    detail::set_axis(
        c, axis, {x[axis + 2], kernel, places, o.stride[axis], around.before, o.dilation[axis]});
  }
  if (!fits) {
    std::vector<std::int64_t> window;
    for (std::size_t axis = 0; axis < rank; ++axis)
      window.push_back(detail::reach(operation, weight[axis + 2], o.dilation[axis]).value());
    raise<ShapeError>("{}: the {} window is larger than the padded input ({})", operation,
                      fmt::join(window, "x"), describe(x, o));
  }
  bytes_of(c.output(), float32);
  return c;
}

/// x with the border that the options ask for, of its own values, and the options without it.
template <int rank>
Tensor surrounded(const char* operation, const Tensor& x, const Shape& weight,
                  const ConvOptions<rank>& o, ConvOptions<rank>& rest) {
  std::vector<std::int64_t> widths;
  for (std::size_t axis = rank; axis-- > 0;) {
    const Border around = border(operation, axis, weight[axis + 2], o);
    widths.push_back(around.before);
    widths.push_back((around.whole - around.before).value());
  }
  rest.padding = 0;
  rest.padding_mode = "zeros";
  return pad(x, widths, o.padding_mode);
}

template <int rank>
Tensor convolve(const char* operation, const Tensor& given, const Tensor& weight,
                const Tensor& bias, const ConvOptions<rank>& options) {
  const detail::Running running(operation, given, weight);
  return detail::batched<rank>(given, [&](const Tensor& x) {
    const Convolution c = planned(operation, x.shape(), weight.shape(), options);
    detail::check_bias(operation, x, weight, bias, c.sizes.k, options.bias);
    if (options.padding_mode == "zeros") return detail::convolve(c, x, weight, bias);
    ConvOptions<rank> rest = options;
    const Tensor wide = surrounded(operation, x, weight.shape(), options, rest);
    return detail::convolve(planned(operation, wide.shape(), weight.shape(), rest), wide, weight,
                            bias);
  });
}

template <int rank>
void check_adjoint(const char* operation, const Convolution& c, const Shape& dy,
                   const ConvOptions<rank>& o) {
  require<ValueError>(o.padding_mode == "zeros",
                      "{}: padding_mode {}; around the input are zeros here (see pad)", operation,
                      o.padding_mode);
  require<ShapeError>(dy == c.output(),
                      "{}: gradient {} where the convolution of {} with {} gives {}", operation, dy,
                      c.input(), c.weight(), c.output());
}

template <int rank>
Tensor input_adjoint(const char* operation, const Tensor& dy, const Tensor& weight,
                     const Shape& input_shape, const ConvOptions<rank>& options) {
  const detail::Running running(operation, dy, weight);
  const Convolution c = planned(operation, input_shape, weight.shape(), options);
  check_adjoint(operation, c, dy.shape(), options);
  detail::check_same_dtype(operation, dy, weight, "gradient and weight");
  return detail::convolve_input(c, dy, weight);
}

template <int rank>
Tensor weight_adjoint(const char* operation, const Tensor& x, const Tensor& dy,
                      const Shape& weight_shape, const ConvOptions<rank>& options) {
  const detail::Running running(operation, x, dy);
  const Convolution c = planned(operation, x.shape(), weight_shape, options);
  check_adjoint(operation, c, dy.shape(), options);
  detail::check_same_dtype(operation, x, dy, "input and gradient");
  return detail::convolve_weight(c, x, dy);
}

}  // namespace

Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv1dOptions& options) {
  return convolve("conv1d", x, weight, bias, options);
}
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv2dOptions& options) {
  return convolve("conv2d", x, weight, bias, options);
}
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv3dOptions& options) {
  return convolve("conv3d", x, weight, bias, options);
}

Tensor conv1d_input(const Tensor& dy, const Tensor& weight, const Shape& input_shape,
                    const Conv1dOptions& options) {
  return input_adjoint("conv1d_input", dy, weight, input_shape, options);
}
Tensor conv2d_input(const Tensor& dy, const Tensor& weight, const Shape& input_shape,
                    const Conv2dOptions& options) {
  return input_adjoint("conv2d_input", dy, weight, input_shape, options);
}
Tensor conv3d_input(const Tensor& dy, const Tensor& weight, const Shape& input_shape,
                    const Conv3dOptions& options) {
  return input_adjoint("conv3d_input", dy, weight, input_shape, options);
}

Tensor conv1d_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                     const Conv1dOptions& options) {
  return weight_adjoint("conv1d_weight", x, dy, weight_shape, options);
}
Tensor conv2d_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                     const Conv2dOptions& options) {
  return weight_adjoint("conv2d_weight", x, dy, weight_shape, options);
}
Tensor conv3d_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                     const Conv3dOptions& options) {
  return weight_adjoint("conv3d_weight", x, dy, weight_shape, options);
}

}  // namespace xgrad
