#pragma once
// Transformers: Vaswani et al., "Attention Is All You Need", arXiv:1706.03762. Parameters have
// PyTorch's names. Tensors are [length, batch, d_model], with batch_first [batch, length, d_model],
// or [length, d_model] without a batch; masks are as AttentionCall says.

#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/layer_norm.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/module_of.hpp>
#include <xgrad/nn/sequential.hpp>
#include <xgrad/ops/activation.hpp>

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// A function of one tensor: `relu`, `gelu` or anything that is called so.
class Activation {
 public:
  Activation(Tensor (*f)(Tensor)) : Activation(std::function<Tensor(Tensor)>(f)) {}  // NOLINT
  Activation(Tensor (*f)(const Tensor&))
      : Activation(std::function<Tensor(Tensor)>(f)) {}  // NOLINT
  template <class F>
  requires(std::is_invocable_r_v<Tensor, F&, Tensor> &&
           !std::same_as<std::remove_cvref_t<F>, Activation>) Activation(F f)
      : Activation(std::function<Tensor(Tensor)>(std::move(f))) {}  // NOLINT
  /// ValueError for an empty one.
  Activation(std::function<Tensor(Tensor)> f);  // NOLINT

  /// What may compute in the memory of a temporary does.
  Tensor operator()(Tensor x) const { return f_(std::move(x)); }

 private:
  std::function<Tensor(Tensor)> f_;
};

struct TransformerLayerOptions {
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;          ///< of weights, of what is inside and of what each block gives
  Activation activation = relu;  ///< between linear1 and linear2
  double layer_norm_eps = 1e-5;
  bool batch_first = false;
  bool norm_first = false;  ///< x + f(norm(x)), not norm(x + f(x))
  bool bias = true;         ///< of linear layers and norms
};

struct EncoderCall {
  Tensor src_mask = {};              ///< [S, S], or [batch · nhead, S, S]
  Tensor src_key_padding_mask = {};  ///< [batch, S]
  bool is_causal = false;
};

struct DecoderCall {
  Tensor tgt_mask = {};                 ///< [T, T], or [batch · nhead, T, T]
  Tensor memory_mask = {};              ///< [T, S], or [batch · nhead, T, S]
  Tensor tgt_key_padding_mask = {};     ///< [batch, T]
  Tensor memory_key_padding_mask = {};  ///< [batch, S]
  bool tgt_is_causal = false;
  bool memory_is_causal = false;
};

/// Self-attention and two linear layers, each with what goes past it added and layer norm.
class TransformerEncoderLayer : public ModuleOf<TransformerEncoderLayer> {
 public:
  /// Not usable before a made one is assigned.
  TransformerEncoderLayer() = default;
  /// ValueError for sizes that are not positive or that nhead does not divide.
  TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                          const TransformerLayerOptions& options = {});

  Tensor forward(const Tensor& src, const EncoderCall& call = {});

  MultiheadAttention self_attn;
  Linear linear1;
  Linear linear2;
  LayerNorm norm1;
  LayerNorm norm2;

 private:
  TransformerLayerOptions options_;
};

/// The same with attention to an encoder's result, `memory`, between the two.
class TransformerDecoderLayer : public ModuleOf<TransformerDecoderLayer> {
 public:
  /// Not usable before a made one is assigned.
  TransformerDecoderLayer() = default;
  /// ValueError for sizes that are not positive or that nhead does not divide.
  TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                          const TransformerLayerOptions& options = {});

  Tensor forward(const Tensor& tgt, const Tensor& memory, const DecoderCall& call = {});

  MultiheadAttention self_attn;
  MultiheadAttention multihead_attn;
  Linear linear1;
  Linear linear2;
  LayerNorm norm1;
  LayerNorm norm2;
  LayerNorm norm3;

 private:
  TransformerLayerOptions options_;
};

/// Copies of a layer, one behind the other, and a norm behind the last. As in PyTorch all copies
/// start with the same weights: initialise them where that is not meant. ValueError unless there is
/// one at least.
class TransformerEncoder : public ModuleOf<TransformerEncoder> {
 public:
  /// Not usable before a made one is assigned.
  TransformerEncoder() = default;
  TransformerEncoder(const TransformerEncoderLayer& layer, std::int64_t num_layers,
                     const std::optional<LayerNorm>& final_norm = {});

  Tensor forward(const Tensor& src, const EncoderCall& call = {});

  ModuleList<TransformerEncoderLayer> layers;
  std::optional<LayerNorm> norm;
};

/// The same of decoder layers.
class TransformerDecoder : public ModuleOf<TransformerDecoder> {
 public:
  /// Not usable before a made one is assigned.
  TransformerDecoder() = default;
  TransformerDecoder(const TransformerDecoderLayer& layer, std::int64_t num_layers,
                     const std::optional<LayerNorm>& final_norm = {});

  Tensor forward(const Tensor& tgt, const Tensor& memory, const DecoderCall& call = {});

  ModuleList<TransformerDecoderLayer> layers;
  std::optional<LayerNorm> norm;
};

struct TransformerOptions {
  std::int64_t num_encoder_layers = 6;
  std::int64_t num_decoder_layers = 6;
  std::int64_t dim_feedforward = 2048;
  double dropout = 0.1;
  Activation activation = relu;
  double layer_norm_eps = 1e-5;
  bool batch_first = false;
  bool norm_first = false;
  bool bias = true;
};

struct TransformerCall {
  Tensor src_mask = {};
  Tensor tgt_mask = {};
  Tensor memory_mask = {};
  Tensor src_key_padding_mask = {};
  Tensor tgt_key_padding_mask = {};
  Tensor memory_key_padding_mask = {};
  bool src_is_causal = false;
  bool tgt_is_causal = false;
  bool memory_is_causal = false;
};

/// An encoder and a decoder, both with a norm behind the last layer. All matrices start as
/// init::xavier_uniform_ has them.
class Transformer : public ModuleOf<Transformer> {
 public:
  /// Not usable before a made one is assigned.
  Transformer() = default;
  Transformer(std::int64_t d_model, std::int64_t nhead, const TransformerOptions& options = {});

  /// [T, batch, d_model], of src [S, batch, d_model] and tgt [T, batch, d_model].
  Tensor forward(const Tensor& src, const Tensor& tgt, const TransformerCall& call = {});

  /// float32 [size, size] that is added to scores: −∞ where a later place would be seen. is_causal
  /// does the same and is faster. ValueError for a negative size.
  static Tensor generate_square_subsequent_mask(std::int64_t size);

  TransformerEncoder encoder;
  TransformerDecoder decoder;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
