#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/conv.hpp>
#include <xgrad/ops/convolution.hpp>

#include <algorithm>

namespace xgrad {

using detail::Convolution;

template <int rank>
void detail::check_options(const char* operation, const ConvTransposeOptions<rank>& o) {
  require<ValueError>(at_least(1, o.stride) && at_least(1, o.dilation) && at_least(0, o.padding) &&
                          at_least(0, o.output_padding) && o.groups > 0,
                      "{}: stride {}, dilation {} and groups {} must be positive, padding {} and "
                      "output_padding {} not negative",
                      operation, o.stride, o.dilation, o.groups, o.padding, o.output_padding);
  for (std::size_t axis = 0; axis < rank; ++axis)
    require<ValueError>(o.output_padding[axis] < std::max(o.stride[axis], o.dilation[axis]),
                        "{}: output_padding {} must be less than stride {} or dilation {}",
                        operation, o.output_padding, o.stride, o.dilation);
}

template void detail::check_options(const char*, const ConvTransposeOptions<1>&);
template void detail::check_options(const char*, const ConvTransposeOptions<2>&);
template void detail::check_options(const char*, const ConvTransposeOptions<3>&);

namespace {

/// The convolution whose adjoint this is: its output is our input, and its filters our channels.
template <int rank>
Convolution planned(const char* operation, const Shape& x, const Shape& weight,
                    const ConvTransposeOptions<rank>& o) {
  detail::check_options(operation, o);
  detail::check_images<rank>(operation, x);
  detail::check_weight<rank>(operation, weight, "channels, filters / groups");
  require<ShapeError>(x[1] == weight[0],
                      "{}: input has {} channels, weight {} expects {} (input {})", operation, x[1],
                      weight, weight[0], x);
  require<ShapeError>(weight[0] % o.groups == 0,
                      "{}: {} groups do not divide the {} channels of weight {}", operation,
                      o.groups, weight[0], weight);
  const std::int64_t filters = (Size(weight[1], operation) * o.groups).value();
  Convolution c = detail::convolution(rank, x[0], filters, weight[0], o.groups);
  bool is_something = true;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t kernel = weight[axis + 2];
    const Size made = Size(x[axis + 2] - 1, operation) * o.stride[axis] +
                      detail::reach(operation, kernel, o.dilation[axis]) + o.output_padding[axis] -
                      2 * Size(o.padding[axis], operation);
    is_something = is_something && made.value() > 0;
    detail::set_axis(
        c, axis,
        {made.value(), kernel, x[axis + 2], o.stride[axis], o.padding[axis], o.dilation[axis]});
  }
  require<ShapeError>(is_something,
                      "{}: nothing is left of the result {} (input {}, weight {}, padding {})",
                      operation, c.input(), x, weight, o.padding);
  bytes_of(c.input(), float32);
  return c;
}

template <int rank>
Tensor transposed(Op op, const Tensor& given, const Tensor& weight, const Tensor& bias,
                  const ConvTransposeOptions<rank>& options) {
  const char* const operation = name(op);
  const detail::Running running(operation, given, weight);
  return detail::batched<rank>(given, [&](const Tensor& x) {
    const Convolution c = planned(operation, x.shape(), weight.shape(), options);
    detail::check_bias(operation, x, weight, bias, c.sizes.c, options.bias);
    return detail::convolve_input(op, c, x, weight, bias);
  });
}

}  // namespace

Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose1dOptions& options) {
  return transposed(Op::conv_transpose1d, x, weight, bias, options);
}
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose2dOptions& options) {
  return transposed(Op::conv_transpose2d, x, weight, bias, options);
}
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const ConvTranspose3dOptions& options) {
  return transposed(Op::conv_transpose3d, x, weight, bias, options);
}

}  // namespace xgrad
