#pragma once
#include <xgrad/nn/sequential.hpp>

#include <cstdint>
#include <span>

#pragma GCC visibility push(default)

namespace xgrad::nn::models {

struct VGGOptions {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  bool batch_norm = false;  ///< behind each convolution: torchvision's vgg11_bn and so on
  double dropout = 0.5;
  std::int64_t hidden = 4096;  ///< outputs of the two layers before the last
};

/// Networks of 3x3 convolutions (Simonyan and Zisserman, arXiv:1409.1556): images [N, in_channels,
/// H, W] of 32x32 at least to logits [N, num_classes]. Parameters have torchvision's names, so that
/// its weights load.
class VGG : public Module {
 public:
  /// `widths` are the convolutions' output channels, and 0 stands for a pool that halves the
  /// extent. ValueError for others, and where the dropout is no probability.
  explicit VGG(std::span<const std::int64_t> widths, const VGGOptions& options = {});

  Tensor forward(const Tensor& x) override;

  Sequential features, classifier;
};

VGG vgg11(const VGGOptions& options = {});
VGG vgg13(const VGGOptions& options = {});
VGG vgg16(const VGGOptions& options = {});
VGG vgg19(const VGGOptions& options = {});

}  // namespace xgrad::nn::models

#pragma GCC visibility pop
