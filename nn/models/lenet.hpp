#pragma once
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/linear.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad::nn::models {

struct LeNetOptions {
  std::int64_t num_classes = 10;
  std::int64_t in_channels = 1;
};

/// LeNet-5 (LeCun et al., "Gradient-based learning applied to document recognition", 1998) as it is
/// taught today, with rectifiers and pools of maxima: images [N, in_channels, 28, 28] to logits [N,
/// num_classes].
class LeNet : public Module {
 public:
  explicit LeNet(const LeNetOptions& options = {});
  Tensor forward(const Tensor& x) override;

  Conv2d conv1, conv2;
  Linear fc1, fc2, fc3;
};

}  // namespace xgrad::nn::models

#pragma GCC visibility pop
