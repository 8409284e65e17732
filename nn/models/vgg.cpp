#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/models/parts.hpp>
#include <xgrad/nn/models/vgg.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/nn/pool.hpp>
#include <xgrad/ops/adaptive_pool.hpp>
#include <xgrad/ops/shape.hpp>

#include <array>
#include <vector>

namespace xgrad::nn::models {
namespace {

/// Five stages of so many convolutions each, and a pool behind each stage.
VGG vgg(const std::array<int, 5>& convolutions, const VGGOptions& options) {
  constexpr std::array<std::int64_t, 5> width = {64, 128, 256, 512, 512};
  std::vector<std::int64_t> widths;
  for (std::size_t stage = 0; stage < width.size(); ++stage) {
    widths.insert(widths.end(), static_cast<std::size_t>(convolutions[stage]), width[stage]);
    widths.push_back(0);
  }
  return VGG(widths, options);
}

Linear fully_connected(std::int64_t in, std::int64_t out) {
  Linear layer{in, out};
  init::normal_(layer.weight, 0, 0.01);
  init::zeros_(layer.bias);
  return layer;
}

}  // namespace

VGG::VGG(std::span<const std::int64_t> widths, const VGGOptions& options)
    : features(add("features", Sequential{})), classifier(add("classifier", Sequential{})) {
  std::int64_t in = options.in_channels;
  require<ValueError>(in > 0, "VGG: in_channels is {}; it must be positive", in);
  for (const std::int64_t width : widths) {
    require<ValueError>(width >= 0, "VGG: a convolution of {} channels; 0 stands for a pool",
                        width);
    if (width == 0) {
      features.push_back(MaxPool2d{2});
      continue;
    }
    features.push_back(Conv2d{in, width, 3, {.padding = 1}});
    if (options.batch_norm) features.push_back(BatchNorm2d{width});
    features.push_back(ReLU{});
    in = width;
  }
  constexpr std::int64_t extent = 7;
  const std::int64_t pooled = (Size(in, "VGG") * extent * extent).value();
  classifier.push_back(fully_connected(pooled, options.hidden));
  classifier.push_back(ReLU{});
  classifier.push_back(Dropout{options.dropout});
  classifier.push_back(fully_connected(options.hidden, options.hidden));
  classifier.push_back(ReLU{});
  classifier.push_back(Dropout{options.dropout});
  classifier.push_back(fully_connected(options.hidden, options.num_classes));
  detail::init_convolutions(*this);
}

Tensor VGG::forward(const Tensor& x) {
  return classifier(flatten(adaptive_avg_pool2d(features(x), 7), 1));
}

VGG vgg11(const VGGOptions& options) { return vgg({1, 1, 2, 2, 2}, options); }
VGG vgg13(const VGGOptions& options) { return vgg({2, 2, 2, 2, 2}, options); }
VGG vgg16(const VGGOptions& options) { return vgg({2, 2, 3, 3, 3}, options); }
VGG vgg19(const VGGOptions& options) { return vgg({2, 2, 4, 4, 4}, options); }

}  // namespace xgrad::nn::models
