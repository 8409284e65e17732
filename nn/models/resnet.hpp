#pragma once
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/nn/sequential.hpp>

#include <array>
#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad::nn::models {

struct ResNetOptions {
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  /// For images of 32x32, such as CIFAR-10's: they begin with a convolution of 3x3 and stride 1 in
  /// place of 7x7 and stride 2, and no pool follows it.
  bool small_images = false;
  /// Every block starts as the identity: its last batch norm multiplies by 0 (Goyal et al.,
  /// arXiv:1706.02677).
  bool zero_init_residual = false;
};

/// Residual networks (He et al., arXiv:1512.03385): images [N, in_channels, H, W] to logits [N,
/// num_classes]. Parameters have torchvision's names, so that its weights load. Of a bottleneck the
/// 3x3 convolution has the stride, as there.
class ResNet : public Module {
 public:
  enum class Block { basic, bottleneck };

  /// Four stages of so many blocks each, 1 to 1,000 (ValueError).
  ResNet(Block block, const std::array<std::int64_t, 4>& blocks, const ResNetOptions& options = {});

  Tensor forward(const Tensor& x) override;

  Conv2d conv1;
  BatchNorm2d bn1;
  Sequential layer1, layer2, layer3, layer4;
  Linear fc;

 private:
  bool small_images_;
};

ResNet resnet18(const ResNetOptions& options = {});
ResNet resnet34(const ResNetOptions& options = {});
ResNet resnet50(const ResNetOptions& options = {});

}  // namespace xgrad::nn::models

#pragma GCC visibility pop
