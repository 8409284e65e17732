#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/pooling.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/windows.hpp>

namespace xgrad {

template <int rank>
void detail::check_window(const char* operation, const Extents<rank>& kernel,
                          const MaxUnpoolOptions<rank>& options) {
  const Extents<rank> stride = options.stride == 0 ? kernel : options.stride;
  require<ValueError>(at_least(1, kernel) && at_least(1, stride) && at_least(0, options.padding),
                      "{}: window {} and stride {} must be positive, padding {} not negative",
                      operation, kernel, stride, options.padding);
}

template void detail::check_window(const char*, const Extents<1>&, const MaxUnpoolOptions<1>&);
template void detail::check_window(const char*, const Extents<2>&, const MaxUnpoolOptions<2>&);
template void detail::check_window(const char*, const Extents<3>&, const MaxUnpoolOptions<3>&);

namespace {

/// What the last axes of the output are: as the options say, or as a pool would have had it.
template <int rank>
Extents<rank> unpooled_size(const char* operation, const Shape& x, const Extents<rank>& kernel,
                            const MaxUnpoolOptions<rank>& options) {
  const Extents<rank> stride = options.stride == 0 ? kernel : options.stride;
  detail::check_window(operation, kernel, options);
  const Shape& asked = options.output_size;
  const std::size_t axes = rank;
  require<ShapeError>(asked.size() == 0 || asked.size() == axes || asked.size() == axes + 2,
                      "{}: output_size {} must name the last {} axes, or those of images in a "
                      "batch",
                      operation, asked, rank);
  Extents<rank> size = 0;
  for (std::size_t i = 0; i < axes; ++i) {
    const Size usual = Size(x[x.size() - axes + i] - 1, operation) * stride[i] + kernel[i] -
                       2 * Size(options.padding[i], operation);
    size[i] = asked.size() == 0 ? usual.value() : asked[asked.size() - axes + i];
    const std::int64_t least = (usual - stride[i] + 1).value();
    const std::int64_t most = (usual + stride[i] - 1).value();
    require<ValueError>(
        size[i] >= least && size[i] <= most,
        "{}: output_size {} for input {}, window {}, stride {} and padding {}, which "
        "need {} to {} in axis {} of a channel",
        operation, asked, x, kernel, stride, options.padding, least, most, i);
  }
  require<ShapeError>(at_least(1, size),
                      "{}: input {}, window {} and padding {} leave an output {}", operation, x,
                      kernel, options.padding, size);
  return size;
}

// y = x where the indices say, in each plane;  dL/dx = dL/dy there
template <int rank>
Tensor max_unpool(Op op, const Tensor& x, const Tensor& indices, const Extents<rank>& kernel,
                  const MaxUnpoolOptions<rank>& options) {
  const detail::Running running(name(op), x, indices);
  const kernels::Windows planes = detail::planes_of<rank>(name(op), x.shape());
  require<ShapeError>(indices.shape() == x.shape(), "{}: indices {} for values {}", name(op),
                      indices.shape(), x.shape());
  Shape shape = x.shape();
  Size values(1, name(op));
  const Extents<rank> size = unpooled_size(name(op), x.shape(), kernel, options);
  for (std::size_t i = 0; i < rank; ++i) {
    shape[shape.size() - rank + i] = size[i];
    values = values * size[i];
  }
  const Shape rows{planes.planes, planes.values()};
  const Tensor none = zeros({planes.planes, values.value()}, {.dtype = x.dtype()});
  return reshape(scatter(none, 1, reshape(indices, rows), reshape(x, rows)), shape);
}

}  // namespace

Tensor max_unpool1d(const Tensor& x, const Tensor& indices, Extents<1> kernel,
                    const MaxUnpoolOptions<1>& options) {
  return max_unpool(Op::max_unpool1d, x, indices, kernel, options);
}
Tensor max_unpool2d(const Tensor& x, const Tensor& indices, Extents<2> kernel,
                    const MaxUnpoolOptions<2>& options) {
  return max_unpool(Op::max_unpool2d, x, indices, kernel, options);
}
Tensor max_unpool3d(const Tensor& x, const Tensor& indices, Extents<3> kernel,
                    const MaxUnpoolOptions<3>& options) {
  return max_unpool(Op::max_unpool3d, x, indices, kernel, options);
}

}  // namespace xgrad
