// The models of nn/models: what they are called, how large they are, and that they train.

#include <xgrad/nn/models/gpt.hpp>
#include <xgrad/nn/models/lenet.hpp>
#include <xgrad/nn/models/mobilenet.hpp>
#include <xgrad/nn/models/resnet.hpp>
#include <xgrad/nn/models/unet.hpp>
#include <xgrad/nn/models/vgg.hpp>
#include <xgrad/nn/models/vit.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <algorithm>
#include <array>

#include "support.hpp"

using namespace support;
namespace models = nn::models;

namespace {

Tensor images(const Shape& shape) { return normal(shape).to(float32); }

Shape shape_of(const nn::StateDict& state, const std::string& name) {
  const auto found = std::ranges::find(state, name, &NamedTensors::value_type::first);
  return found == state.end() ? Shape{-1} : found->second.shape();
}

/// The names of the parameters that a backward pass through `net` leaves without a gradient, or
/// with one that is 0 throughout.
std::vector<std::string> without_gradient(nn::Module& net, const Tensor& input) {
  const Tensor y = net(input);
  const Tensor target = Tensor::empty({y.size(0)}, int64).fill_(1);
  cross_entropy(y.dim() > 2 ? y.mean({-1, -2}) : y, target).backward();
  std::vector<std::string> names;
  for (const auto& [name, x] : net.named_parameters())
    if (!x.grad().defined() || x.grad().abs().max().item() == 0) names.push_back(name);
  return names;
}

using Names = std::vector<std::string>;

models::VisionTransformerOptions tiny_transformer() {
  return {.image_size = 16,
          .patch_size = 8,
          .num_layers = 2,
          .num_heads = 2,
          .hidden_dim = 8,
          .mlp_dim = 16,
          .num_classes = 3};
}

models::GPTOptions tiny_gpt() {
  return {.vocab_size = 7, .block_size = 6, .n_layer = 2, .n_head = 2, .n_embd = 8, .dropout = 0};
}

Tensor tokens_of(const std::vector<std::int64_t>& values) {
  return from_vector(values, Shape{1, static_cast<std::int64_t>(values.size())});
}

}  // namespace

