#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/indexing.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/special.hpp>

#include <algorithm>
#include <array>
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

namespace {

/// N(0, gain² / fan).
Tensor fan_normal_(Tensor weight, double gain, std::int64_t fan, Generator* generator) {
  return normal_(std::move(weight), 0, gain / std::sqrt(static_cast<double>(fan)), generator);
}

Tensor fan_uniform_(Tensor weight, double gain, std::int64_t fan, Generator* generator) {
  if (weight.numel() == 0) return weight;  // without a fan there is nothing to fill
  const double bound = gain * std::sqrt(3.0 / static_cast<double>(fan));
  return uniform_(std::move(weight), -bound, bound, generator);
}

std::int64_t fan_of(const Tensor& weight, std::string_view mode) {
  const auto [in, out] = fans(weight);
  require<ValueError>(mode == "fan_in" || mode == "fan_out",
                      "{}: there is no mode '{}'; fan_in or fan_out",
                      xgrad::detail::running_or("fan"), mode);
  return mode == "fan_in" ? in : out;
}

double gain_of(const KaimingOptions& options) {
  const bool is_leaky = options.nonlinearity == "leaky_relu";
  return calculate_gain(options.nonlinearity, is_leaky ? std::optional(options.a) : std::nullopt);
}

}  // namespace

double calculate_gain(std::string_view nonlinearity, std::optional<double> param) {
  using Gain = std::pair<std::string_view, double>;
  static const std::array<Gain, 11> gains{{{"linear", 1},
                                           {"conv1d", 1},
                                           {"conv2d", 1},
                                           {"conv3d", 1},
                                           {"conv_transpose1d", 1},
                                           {"conv_transpose2d", 1},
                                           {"conv_transpose3d", 1},
                                           {"sigmoid", 1},
                                           {"tanh", 5.0 / 3},
                                           {"relu", std::sqrt(2.0)},
                                           {"selu", 0.75}}};
  if (nonlinearity == "leaky_relu") {
    const double slope = param.value_or(0.01);
    require<ValueError>(std::isfinite(slope), "calculate_gain: a slope of {}; it must be finite",
                        slope);
    return std::sqrt(2 / (1 + slope * slope));
  }
  const auto found = std::ranges::find(gains, nonlinearity, &Gain::first);
  require<ValueError>(found != gains.end(),
                      "calculate_gain: there is no gain for '{}'; linear, sigmoid, tanh, relu, "
                      "leaky_relu, selu or a convolution",
                      excerpt(nonlinearity));
  require<ValueError>(!param, "calculate_gain: {} has no parameter; leaky_relu has its slope",
                      nonlinearity);
  return found->second;
}

Tensor kaiming_normal_(Tensor weight, double gain, Generator* generator) {
  const xgrad::detail::Running running("kaiming_normal_", weight);
  const std::int64_t fan = fans(weight).in;
  return fan_normal_(std::move(weight), gain, fan, generator);
}

Tensor kaiming_uniform_(Tensor weight, double gain, Generator* generator) {
  const xgrad::detail::Running running("kaiming_uniform_", weight);
  const std::int64_t fan = fans(weight).in;
  return fan_uniform_(std::move(weight), gain, fan, generator);
}

Tensor kaiming_normal_(Tensor weight, const KaimingOptions& options, Generator* generator) {
  const xgrad::detail::Running running("kaiming_normal_", weight);
  const std::int64_t fan = fan_of(weight, options.mode);
  return fan_normal_(std::move(weight), gain_of(options), fan, generator);
}

Tensor kaiming_uniform_(Tensor weight, const KaimingOptions& options, Generator* generator) {
  const xgrad::detail::Running running("kaiming_uniform_", weight);
  const std::int64_t fan = fan_of(weight, options.mode);
  return fan_uniform_(std::move(weight), gain_of(options), fan, generator);
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

Tensor eye_(Tensor x) {
  const xgrad::detail::Running running("eye_", x);
  require<ShapeError>(x.dim() == 2, "eye_: {} is no matrix", x.shape());
  const NoGradGuard guard;
  return x.copy_(eye(x.size(0), x.size(1), {.dtype = x.dtype()}));
}

Tensor orthogonal_(Tensor x, double gain, Generator* generator) {
  const xgrad::detail::Running running("orthogonal_", x);
  require<ShapeError>(x.dim() >= 2, "orthogonal_: {} is no matrix; it needs 2 axes or more",
                      x.shape());
  require<ValueError>(std::isfinite(gain), "orthogonal_: a gain of {}; it must be finite", gain);
  require<DTypeError>(is_floating(x.dtype()), "orthogonal_: {} is not floating", x.dtype());
  if (x.numel() == 0) return x;
  const NoGradGuard guard;
  const std::int64_t rows = x.size(0);
  const std::int64_t columns = x.numel() / rows;
  const DType dtype = x.dtype() == float64 ? float64 : float32;
  const Tensor drawn = randn({rows, columns}, {.dtype = dtype, .generator = generator});
  const bool is_wide = rows < columns;
  const auto [q, r] = linalg::qr(is_wide ? drawn.t() : drawn);
  const Tensor signed_q = q * where(diagonal(r) < 0, -gain, gain).to(dtype);
  return x.copy_((is_wide ? signed_q.t() : signed_q).reshape(x.shape()));
}

Tensor trunc_normal_(Tensor x, double mean, double std, double a, double b, Generator* generator) {
  const xgrad::detail::Running running("trunc_normal_", x);
  require<ValueError>(std::isfinite(mean), "trunc_normal_: a mean of {}; it must be finite", mean);
  require<ValueError>(std > 0 && std::isfinite(std),
                      "trunc_normal_: a deviation of {}; it must be positive and finite", std);
  require<ValueError>(a < b && std::isfinite(a) && std::isfinite(b),
                      "trunc_normal_: from {} to {}; both must be finite and the first smaller", a,
                      b);
  require<DTypeError>(is_floating(x.dtype()), "trunc_normal_: {} is not floating", x.dtype());
  const auto place = [&](double at) { return std::erf((at - mean) / std / std::sqrt(2.0)); };
  require<ValueError>(place(a) < place(b),
                      "trunc_normal_: of mean {} and deviation {} nothing lies between {} and {}",
                      mean, std, a, b);
  const NoGradGuard guard;
  const Tensor y = Tensor::empty(x.shape(), float64).uniform_(place(a), place(b), generator);
  return x.copy_(clamp(erfinv(y) * (std * std::sqrt(2.0)) + mean, a, b));
}

Tensor sparse_(Tensor x, double sparsity, double std, Generator* generator) {
  const xgrad::detail::Running running("sparse_", x);
  require<ShapeError>(x.dim() == 2, "sparse_: {} is no matrix", x.shape());
  require<ValueError>(sparsity >= 0 && sparsity <= 1,
                      "sparse_: a sparsity of {}; it must lie in [0, 1]", sparsity);
  normal_(x, 0, std, generator);
  const NoGradGuard guard;
  const std::int64_t rows = x.size(0);
  const auto zeros = static_cast<std::int64_t>(std::ceil(sparsity * static_cast<double>(rows)));
  for (std::int64_t column = 0; column < x.size(1) && zeros > 0; ++column) {
    const Tensor order = randperm(rows, {.generator = generator});
    x.select(1, column).index_put_({order.slice(0, 0, zeros)}, 0);
  }
  return x;
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
