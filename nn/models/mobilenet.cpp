#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/models/mobilenet.hpp>
#include <xgrad/nn/models/parts.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/ops/adaptive_pool.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>

namespace xgrad::nn::models {
namespace {

/// The nearest multiple of 8 that is at least 8 and not below nine tenths of `channels`.
std::int64_t rounded(double channels) {
  constexpr std::int64_t divisor = 8;
  const auto nearest = static_cast<std::int64_t>(channels + divisor / 2) / divisor * divisor;
  const std::int64_t result = std::max(divisor, nearest);
  return static_cast<double>(result) < 0.9 * channels ? result + divisor : result;
}

Sequential conv_norm_relu6(std::int64_t in, std::int64_t out, std::int64_t kernel,
                           std::int64_t stride = 1, std::int64_t groups = 1) {
  return Sequential{detail::conv_before_norm(in, out, kernel, stride, groups), BatchNorm2d{out},
                    ReLU6{}};
}

class InvertedResidual final : public Module {
 public:
  InvertedResidual(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t expansion)
      : conv_(add("conv", Sequential{})), residual_(stride == 1 && in == out) {
    const std::int64_t hidden = in * expansion;
    if (expansion != 1) conv_.push_back(conv_norm_relu6(in, hidden, 1));
    conv_.push_back(conv_norm_relu6(hidden, hidden, 3, stride, hidden));
    conv_.push_back(detail::conv_before_norm(hidden, out, 1));
    conv_.push_back(BatchNorm2d{out});
  }
  Tensor forward(const Tensor& x) override { return residual_ ? x + conv_(x) : conv_(x); }

 private:
  Sequential conv_;
  bool residual_;
};

/// Blocks of one width, of which the first has the stride: the paper's table 2.
struct Stage {
  std::int64_t expansion, channels, blocks, stride;
};
constexpr Stage stages[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                            {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};

}  // namespace

MobileNetV2::MobileNetV2(const MobileNetV2Options& options)
    : features(add("features", Sequential{})), classifier(add("classifier", Sequential{})) {
  const double width = options.width_mult;
  constexpr double most = 1000;  // products of channels stay below 2⁶³
  require<ValueError>(width > 0 && width <= most,
                      "MobileNetV2: width_mult is {}, it must lie in (0, {}]", width, most);
  std::int64_t in = rounded(32 * width);
  features.push_back(conv_norm_relu6(options.in_channels, in, 3, 2));
  for (const Stage& stage : stages) {
    const std::int64_t out = rounded(static_cast<double>(stage.channels) * width);
    for (std::int64_t i = 0; i < stage.blocks; ++i) {
      features.push_back(InvertedResidual(in, out, i == 0 ? stage.stride : 1, stage.expansion));
      in = out;
    }
  }
  const std::int64_t last = rounded(1280 * std::max(1., width));
  features.push_back(conv_norm_relu6(in, last, 1));
  classifier.push_back(Dropout{options.dropout});
  Linear linear{last, options.num_classes};
  init::normal_(linear.weight, 0, 0.01);
  init::zeros_(linear.bias);
  classifier.push_back(std::move(linear));
  detail::init_convolutions(*this);
}

Tensor MobileNetV2::forward(const Tensor& x) {
  return classifier(flatten(adaptive_avg_pool2d(features(x), 1), 1));
}

}  // namespace xgrad::nn::models
