#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/init.hpp>

#include <algorithm>
#include <cmath>

namespace xgrad::nn::init {

Tensor constant_(Tensor x, double value) {
  const xgrad::detail::Running running("constant_", x);
  const NoGradGuard guard;
  return x.fill_(value);
}

Tensor zeros_(Tensor x) {
  const xgrad::detail::Running running("zeros_", x);
  return constant_(std::move(x), 0);
}
Tensor ones_(Tensor x) {
  const xgrad::detail::Running running("ones_", x);
  return constant_(std::move(x), 1);
}

Tensor normal_(Tensor x, double mean, double std, Generator* generator) {
  const xgrad::detail::Running running("normal_", x);
  const NoGradGuard guard;
  return x.normal_(mean, std, generator);
}

Tensor uniform_(Tensor x, double low, double high, Generator* generator) {
  const xgrad::detail::Running running("uniform_", x);
  const NoGradGuard guard;
  return x.uniform_(low, high, generator);
}

Fans fans(const Tensor& weight) {
  const xgrad::detail::Running running("fans", weight);
  require<ShapeError>(weight.dim() >= 2, "{}: weight {} has no fans; it needs [out, in, …]",
                      xgrad::detail::running_or("fans"), weight.shape());
  std::int64_t field = 1;
  for (std::int64_t i = 2; i < weight.dim(); ++i) field *= weight.size(i);
  return {weight.size(1) * field, weight.size(0) * field};
}

Tensor kaiming_normal_(Tensor weight, double gain, Generator* generator) {
  const xgrad::detail::Running running("kaiming_normal_", weight);
  const double std = gain / std::sqrt(static_cast<double>(fans(weight).in));
  return normal_(std::move(weight), 0, std, generator);
}

Tensor kaiming_uniform_(Tensor weight, double gain, Generator* generator) {
  const xgrad::detail::Running running("kaiming_uniform_", weight);
  const std::int64_t fan = fans(weight).in;
  if (weight.numel() == 0) return weight;  // without a fan there is nothing to fill
  const double bound = gain * std::sqrt(3.0 / static_cast<double>(fan));
  return uniform_(std::move(weight), -bound, bound, generator);
}

Tensor xavier_normal_(Tensor weight, double gain, Generator* generator) {
  const xgrad::detail::Running running("xavier_normal_", weight);
  const auto [in, out] = fans(weight);
  const double std = gain * std::sqrt(2.0 / static_cast<double>(in + out));
  return normal_(std::move(weight), 0, std, generator);
}

Tensor xavier_uniform_(Tensor weight, double gain, Generator* generator) {
  const xgrad::detail::Running running("xavier_uniform_", weight);
  const auto [in, out] = fans(weight);
  if (weight.numel() == 0) return weight;
  const double bound = gain * std::sqrt(6.0 / static_cast<double>(in + out));
  return uniform_(std::move(weight), -bound, bound, generator);
}

Tensor dirac_(Tensor weight) {
  const xgrad::detail::Running running("dirac_", weight);
  require<ShapeError>(weight.dim() >= 3 && weight.dim() <= 5,
                      "dirac_: weight {} is not a convolution's, [out, in, …]", weight.shape());
  zeros_(weight);
  if (weight.numel() == 0) return weight;
  const NoGradGuard guard;
  for (std::int64_t i = 0; i < std::min(weight.size(0), weight.size(1)); ++i) {
    Tensor centre = weight[i][i];
    while (centre.dim() > 0) centre = centre[centre.size(0) / 2];
    centre.fill_(1);
  }
  return weight;
}

Tensor assignment_(Tensor weight, double fan, double scale, Generator* generator) {
  const xgrad::detail::Running running("assignment_", weight);
  require<ValueError>(fan > 0, "assignment_: a fan of {}; it must be positive", fan);
  require<ValueError>(scale >= 0, "assignment_: a scale of {}; it must not be negative", scale);
  return normal_(std::move(weight), 0, scale / std::sqrt(fan / 2), generator);
}

Tensor default_(Tensor x, std::int64_t fan_in) {
  const xgrad::detail::Running running("default_", x);
  const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  return uniform_(std::move(x), -bound, bound);
}

}  // namespace xgrad::nn::init
