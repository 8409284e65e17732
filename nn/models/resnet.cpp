#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/models/parts.hpp>
#include <xgrad/nn/models/resnet.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/adaptive_pool.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/pool.hpp>
#include <xgrad/ops/shape.hpp>

#include <optional>

namespace xgrad::nn::models {
namespace {

using detail::conv_before_norm;

/// What is added to a block's result: its input, or that in the result's form.
std::optional<Sequential> projection(std::int64_t in, std::int64_t out, std::int64_t stride) {
  if (stride == 1 && in == out) return {};
  return Sequential{conv_before_norm(in, out, 1, stride), BatchNorm2d{out}};
}

}  // namespace

class ResidualBlock : public Module {
 public:
  Tensor forward(const Tensor& x) final {
    const Tensor y = branch(x);
    return relu(y + (downsample_ ? (*downsample_)(x) : x));
  }
  virtual BatchNorm2d& last_norm() = 0;

 protected:
  virtual Tensor branch(const Tensor& x) = 0;
  void add_downsample(std::optional<Sequential> downsample) {
    if (downsample) downsample_.emplace(add("downsample", std::move(*downsample)));
  }

 private:
  std::optional<Sequential> downsample_;
};

class BasicBlock final : public ResidualBlock {
 public:
  static constexpr std::int64_t expansion = 1;

  BasicBlock(std::int64_t in, std::int64_t width, std::int64_t stride)
      : conv1_(add("conv1", conv_before_norm(in, width, 3, stride))),
        bn1_(add("bn1", BatchNorm2d{width})),
        conv2_(add("conv2", conv_before_norm(width, width, 3))),
        bn2_(add("bn2", BatchNorm2d{width})) {
    add_downsample(projection(in, width, stride));
  }
  BatchNorm2d& last_norm() override { return bn2_; }

 private:
  Tensor branch(const Tensor& x) override { return bn2_(conv2_(relu(bn1_(conv1_(x))))); }

  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
};

class Bottleneck final : public ResidualBlock {
 public:
  static constexpr std::int64_t expansion = 4;

  Bottleneck(std::int64_t in, std::int64_t width, std::int64_t stride)
      : conv1_(add("conv1", conv_before_norm(in, width, 1))),
        bn1_(add("bn1", BatchNorm2d{width})),
        conv2_(add("conv2", conv_before_norm(width, width, 3, stride))),
        bn2_(add("bn2", BatchNorm2d{width})),
        conv3_(add("conv3", conv_before_norm(width, expansion * width, 1))),
        bn3_(add("bn3", BatchNorm2d{expansion * width})) {
    add_downsample(projection(in, expansion * width, stride));
  }
  BatchNorm2d& last_norm() override { return bn3_; }

 private:
  Tensor branch(const Tensor& x) override {
    return bn3_(conv3_(relu(bn2_(conv2_(relu(bn1_(conv1_(x))))))));
  }

  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Conv2d conv3_;
  BatchNorm2d bn3_;
};

namespace {

constexpr std::int64_t first_width = 64;

template <class B>
Sequential blocks_of(std::int64_t in, std::int64_t width, std::int64_t count, std::int64_t stride) {
  Sequential stage;
  stage.push_back(B(in, width, stride));
  for (std::int64_t i = 1; i < count; ++i) stage.push_back(B(B::expansion * width, width, 1));
  return stage;
}

std::int64_t expansion_of(ResNet::Block block) {
  return block == ResNet::Block::basic ? BasicBlock::expansion : Bottleneck::expansion;
}

/// Stage 0 to 3: each has half of the extent and twice the channels of the one before.
Sequential stage(ResNet::Block block, int number, std::int64_t count) {
  const std::int64_t width = first_width << number;
  const std::int64_t in = number == 0 ? width : expansion_of(block) * width / 2;
  const std::int64_t stride = number == 0 ? 1 : 2;
  return block == ResNet::Block::basic ? blocks_of<BasicBlock>(in, width, count, stride)
                                       : blocks_of<Bottleneck>(in, width, count, stride);
}

}  // namespace

ResNet::ResNet(Block block, const std::array<std::int64_t, 4>& blocks, const ResNetOptions& options)
    : small_images_(options.small_images) {
  constexpr std::int64_t most = 1000;  // each takes memory before the next is asked for
  for (const std::int64_t count : blocks)
    require<ValueError>(count > 0 && count <= most,
                        "ResNet: a stage of {} blocks; it must have 1 to {}", count, most);
  conv1 =
      add("conv1", options.small_images ? conv_before_norm(options.in_channels, first_width, 3)
                                        : conv_before_norm(options.in_channels, first_width, 7, 2));
  bn1 = add("bn1", BatchNorm2d{first_width});
  layer1 = add("layer1", stage(block, 0, blocks[0]));
  layer2 = add("layer2", stage(block, 1, blocks[1]));
  layer3 = add("layer3", stage(block, 2, blocks[2]));
  layer4 = add("layer4", stage(block, 3, blocks[3]));
  fc = add("fc", Linear{expansion_of(block) * (first_width << 3), options.num_classes});
  detail::init_convolutions(*this);
  if (options.zero_init_residual)
    apply([](Module& part) {
      if (auto* const residual = dynamic_cast<ResidualBlock*>(&part))
        init::zeros_(residual->last_norm().weight);
    });
}

Tensor ResNet::forward(const Tensor& x) {
  Tensor y = relu(bn1(conv1(x)));
  if (!small_images_) y = max_pool2d(y, 3, {.stride = 2, .padding = 1});
  y = layer4(layer3(layer2(layer1(std::move(y)))));
  return fc(flatten(adaptive_avg_pool2d(y, 1), 1));
}

ResNet resnet18(const ResNetOptions& options) {
  return ResNet(ResNet::Block::basic, {2, 2, 2, 2}, options);
}
ResNet resnet34(const ResNetOptions& options) {
  return ResNet(ResNet::Block::basic, {3, 4, 6, 3}, options);
}
ResNet resnet50(const ResNetOptions& options) {
  return ResNet(ResNet::Block::bottleneck, {3, 4, 6, 3}, options);
}

}  // namespace xgrad::nn::models
