// Apart from the other initialisers, because linear algebra's headers are slow to compile.

#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/ops/kernels/room.hpp>
#include <xgrad/ops/ops.hpp>
#include <xgrad/xtensor.hpp>

#include <cmath>
#include <vector>

#if __has_include(<xtensor-blas/xlinalg.hpp>)
#include <xtensor-blas/xlinalg.hpp>
#else
#include <xtensor/blas/xlinalg.hpp>
#endif

namespace xgrad::nn::init {
namespace {

/// Σ p pᵀ / count over all patches p of height × width.
xt::xtensor<double, 2> second_moments(const Tensor& images, std::int64_t height,
                                      std::int64_t width) {
  const std::int64_t rows = images.size(2) - height + 1;
  const std::int64_t columns = images.size(3) - width + 1;
  const std::int64_t size = images.size(1) * height * width;
  // Row (c, i, j) holds that value of every patch.
  std::vector<Tensor> shifted;
  for (std::int64_t c = 0; c < images.size(1); ++c)
    for (std::int64_t i = 0; i < height; ++i)
      for (std::int64_t j = 0; j < width; ++j)
        shifted.push_back(images.slice(1, c, c + 1).slice(2, i, i + rows).slice(3, j, j + columns));
  const Tensor patches =
      reshape(stack(shifted), {size, images.size(0) * rows * columns}).to(float64);
  const Tensor sums =
      matmul(patches, transpose(patches, 0, 1)) / static_cast<double>(patches.size(1));
  return array<double>(sums);
}

}  // namespace

Tensor whitening_(Tensor weight, const Tensor& images, double eps) {
  const xgrad::detail::Running running("whitening_", weight, images);
  require<ShapeError>(images.dim() == 4 && weight.dim() == 4 && weight.numel() > 0 &&
                          images.numel() > 0 && weight.size(1) == images.size(1) &&
                          weight.size(2) <= images.size(2) && weight.size(3) <= images.size(3) &&
                          weight.size(0) == 2 * weight.size(1) * weight.size(2) * weight.size(3),
                      "whitening_: weight {} does not fit images {}; for channels C and patches "
                      "H×W it is [2·C·H·W, C, H, W]",
                      weight.shape(), images.shape());
  require<ValueError>(all_finite(images), "whitening_: the images {} hold NaN or infinity",
                      images.shape());
  const NoGradGuard guard;
  const auto moments = second_moments(images, weight.size(2), weight.size(3));
  require<MemoryError>(kernels::has_room(kernels::room_for_openblas),
                       "whitening_: no memory for {} bytes of OpenBLAS's buffers",
                       kernels::room_for_openblas);
  const auto [values, vectors] = [&] {
    const xgrad::detail::SerialScope serial;
    return xt::linalg::eigh(moments);
  }();
  const auto size = static_cast<std::size_t>(weight.size(0) / 2);
  dispatch_floating(weight.dtype(), "whitening_", [&, &lambda = values, &v = vectors]<class T>() {
    T* out = weight.mutable_data<T>();
    for (std::size_t k = 0; k < size; ++k) {
      const std::size_t from = size - 1 - k;  // eigenvalues ascend
      for (std::size_t i = 0; i < size; ++i) {
        const auto value = static_cast<T>(v(i, from) / std::sqrt(lambda(from) + eps));
        out[k * size + i] = value;
        out[(size + k) * size + i] = -value;
      }
    }
  });
  return weight;
}

}  // namespace xgrad::nn::init
