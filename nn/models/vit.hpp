#pragma once
#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/nn/layer_norm.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/sequential.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad::nn::models {

struct VisionTransformerOptions {
  std::int64_t image_size = 224;
  std::int64_t patch_size = 16;
  std::int64_t num_layers = 12;
  std::int64_t num_heads = 6;
  std::int64_t hidden_dim = 384;
  std::int64_t mlp_dim = 1536;
  std::int64_t num_classes = 1000;
  std::int64_t in_channels = 3;
  double dropout = 0;
  double attention_dropout = 0;
};

/// Transformer over an image's patches (Dosovitskiy et al., arXiv:2010.11929): images [N,
/// in_channels, image_size, image_size] to logits [N, num_classes]. Parameters have torchvision's
/// names, so that its weights load where the sizes are its. ValueError for more than 10,000 layers,
/// for sizes that are not positive, and where patch_size does not divide image_size, or num_heads
/// hidden_dim.
class VisionTransformer : public Module {
 public:
  /// One layer: x + attention(norm(x)), then x + mlp(norm(x)).
  class EncoderBlock : public Module {
   public:
    explicit EncoderBlock(const VisionTransformerOptions& options);
    Tensor forward(const Tensor& x) override;

    LayerNorm ln_1;
    MultiheadAttention self_attention;
    Dropout dropout;
    LayerNorm ln_2;
    Sequential mlp;
  };

  class Encoder : public Module {
   public:
    Encoder(std::int64_t positions, const VisionTransformerOptions& options);
    Tensor forward(const Tensor& x) override;

    Parameter pos_embedding;  ///< [1, 1 + patches, hidden_dim]
    Dropout dropout;
    Sequential layers;
    LayerNorm ln;
  };

  explicit VisionTransformer(const VisionTransformerOptions& options = {});

  Tensor forward(const Tensor& x) override;

  Conv2d conv_proj;
  Parameter class_token;  ///< [1, 1, hidden_dim]
  Encoder encoder;
  Sequential heads;

 private:
  VisionTransformerOptions options_;
};

/// "ViT-S/16": 12 layers of 384 values and 6 heads (Touvron et al., arXiv:2012.12877).
inline VisionTransformer vit_small(const VisionTransformerOptions& options = {}) {
  return VisionTransformer(options);
}
/// torchvision's vit_b_16: the sizes of its layers in place of those in `options`.
VisionTransformer vit_b_16(VisionTransformerOptions options = {});

}  // namespace xgrad::nn::models

#pragma GCC visibility pop