TEST_CASE("models have as many parameters as torchvision's") {
  CHECK(models::resnet18().parameter_count() == 11'689'512);
  CHECK(models::resnet34().parameter_count() == 21'797'672);
  CHECK(models::resnet50().parameter_count() == 25'557'032);
  CHECK(models::MobileNetV2().parameter_count() == 3'504'872);
  // Those of the features: the layers behind them are 124 million numbers.
  CHECK(models::vgg11({.hidden = 1}).features.parameter_count() == 9'220'480);
  CHECK(models::vgg13({.hidden = 1}).features.parameter_count() == 9'404'992);
  CHECK(models::vgg16({.hidden = 1}).features.parameter_count() == 14'714'688);
  CHECK(models::vgg19({.hidden = 1}).features.parameter_count() == 20'024'384);
  CHECK(models::vgg16({.batch_norm = true, .hidden = 1}).features.parameter_count() == 14'723'136);
  // 22,050,664 in timm's vit_small_patch16_224.
  CHECK(models::vit_small().parameter_count() == 22'050'664);
  CHECK(models::LeNet().parameter_count() == 61'706);
}

TEST_CASE("parameters have torchvision's names and shapes") {
  const auto bottleneck = models::resnet50().state_dict();
  CHECK(shape_of(bottleneck, "layer1.0.conv1.weight") == Shape{64, 64, 1, 1});
  CHECK(shape_of(bottleneck, "layer2.0.conv2.weight") == Shape{128, 128, 3, 3});
  CHECK(shape_of(bottleneck, "layer4.2.bn3.running_var") == Shape{2048});
  CHECK(shape_of(bottleneck, "layer1.0.downsample.1.num_batches_tracked") == Shape{});
  CHECK(shape_of(bottleneck, "fc.weight") == Shape{1000, 2048});

  const auto mobile = models::MobileNetV2().state_dict();
  CHECK(shape_of(mobile, "features.0.0.weight") == Shape{32, 3, 3, 3});
  CHECK(shape_of(mobile, "features.1.conv.0.0.weight") == Shape{32, 1, 3, 3});
  CHECK(shape_of(mobile, "features.1.conv.1.weight") == Shape{16, 32, 1, 1});
  CHECK(shape_of(mobile, "features.2.conv.1.0.weight") == Shape{96, 1, 3, 3});
  CHECK(shape_of(mobile, "features.17.conv.3.running_mean") == Shape{320});
  CHECK(shape_of(mobile, "features.18.1.bias") == Shape{1280});
  CHECK(shape_of(mobile, "classifier.1.weight") == Shape{1000, 1280});

  const auto vgg = models::vgg11({.batch_norm = true, .hidden = 2}).state_dict();
  CHECK(shape_of(vgg, "features.25.weight") == Shape{512, 512, 3, 3});
  CHECK(shape_of(vgg, "features.26.running_mean") == Shape{512});
  CHECK(shape_of(vgg, "classifier.0.weight") == Shape{2, 25088});
  CHECK(shape_of(vgg, "classifier.6.weight") == Shape{1000, 2});

  const auto transformer = models::VisionTransformer(tiny_transformer()).state_dict();
  CHECK(shape_of(transformer, "class_token") == Shape{1, 1, 8});
  CHECK(shape_of(transformer, "conv_proj.weight") == Shape{8, 3, 8, 8});
  CHECK(shape_of(transformer, "encoder.pos_embedding") == Shape{1, 5, 8});
  CHECK(shape_of(transformer, "encoder.layers.encoder_layer_1.ln_1.weight") == Shape{8});
  CHECK(shape_of(transformer, "encoder.layers.encoder_layer_1.self_attention.in_proj_weight") ==
        Shape{24, 8});
  CHECK(shape_of(transformer, "encoder.layers.encoder_layer_0.mlp.3.weight") == Shape{8, 16});
  CHECK(shape_of(transformer, "heads.head.weight") == Shape{3, 8});
}

TEST_CASE(
    "a state that torchvision's names were given by another program loads and computes the same") {
  const char* const folder = std::getenv("XGRAD_TORCHVISION");
  if (folder == nullptr) return;  // the test nn/torchvision has one, where NumPy is
  models::ResNet net = models::resnet18();
  nn::load(net, std::string(folder) + "/resnet18.safetensors");
  net.to(float64).eval();
  const auto expected =
      nn::load(std::string(folder) + "/expected.safetensors", {"input", "logits"});
  const NoGradGuard guard;
  const Tensor y = net(expected[0].second);
  CHECK(y.shape() == Shape{2, 1000});
  // Sums of up to 4608 products in another order, through 20 layers.
  CHECK(allclose(y, expected[1].second, 1e-10, 1e-10));
}

TEST_CASE("every parameter of a model gets a gradient") {
  models::LeNet lenet;
  CHECK(without_gradient(lenet, images({2, 1, 28, 28})) == Names{});
  models::ResNet residual(models::ResNet::Block::basic, {1, 1, 1, 1},
                          {.num_classes = 3, .small_images = true});
  CHECK(without_gradient(residual, images({2, 3, 16, 16})) == Names{});
  models::ResNet bottlenecks(models::ResNet::Block::bottleneck, {1, 2, 1, 1}, {.num_classes = 3});
  CHECK(without_gradient(bottlenecks, images({2, 3, 64, 64})) == Names{});
  const std::array<std::int64_t, 4> widths = {4, 0, 8, 0};
  models::VGG vgg(widths, {.num_classes = 3, .batch_norm = true, .dropout = 0, .hidden = 16});
  CHECK(without_gradient(vgg, images({2, 3, 8, 8})) == Names{});
  models::MobileNetV2 mobile({.num_classes = 3, .width_mult = 0.25});
  CHECK(without_gradient(mobile, images({2, 3, 64, 64})) == Names{});
  models::UNet u({.in_channels = 3, .out_channels = 3, .width = 4, .depth = 2});
  CHECK(without_gradient(u, images({2, 3, 8, 12})) == Names{});
}

TEST_CASE("a transformer's head starts at 0, and all below it trains once it has moved") {
  models::VisionTransformer net(tiny_transformer());
  const Tensor x = images({2, 3, 16, 16});
  CHECK(values(net(x)) == std::vector<double>(6, 0));
  nn::init::normal_(net.heads.child("head").parameters()[0]);
  CHECK(without_gradient(net, x) == Names{});
}

TEST_CASE("residual networks keep or halve the extent at their beginning") {
  const NoGradGuard guard;
  models::ResNet large(models::ResNet::Block::basic, {1, 1, 1, 1}, {.num_classes = 5});
  models::ResNet small(models::ResNet::Block::basic, {1, 1, 1, 1},
                       {.num_classes = 5, .in_channels = 1, .small_images = true});
  CHECK(large.conv1.weight.shape() == Shape{64, 3, 7, 7});
  CHECK(small.conv1.weight.shape() == Shape{64, 1, 3, 3});
  CHECK(large(images({1, 3, 64, 64})).shape() == Shape{1, 5});
  CHECK(small(images({1, 1, 32, 32})).shape() == Shape{1, 5});
}

TEST_CASE("blocks that start as the identity pass their input on") {
  models::ResNet net(models::ResNet::Block::basic, {2, 1, 1, 1}, {.zero_init_residual = true});
  const Tensor x = relu(images({2, 64, 4, 4}));  // a block ends with a rectifier
  CHECK(equal(net.layer1(x), x));
}

TEST_CASE("a U-net refuses what it cannot halve") {
  models::UNet net({.width = 2, .depth = 3});
  CHECK(net(images({1, 1, 8, 16})).shape() == Shape{1, 2, 8, 16});
  CHECK(message_of<ShapeError>([&] {
          net(images({1, 1, 8, 12}));
        }) ==
        "net (UNet): UNet: input [1, 1, 8, 12] must be [batch, channels, height, width] with a "
        "height and a "
        "width that 8 divides");
  CHECK(message_of<ValueError>([] { models::UNet({.depth = 0}); }) ==
        "UNet: depth is 0, it must lie in 1 to 16");
}

TEST_CASE("a language model sees nothing that comes later") {
  models::GPT net(tiny_gpt());
  const NoGradGuard guard;
  const Tensor y = net(tokens_of({1, 2, 3, 4, 5}));
  const Tensor other = net(tokens_of({1, 2, 3, 6, 0}));
  CHECK(y.shape() == Shape{1, 5, 7});
  CHECK(equal(y.slice(1, 0, 3), other.slice(1, 0, 3)));
  CHECK_FALSE(allclose(y.select(1, 3), other.select(1, 3)));
}

TEST_CASE("a language model learns a text by heart and goes on with it") {
  manual_seed(3);
  models::GPT net(tiny_gpt());
  const Tensor text = tokens_of({0, 3, 1, 4, 2, 6, 5, 0, 3, 1, 4, 2, 6, 5});
  optim::AdamW optimizer(net.parameters(), {.lr = 1e-2});
  for (int step = 0; step < 200; ++step) {
    optimizer.zero_grad();
    const std::int64_t begin = step % 7;
    const Tensor logits = net(text.slice(1, begin, begin + 6));
    cross_entropy(logits.flatten(0, 1), text.slice(1, begin + 1, begin + 7).flatten()).backward();
    optimizer.step();
  }
  // Longer than what it looks at, and the likeliest token each time.
  const Tensor more = net.generate(tokens_of({0, 3}), 10, {.top_k = 1});
  CHECK(values(more) == std::vector<double>{0, 3, 1, 4, 2, 6, 5, 0, 3, 1, 4, 2});
  CHECK(net.is_training());
}

TEST_CASE("what a language model draws is its generator's, and a cold one draws the likeliest") {
  models::GPT net(tiny_gpt());
  const auto drawn = [&](double temperature, std::uint64_t seed) {
    Generator generator(seed);
    return values(
        net.generate(tokens_of({1}), 12, {.temperature = temperature, .generator = &generator}));
  };
  CHECK(drawn(1, 1) == drawn(1, 1));
  CHECK(drawn(1, 1) != drawn(1, 2));
  CHECK(drawn(5e-324, 1) == drawn(1e-4, 1));
  CHECK(drawn(1e-4, 1) == values(net.generate(tokens_of({1}), 12, {.top_k = 1})));
}

TEST_CASE("a language model's last layer is its embedding") {
  models::GPT net(tiny_gpt());
  const auto state = net.state_dict();
  CHECK(shape_of(state, "transformer.wte.weight") == Shape{7, 8});
  CHECK(shape_of(state, "transformer.h.1.attn.c_attn.weight") == Shape{24, 8});
  CHECK(shape_of(state, "transformer.h.0.mlp.c_proj.bias") == Shape{8});
  CHECK(shape_of(state, "transformer.ln_f.weight") == Shape{8});
  CHECK(shape_of(state, "lm_head.weight") == Shape{-1});
  // 7·8 + 6·8 + 2 (4·8 + 24·9 + 8·9 + 32·9 + 8·33) + 16
  CHECK(net.parameter_count() == 56 + 48 + 2 * (32 + 216 + 72 + 288 + 264) + 16);
  models::GPT copy = nn::clone(net);
  nn::init::zeros_(copy.transformer.wte.weight);
  CHECK(copy.lm_head.weight.abs().max().item() == 0);
  CHECK(net.lm_head.weight.abs().max().item() > 0);
}

TEST_CASE("language models say what is wrong with their options and their tokens") {
  CHECK(message_of<ValueError>([] { models::GPT({.n_head = 5}); }) ==
        "GPT: 5 heads do not divide 384 values");
  CHECK(message_of<ValueError>([] { models::GPT({.vocab_size = 0}); }) ==
        "GPT: vocab_size 0, block_size 256, n_layer 6, n_head 6, n_embd 384; all must be positive");
  models::GPT net(tiny_gpt());
  CHECK(message_of<ShapeError>([&] {
          net(tokens_of({0, 1, 2, 3, 4, 5, 6}));
        }) == "net (GPT): GPT: tokens [1, 7] must be [batch, steps] of at most 6 steps");
  CHECK(message_of<ValueError>([&] { net.generate(tokens_of({0}), -1); }) ==
        "generate: -1 tokens; there cannot be fewer than none");
  CHECK(message_of<ValueError>([&] { net.generate(tokens_of({0}), 1, {.temperature = 0}); }) ==
        "generate: temperature is 0, it must be positive");
  CHECK(message_of<ShapeError>([&] { net.generate(zeros({2}, {.dtype = int64}), 1); }) ==
        "generate: tokens [2] must be [batch, steps]");
  CHECK(message_of<MemoryError>([&] { net.generate(tokens_of({0}), std::int64_t{1} << 62); }) ==
        "generate: no memory for shape [1, 4611686018427387905] of int64");
  CHECK(message_of<ValueError>([] { models::GPT({.n_layer = 10001}); }) ==
        "GPT: n_layer is 10001, at most 10000");
}

TEST_CASE("sizes that fit no model are refused") {
  CHECK(message_of<ValueError>([] {
          models::ResNet(models::ResNet::Block::basic, {1, 0, 1, 1});
        }) == "ResNet: a stage of 0 blocks; it must have 1 to 1000");
  CHECK(message_of<ValueError>([] { models::MobileNetV2({.width_mult = -1}); }) ==
        "MobileNetV2: width_mult is -1, it must lie in (0, 1000]");
  CHECK(message_of<ValueError>([] { models::MobileNetV2({.width_mult = 1e300}); }) ==
        "MobileNetV2: width_mult is 1e+300, it must lie in (0, 1000]");
  CHECK(message_of<ValueError>([] { models::VisionTransformer({.num_layers = -1}); }) ==
        "VisionTransformer: num_layers is -1; it must lie in [1, 10000]");
  CHECK(message_of<ValueError>([] {
          models::VisionTransformer({.image_size = 1 << 20, .patch_size = 1});
        }) == "VisionTransformer: 1048576 patches on a side of an image of 1048576; at most 32768");
  CHECK(message_of<ValueError>([] {
          models::ResNet(models::ResNet::Block::basic, {1, 1001, 1, 1});
        }) == "ResNet: a stage of 1001 blocks; it must have 1 to 1000");
  CHECK(message_of<ValueError>([] {
          models::VisionTransformer({.image_size = 30, .patch_size = 16});
        }) == "VisionTransformer: patches of 16 do not divide an image of 30");
  models::VisionTransformer net(tiny_transformer());
  CHECK(message_of<ShapeError>([&] {
          net(images({1, 3, 16, 8}));
        }) ==
        "net (VisionTransformer): VisionTransformer: input [1, 3, 16, 8] must be [batch, channels, "
        "16, 16]");
}
