#pragma once
#include <xgrad/nn/sequential.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad::nn::models {

struct MobileNetV2Options {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  double width_mult = 1;  ///< of the channels, which are then rounded to multiples of 8
  double dropout = 0.2;   ///< before the classifier
};

/// Inverted residuals with depthwise convolutions (Sandler et al., arXiv:1801.04381): images [N,
/// in_channels, H, W] to logits [N, num_classes]. Parameters have torchvision's names, so that its
/// weights load. ValueError for a width_mult outside (0, 1000], and where the dropout is no
/// probability.
class MobileNetV2 : public Module {
 public:
  explicit MobileNetV2(const MobileNetV2Options& options = {});

  Tensor forward(const Tensor& x) override;

  Sequential features, classifier;
};

}  // namespace xgrad::nn::models

#pragma GCC visibility pop
