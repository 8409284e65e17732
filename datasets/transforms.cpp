#include <xgrad/autograd/raise.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>

#include <algorithm>

namespace xgrad::datasets::transforms {

Transform scale(double factor) {
  return [factor](const Tensor& x) { return x * factor; };
}

Transform normalize(const std::vector<double>& mean, const std::vector<double>& std) {
  require<ValueError>(!mean.empty() && mean.size() == std.size(),
                      "normalize: {} means and {} deviations; give one of each for every channel",
                      mean.size(), std.size());
  for (double deviation : std)
    require<ValueError>(deviation > 0, "normalize: a deviation of {}; it must be positive",
                        deviation);
  const auto channels = static_cast<std::int64_t>(mean.size());
  const Tensor shift = from_vector(mean, Shape{channels, 1, 1}, {.dtype = float32});
  const Tensor width = from_vector(std, Shape{channels, 1, 1}, {.dtype = float32});
  return [shift, width](const Tensor& x) {
    require<ShapeError>(x.dim() >= 3 && (shift.numel() == 1 || x.size(-3) == shift.numel()),
                        "normalize: images {} for {} channels", x.shape(), shift.numel());
    return (x - shift) / width;
  };
}

Transform denormalize(const std::vector<double>& mean, const std::vector<double>& std) {
  // x σ + µ = (x − (−µ/σ)) / (1/σ)
  std::vector<double> shift, width;
  for (std::size_t i = 0; i < std::min(mean.size(), std.size()); ++i) {
    shift.push_back(-mean[i] / std[i]);
    width.push_back(1 / std[i]);
  }
  normalize(mean, std);  // its checks and messages
  return normalize(shift, width);
}

Transform compose(std::vector<Transform> transforms) {
  return [transforms = std::move(transforms)](const Tensor& x) {
    Tensor y = x;
    for (const Transform& transform : transforms) y = transform(y);
    return y;
  };
}

}  // namespace xgrad::datasets::transforms
