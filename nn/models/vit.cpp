#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/models/vit.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/shape.hpp>

#include <cmath>
#include <string>

namespace xgrad::nn::models {
namespace {

constexpr double norm_eps = 1e-6;

Linear mlp_layer(std::int64_t in, std::int64_t out) {
  Linear layer{in, out};
  init::xavier_uniform_(layer.weight);
  init::normal_(layer.bias, 0, 1e-6);
  return layer;
}

std::int64_t patches_of(const VisionTransformerOptions& options) {
  constexpr std::int64_t most_layers = 10000;  // each takes memory before the next is asked for
  require<ValueError>(options.num_layers > 0 && options.num_layers <= most_layers,
                      "VisionTransformer: num_layers is {}; it must lie in [1, {}]",
                      options.num_layers, most_layers);
  require<ValueError>(options.patch_size > 0 && options.image_size > 0 &&
                          options.image_size % options.patch_size == 0,
                      "VisionTransformer: patches of {} do not divide an image of {}",
                      options.patch_size, options.image_size);
  const std::int64_t side = options.image_size / options.patch_size;
  constexpr std::int64_t most = 1 << 15;
  require<ValueError>(side <= most,
                      "VisionTransformer: {} patches on a side of an image of {}; "
                      "at most {}",
                      side, options.image_size, most);
  return side * side;
}

}  // namespace

VisionTransformer::EncoderBlock::EncoderBlock(const VisionTransformerOptions& options)
    : ln_1(add("ln_1", LayerNorm{options.hidden_dim, {.eps = norm_eps}})),
      self_attention(add("self_attention", MultiheadAttention{options.hidden_dim,
                                                              options.num_heads,
                                                              {.dropout = options.attention_dropout,
                                                               .batch_first = true}})),
      dropout(add("dropout", Dropout{options.dropout})),
      ln_2(add("ln_2", LayerNorm{options.hidden_dim, {.eps = norm_eps}})),
      mlp(add("mlp",
              Sequential{mlp_layer(options.hidden_dim, options.mlp_dim), GELU{},
                         Dropout{options.dropout}, mlp_layer(options.mlp_dim, options.hidden_dim),
                         Dropout{options.dropout}})) {}

Tensor VisionTransformer::EncoderBlock::forward(const Tensor& x) {
  const Tensor y = ln_1(x);
  const auto [attended, weights] = self_attention(y, y, y, {.need_weights = false});
  const Tensor z = x + dropout(attended);
  return z + mlp(ln_2(z));
}

VisionTransformer::Encoder::Encoder(std::int64_t positions, const VisionTransformerOptions& options)
    : pos_embedding(
          add_parameter("pos_embedding",
                        init::normal_(Tensor::empty({1, positions, options.hidden_dim}), 0, 0.02))),
      dropout(add("dropout", Dropout{options.dropout})),
      layers(add("layers", Sequential{})) {
  for (std::int64_t i = 0; i < options.num_layers; ++i)
    layers.add("encoder_layer_" + std::to_string(i), EncoderBlock(options));
  ln = add("ln", LayerNorm{options.hidden_dim, {.eps = norm_eps}});
}

Tensor VisionTransformer::Encoder::forward(const Tensor& x) {
  return ln(layers(dropout(x + pos_embedding)));
}

VisionTransformer::VisionTransformer(const VisionTransformerOptions& options)
    : conv_proj(add("conv_proj", Conv2d{options.in_channels,
                                        options.hidden_dim,
                                        options.patch_size,
                                        {.stride = options.patch_size}})),
      class_token(add_parameter("class_token", zeros({1, 1, options.hidden_dim}))),
      encoder(add("encoder", Encoder(1 + patches_of(options), options))),
      heads(add("heads", Sequential{})),
      options_(options) {
  const auto fan_in = static_cast<double>(init::fans(conv_proj.weight).in);
  init::trunc_normal_(conv_proj.weight, 0, std::sqrt(1 / fan_in));
  init::zeros_(conv_proj.bias);
  Linear head{options.hidden_dim, options.num_classes};
  init::zeros_(head.weight);
  init::zeros_(head.bias);
  heads.add("head", std::move(head));
}

Tensor VisionTransformer::forward(const Tensor& x) {
  const xgrad::detail::Running running("VisionTransformer", x);
  const std::int64_t extent = options_.image_size;
  require<ShapeError>(x.dim() == 4 && x.size(2) == extent && x.size(3) == extent,
                      "VisionTransformer: input {} must be [batch, channels, {}, {}]", x.shape(),
                      extent, extent);
  const Tensor patches = transpose(flatten(conv_proj(x), 2), 1, 2);
  const Tensor tokens = cat({class_token.expand({x.size(0), 1, options_.hidden_dim}), patches}, 1);
  return heads(encoder(tokens).select(1, 0));
}

VisionTransformer vit_b_16(VisionTransformerOptions options) {
  options.patch_size = 16;
  options.num_layers = 12;
  options.num_heads = 12;
  options.hidden_dim = 768;
  options.mlp_dim = 3072;
  return VisionTransformer(options);
}

}  // namespace xgrad::nn::models
