// Models, made with any options and called with a tiny batch.

#include <xgrad/nn/models/gpt.hpp>
#include <xgrad/nn/models/lenet.hpp>
#include <xgrad/nn/models/mobilenet.hpp>
#include <xgrad/nn/models/resnet.hpp>
#include <xgrad/nn/models/unet.hpp>
#include <xgrad/nn/models/vgg.hpp>
#include <xgrad/nn/models/vit.hpp>

#include "hostile.hpp"

using namespace hostile;
using namespace xgrad::nn::models;

namespace {

GPTOptions small_gpt() {
  return {.vocab_size = 5, .block_size = 4, .n_layer = 1, .n_head = 2, .n_embd = 4, .dropout = 0};
}

VisionTransformerOptions small_vit() {
  return {.image_size = 4,
          .patch_size = 2,
          .num_layers = 1,
          .num_heads = 2,
          .hidden_dim = 4,
          .mlp_dim = 3,
          .num_classes = 2,
          .in_channels = 1};
}

ResNet resnet(std::int64_t blocks, std::int64_t channels, std::int64_t classes) {
  return ResNet(ResNet::Block::basic, {1, blocks, 1, 1},
                {.num_classes = classes, .in_channels = channels, .small_images = true});
}

}  // namespace

TEST_CASE("hostile: options of models") {
  sweep({
      {"LeNet|Conv2d|Linear",
       [](Arguments& from) {
         const std::int64_t classes = from.size(3);
         const LeNet net({.num_classes = classes, .in_channels = from.size(1)});
       }},
      // Each of five million weights: one hostile argument at a time.
      {"ResNet", [](Arguments& from) { resnet(from.size(1), 1, 2); }},
      {"Conv2d", [](Arguments& from) { resnet(1, from.size(1), 2); }},
      {"Linear", [](Arguments& from) { resnet(1, 1, from.size(2)); }},
      {"VGG|Conv2d|Linear|Dropout",
       [](Arguments& from) {
         const std::vector<std::int64_t> widths = from.sizes({2, 0, 1});
         const VGG net(widths, {.num_classes = from.size(2),
                                .in_channels = from.size(1),
                                .batch_norm = from.flag(),
                                .dropout = from.real(),
                                .hidden = from.size(3)});
       }},
      {"MobileNetV2|Conv2d|Linear|Dropout",
       [](Arguments& from) {
         const MobileNetV2 net({.num_classes = from.size(2),
                                .in_channels = from.size(1),
                                .width_mult = from.real(0.1),
                                .dropout = from.real()});
       }},
      {"UNet|Conv2d",
       [](Arguments& from) {
         const UNet net({.in_channels = from.size(1),
                         .out_channels = from.size(2),
                         .width = from.size(2),
                         .depth = from.size(1)});
       }},
      {"VisionTransformer|Conv2d|MultiheadAttention|Linear|Dropout|LayerNorm",
       [](Arguments& from) {
         const VisionTransformer net({.image_size = from.size(4),
                                      .patch_size = from.size(2),
                                      .num_layers = from.size(1),
                                      .num_heads = from.size(2),
                                      .hidden_dim = from.size(4),
                                      .mlp_dim = from.size(3),
                                      .num_classes = from.size(2),
                                      .in_channels = from.size(1),
                                      .dropout = from.real(),
                                      .attention_dropout = from.real()});
       }},
      {"GPT|Embedding|Linear|Dropout",
       [](Arguments& from) {
         const GPT net({.vocab_size = from.size(5),
                        .block_size = from.size(4),
                        .n_layer = from.size(1),
                        .n_head = from.size(2),
                        .n_embd = from.size(4),
                        .dropout = from.real(),
                        .bias = from.flag(true)});
       }},
  });
}

TEST_CASE("hostile: inputs of models") {
  const std::array<std::int64_t, 2> widths{2, 0};
  LeNet lenet;
  ResNet residual = resnet(1, 3, 2);
  VGG vgg(widths, {.num_classes = 2, .in_channels = 1, .hidden = 3});
  MobileNetV2 mobilenet({.num_classes = 2, .width_mult = 0.1});
  UNet unet({.width = 2, .depth = 1});
  VisionTransformer vit(small_vit());
  const NoGradGuard guard;
  const auto calls = [](const char* names, nn::Module& net, const Shape& shape) {
    return Row{names, [&net, shape](Arguments& from) { Arguments::use(net(from.tensor(shape))); }};
  };
  for (nn::Module* net : std::initializer_list<nn::Module*>{&residual, &mobilenet}) net->eval();
  sweep({
      calls("net.conv1 (Conv2d)|net.fc1 (Linear)|net (LeNet)|net.conv2 (Conv2d)", lenet,
            {1, 1, 28, 28}),
      calls("net.conv1 (Conv2d)|net (ResNet)", residual, {1, 3, 2, 2}),
      calls("net.features.0 (Conv2d)|net (VGG)|net.features.2 (MaxPool2d)", vgg, {1, 1, 2, 2}),
      calls("net.features.0.0 (Conv2d)|net (MobileNetV2)", mobilenet, {1, 3, 2, 2}),
      calls("net (UNet)|net.down.0.0 (Conv2d)|net.down.0 (Sequential)", unet, {1, 1, 4, 4}),
      calls("net (VisionTransformer)|net.conv_proj (Conv2d)", vit, {1, 1, 4, 4}),
      {"net (GPT)|net.transformer.wte (Embedding)|net.transformer.wpe (Embedding)",
       [](Arguments& from) {
         GPT gpt(small_gpt());
         Arguments::use(gpt(from.index({1, 3})));
       }},
      {"generate|net (GPT)|net.transformer.wte (Embedding)",
       [](Arguments& from) {
         GPT gpt(small_gpt());
         const Tensor tokens = from.index({1, 3});
         const std::int64_t count = from.size(2);
         const double temperature = from.real();
         Arguments::use(
             gpt.generate(tokens, count, {.temperature = temperature, .top_k = from.size(2)}));
       }},
  });
}
