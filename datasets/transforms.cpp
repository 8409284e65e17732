#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/matmul.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad::datasets::transforms {

Transform scale(double factor) {
  return [factor](const Tensor& x) {
    const xgrad::detail::Running running("scale", x);
    return x * factor;
  };
}

namespace {

void check(const char* name, const std::vector<double>& mean, const std::vector<double>& std) {
  require<ValueError>(!mean.empty() && mean.size() == std.size(),
                      "{}: {} means and {} deviations; give one of each for every channel", name,
                      mean.size(), std.size());
  for (double deviation : std)
    require<ValueError>(deviation > 0, "{}: a deviation of {}; it must be positive", name,
                        deviation);
}

/// (x − mean) / std
Transform standardized(const char* name, const std::vector<double>& mean,
                       const std::vector<double>& std) {
  const auto channels = static_cast<std::int64_t>(mean.size());
  const Tensor shift = from_vector(mean, Shape{channels, 1, 1}, {.dtype = float32});
  const Tensor width = from_vector(std, Shape{channels, 1, 1}, {.dtype = float32});
  return [name, shift, width](const Tensor& x) {
    const xgrad::detail::Running running(name, x);
    require<ShapeError>(x.dim() >= 3 && (shift.numel() == 1 || x.size(-3) == shift.numel()),
                        "{}: images {} for {} channels", name, x.shape(), shift.numel());
    require<DTypeError>(x.dtype() != boolean, "{}: images of {} are no numbers", name, x.dtype());
    return (x - shift) / width;
  };
}

}  // namespace

Transform normalize(const std::vector<double>& mean, const std::vector<double>& std) {
  check("normalize", mean, std);
  return standardized("normalize", mean, std);
}

Transform denormalize(const std::vector<double>& mean, const std::vector<double>& std) {
  // x σ + µ = (x − (−µ/σ)) / (1/σ)
  check("denormalize", mean, std);
  std::vector<double> shift, width;
  for (std::size_t i = 0; i < mean.size(); ++i) {
    shift.push_back(-mean[i] / std[i]);
    width.push_back(1 / std[i]);
  }
  return standardized("denormalize", shift, width);
}

namespace {

/// Where position i lies that may stick out of [0, n), reflected at the first or last one.
std::int64_t reflected(std::int64_t i, std::int64_t n) {
  if (i < 0) return -i;
  return i < n ? i : 2 * (n - 1) - i;
}

/// out[j] = in[j − offset], reflected.
template <class T>
void move_row(const T* in, std::int64_t n, std::int64_t offset, T* out) {
  const std::int64_t begin = std::max<std::int64_t>(offset, 0);
  const std::int64_t end = std::min(n, n + offset);
  for (std::int64_t j = 0; j < begin; ++j) out[j] = in[reflected(j - offset, n)];
  std::copy(in + begin - offset, in + end - offset, out + begin);
  for (std::int64_t j = end; j < n; ++j) out[j] = in[reflected(j - offset, n)];
}

}  // namespace

Tensor translated(const Tensor& images, std::span<const Offset> offsets) {
  const xgrad::detail::Running running("translated", images);
  require<ShapeError>(
      images.dim() == 4 && images.size(0) == static_cast<std::int64_t>(offsets.size()),
      "translated: images {} and {} offsets", images.shape(), offsets.size());
  const std::int64_t channels = images.size(1);
  const std::int64_t height = images.size(2);
  const std::int64_t width = images.size(3);
  for (const Offset& offset : offsets)
    require<ShapeError>(-height < offset.down && offset.down < height && -width < offset.right &&
                            offset.right < width,
                        "translated: images {} moved by {}, {}", images.shape(), offset.down,
                        offset.right);
  Tensor result = Tensor::empty(images.shape(), images.dtype());
  if (images.numel() == 0) return result;  // of which there may be 2⁶² rows
  const Tensor rows = xgrad::detail::in_rows(images);
  dispatch_floating(images.dtype(), "translated", [&]<class T>() {
    const T* in = rows.data<T>();
    T* out = result.mutable_data<T>();
    for (const Offset& offset : offsets)
      for (std::int64_t c = 0; c < channels; ++c, in += height * width)
        for (std::int64_t y = 0; y < height; ++y, out += width)
          move_row(in + reflected(y - offset.down, height) * width, width, offset.right, out);
  });
  return result;
}

Transform translate(std::int64_t down, std::int64_t right) {
  return [=](const Tensor& x) {
    const xgrad::detail::Running running("translate", x);
    require<ShapeError>(x.dim() == 4, "translate: images {} are not [N, C, H, W]", x.shape());
    auto offsets = values_of<Offset>(x.size(0), "translate");
    std::ranges::fill(offsets, Offset{down, right});
    return translated(x, offsets);
  };
}

namespace {

/// [to, from]: how much of each old pixel is in each new one.
Tensor resampling(std::int64_t from, std::int64_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);  // in old pixels
  const double reach = std::max(step, 1.0);
  Tensor all = Tensor::empty({to, from}, float64);
  double* weight = all.mutable_data<double>();
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * step;
    for (std::int64_t j = 0; j < from; ++j) {
      const double distance = std::abs(static_cast<double>(j) + 0.5 - centre);
      *weight++ = std::max(0.0, 1 - distance / reach);
    }
  }
  return all / all.sum({1}, true);
}

}  // namespace

Transform resize(std::int64_t height, std::int64_t width) {
  require<ValueError>(height > 0 && width > 0, "resize: to {} x {}; both must be positive", height,
                      width);
  return [height, width](const Tensor& x) {
    const xgrad::detail::Running running("resize", x);
    require<DTypeError>(is_floating(x.dtype()), "resize: takes float32 or float64, got {}",
                        x.dtype());
    require<ShapeError>(x.dim() >= 2 && x.numel() > 0, "resize: {} is no image", x.shape());
    const Tensor rows = resampling(x.size(-2), height).to(x.dtype());
    const Tensor columns = resampling(x.size(-1), width).to(x.dtype());
    return matmul(matmul(rows, x), columns.transpose(0, 1));
  };
}

Transform compose(std::vector<Transform> transforms) {
  for (std::size_t i = 0; i < transforms.size(); ++i)
    require<ValueError>(static_cast<bool>(transforms[i]), "compose: transform {} is empty", i);
  return [transforms = std::move(transforms)](const Tensor& x) {
    Tensor y = x;
    for (const Transform& transform : transforms) y = transform(y);
    return y;
  };
}

}  // namespace xgrad::datasets::transforms
