#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/ops/convolution.hpp>

namespace xgrad::nn::detail {
namespace {

/// The one of these that has `rank` axes.
template <int rank, class A, class B, class C>
constexpr auto of_rank(A one, B two, C three) {
  if constexpr (rank == 1) return one;
  if constexpr (rank == 2) return two;
  if constexpr (rank == 3) return three;
}

template <int rank>
constexpr const char* conv_name = of_rank<rank>("Conv1d", "Conv2d", "Conv3d");
template <int rank>
constexpr const char* transpose_name = of_rank<rank>("ConvTranspose1d", "ConvTranspose2d",
                                                     "ConvTranspose3d");

template <int rank>
void check_sizes(const char* layer, std::int64_t in, std::int64_t out, const Extents<rank>& kernel,
                 std::int64_t groups) {
  require<ValueError>(in > 0 && out > 0 && at_least(1, kernel),
                      "{}: {} input and {} output channels, kernel {}; all must be positive", layer,
                      in, out, kernel);
  require<ValueError>(groups > 0 && in % groups == 0 && out % groups == 0,
                      "{}: {} groups must divide {} input and {} output channels", layer, groups,
                      in, out);
}

template <int rank>
Tensor kernels_of(std::int64_t first, std::int64_t second, const Extents<rank>& kernel) {
  Shape shape{first, second};
  for (const std::int64_t extent : kernel) shape.push_back(extent);
  return Tensor::empty(shape);
}

}  // namespace

template <int rank>
Conv<rank>::Conv(std::int64_t in, std::int64_t out, Extents<rank> kernel,
                 const ConvOptions<rank>& options)
    : options_(options) {
  constexpr const char* layer = conv_name<rank>;
  check_sizes(layer, in, out, kernel, options.groups);
  xgrad::detail::check_options(layer, options);
  const xgrad::detail::Running running(layer);
  const Tensor values = kernels_of(out, in / options.groups, kernel);
  const std::int64_t fan_in = init::fans(values).in;
  weight = add_parameter("weight", init::default_(values, fan_in));
  if (options.bias) bias = add_parameter("bias", init::default_(Tensor::empty({out}), fan_in));
  options_.bias = true;  // a bias that is assigned later is used
}

template <int rank>
Tensor Conv<rank>::forward(const Tensor& x) {
  require_made(
      weight, conv_name<rank>,
      of_rank<rank>("nn::Conv1d{1, 16, 5}", "nn::Conv2d{1, 16, 5}", "nn::Conv3d{1, 16, 5}"));
  return of_rank<rank>(conv1d, conv2d, conv3d)(x, weight, bias, options_);
}

template <int rank>
ConvTranspose<rank>::ConvTranspose(std::int64_t in, std::int64_t out, Extents<rank> kernel,
                                   const ConvTransposeOptions<rank>& options)
    : options_(options) {
  constexpr const char* layer = transpose_name<rank>;
  check_sizes(layer, in, out, kernel, options.groups);
  xgrad::detail::check_options(layer, options);
  const xgrad::detail::Running running(layer);
  const Tensor values = kernels_of(in, out / options.groups, kernel);
  const std::int64_t fan_in = init::fans(values).in;
  weight = this->add_parameter("weight", init::default_(values, fan_in));
  if (options.bias)
    bias = this->add_parameter("bias", init::default_(Tensor::empty({out}), fan_in));
  options_.bias = true;
}

namespace {

/// The output_padding with which the result has this size.
template <int rank>
Extents<rank> padding_for(const Shape& size, const Shape& x, const Shape& weight,
                          const ConvTransposeOptions<rank>& o) {
  constexpr const char* layer = transpose_name<rank>;
  const bool is_image = x.size() == rank + 1 || x.size() == rank + 2;
  require<ShapeError>(is_image && (size.size() == rank || size.size() == x.size()),
                      "{}: output_size {} for input {}; it names the last {} axes or all of them",
                      layer, size, x, rank);
  Extents<rank> padding = 0;
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t asked = size[size.size() - rank + axis];
    const Size least = Size(x[x.size() - rank + axis] - 1, layer) * o.stride[axis] +
                       xgrad::detail::reach(layer, weight[axis + 2], o.dilation[axis]) -
                       2 * Size(o.padding[axis], layer);
    const Size most = least + o.stride[axis] - 1;
    require<ShapeError>(asked >= least.value() && asked <= most.value(),
                        "{}: output_size {} for input {}; axis {} can have {} to {}", layer, size,
                        x, axis, least.value(), most.value());
    padding[axis] = asked - least.value();
  }
  return padding;
}

}  // namespace

template <int rank>
Tensor ConvTranspose<rank>::forward(const Tensor& x, const Shape& output_size) {
  require_made(weight, transpose_name<rank>,
               of_rank<rank>("nn::ConvTranspose1d{16, 1, 5}", "nn::ConvTranspose2d{16, 1, 5}",
                             "nn::ConvTranspose3d{16, 1, 5}"));
  ConvTransposeOptions<rank> options = options_;
  if (!output_size.empty())
    options.output_padding = padding_for(output_size, x.shape(), weight.shape(), options_);
  return of_rank<rank>(conv_transpose1d, conv_transpose2d, conv_transpose3d)(x, weight, bias,
                                                                             options);
}

template class Conv<1>;
template class Conv<2>;
template class Conv<3>;
template class ConvTranspose<1>;
template class ConvTranspose<2>;
template class ConvTranspose<3>;

}  // namespace xgrad::nn::detail
