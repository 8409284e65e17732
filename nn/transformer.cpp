#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/transformer.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/shape.hpp>

#include <limits>
#include <utility>

namespace xgrad::nn {
namespace {

void check(const char* layer, const TransformerLayerOptions& o) {
  require<ValueError>(o.dim_feedforward > 0, "{}: dim_feedforward is {}; it must be positive",
                      layer, o.dim_feedforward);
  require<ValueError>(o.dropout >= 0 && o.dropout <= 1, "{}: dropout is {}, it must lie in [0, 1]",
                      layer, o.dropout);
  require<ValueError>(o.layer_norm_eps >= 0, "{}: layer_norm_eps is {}; it must not be negative",
                      layer, o.layer_norm_eps);
}

MultiheadAttention attention_of(std::int64_t d_model, std::int64_t nhead,
                                const TransformerLayerOptions& o) {
  return {d_model, nhead, {.dropout = o.dropout, .bias = o.bias, .batch_first = o.batch_first}};
}

LayerNorm norm_of(std::int64_t d_model, double eps, bool bias) {
  return LayerNorm{Shape{d_model}, {.eps = eps, .bias = bias}};
}

/// How a layer's blocks are put together.
struct Blocks {
  const TransformerLayerOptions& options;
  bool training;

  Tensor dropped(const Tensor& x) const {
    return dropout(x, {.p = options.dropout, .training = training});
  }
  /// x and what f makes of it, with their norm.
  template <class F>
  Tensor around(LayerNorm& norm, const Tensor& x, const F& f) const {
    return options.norm_first ? x + dropped(f(norm(x))) : norm(x + dropped(f(x)));
  }
  Tensor feed_forward(Linear& linear1, Linear& linear2, const Tensor& x) const {
    return linear2(dropped(options.activation(linear1(x))));
  }
};

/// So many copies, each of its own parameters.
template <class Layer>
ModuleList<Layer> copies_of(const char* name, const Layer& layer, std::int64_t count) {
  constexpr std::int64_t most_layers = 10000;  // each takes memory before the next is asked for
  require<ValueError>(count > 0 && count <= most_layers,
                      "{}: num_layers is {}; it must lie in [1, {}]", name, count, most_layers);
  ModuleList<Layer> list;
  for (std::int64_t i = 0; i < count; ++i) list.push_back(clone(layer));
  return list;
}

template <class Stack>
void require_made(const Stack& stack, const char* name, const char* how) {
  require<ValueError>(stack.size() > 0, "{}: used before it was made; give it its layers, as in {}",
                      name, how);
}

}  // namespace

Activation::Activation(std::function<Tensor(Tensor)> f) : f_(std::move(f)) {
  require<ValueError>(f_ != nullptr, "Activation: the function is empty");
}

TransformerEncoderLayer::TransformerEncoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& options)
    : options_(options) {
  check("TransformerEncoderLayer", options);
  const LinearOptions bias{.bias = options.bias};
  self_attn = add("self_attn", attention_of(d_model, nhead, options));
  linear1 = add("linear1", Linear{d_model, options.dim_feedforward, bias});
  linear2 = add("linear2", Linear{options.dim_feedforward, d_model, bias});
  norm1 = add("norm1", norm_of(d_model, options.layer_norm_eps, options.bias));
  norm2 = add("norm2", norm_of(d_model, options.layer_norm_eps, options.bias));
}

Tensor TransformerEncoderLayer::forward(const Tensor& src, const EncoderCall& call) {
  const Blocks blocks{options_, is_training()};
  const Tensor x = blocks.around(norm1, src, [&](const Tensor& in) {
    return self_attn(in, in, in,
                     {.key_padding_mask = call.src_key_padding_mask,
                      .need_weights = false,
                      .attn_mask = call.src_mask,
                      .is_causal = call.is_causal})
        .values;
  });
  return blocks.around(norm2, x,
                       [&](const Tensor& in) { return blocks.feed_forward(linear1, linear2, in); });
}

TransformerDecoderLayer::TransformerDecoderLayer(std::int64_t d_model, std::int64_t nhead,
                                                 const TransformerLayerOptions& options)
    : options_(options) {
  check("TransformerDecoderLayer", options);
  const LinearOptions bias{.bias = options.bias};
  self_attn = add("self_attn", attention_of(d_model, nhead, options));
  multihead_attn = add("multihead_attn", attention_of(d_model, nhead, options));
  linear1 = add("linear1", Linear{d_model, options.dim_feedforward, bias});
  linear2 = add("linear2", Linear{options.dim_feedforward, d_model, bias});
  norm1 = add("norm1", norm_of(d_model, options.layer_norm_eps, options.bias));
  norm2 = add("norm2", norm_of(d_model, options.layer_norm_eps, options.bias));
  norm3 = add("norm3", norm_of(d_model, options.layer_norm_eps, options.bias));
}

Tensor TransformerDecoderLayer::forward(const Tensor& tgt, const Tensor& memory,
                                        const DecoderCall& call) {
  const Blocks blocks{options_, is_training()};
  Tensor x = blocks.around(norm1, tgt, [&](const Tensor& in) {
    return self_attn(in, in, in,
                     {.key_padding_mask = call.tgt_key_padding_mask,
                      .need_weights = false,
                      .attn_mask = call.tgt_mask,
                      .is_causal = call.tgt_is_causal})
        .values;
  });
  x = blocks.around(norm2, x, [&](const Tensor& in) {
    return multihead_attn(in, memory, memory,
                          {.key_padding_mask = call.memory_key_padding_mask,
                           .need_weights = false,
                           .attn_mask = call.memory_mask,
                           .is_causal = call.memory_is_causal})
        .values;
  });
  return blocks.around(norm3, x,
                       [&](const Tensor& in) { return blocks.feed_forward(linear1, linear2, in); });
}

TransformerEncoder::TransformerEncoder(const TransformerEncoderLayer& layer,
                                       std::int64_t num_layers,
                                       const std::optional<LayerNorm>& final_norm) {
  layers = add("layers", copies_of("TransformerEncoder", layer, num_layers));
  if (final_norm) norm.emplace(add("norm", *final_norm));
}

Tensor TransformerEncoder::forward(const Tensor& src, const EncoderCall& call) {
  require_made(layers, "TransformerEncoder", "nn::TransformerEncoder{layer, 6}");
  Tensor x = src;
  for (std::size_t i = 0; i < layers.size(); ++i) x = layers[i](x, call);
  return norm ? (*norm)(x) : x;
}

TransformerDecoder::TransformerDecoder(const TransformerDecoderLayer& layer,
                                       std::int64_t num_layers,
                                       const std::optional<LayerNorm>& final_norm) {
  layers = add("layers", copies_of("TransformerDecoder", layer, num_layers));
  if (final_norm) norm.emplace(add("norm", *final_norm));
}

Tensor TransformerDecoder::forward(const Tensor& tgt, const Tensor& memory,
                                   const DecoderCall& call) {
  require_made(layers, "TransformerDecoder", "nn::TransformerDecoder{layer, 6}");
  Tensor x = tgt;
  for (std::size_t i = 0; i < layers.size(); ++i) x = layers[i](x, memory, call);
  return norm ? (*norm)(x) : x;
}

Transformer::Transformer(std::int64_t d_model, std::int64_t nhead, const TransformerOptions& o) {
  const TransformerLayerOptions each{.dim_feedforward = o.dim_feedforward,
                                     .dropout = o.dropout,
                                     .activation = o.activation,
                                     .layer_norm_eps = o.layer_norm_eps,
                                     .batch_first = o.batch_first,
                                     .norm_first = o.norm_first,
                                     .bias = o.bias};
  encoder = add("encoder", TransformerEncoder{TransformerEncoderLayer{d_model, nhead, each},
                                              o.num_encoder_layers,
                                              norm_of(d_model, o.layer_norm_eps, o.bias)});
  decoder = add("decoder", TransformerDecoder{TransformerDecoderLayer{d_model, nhead, each},
                                              o.num_decoder_layers,
                                              norm_of(d_model, o.layer_norm_eps, o.bias)});
  for (const Tensor& x : parameters())
    if (x.dim() > 1) init::xavier_uniform_(x);
}

Tensor Transformer::forward(const Tensor& src, const Tensor& tgt, const TransformerCall& call) {
  const Tensor memory = encoder(src, {.src_mask = call.src_mask,
                                      .src_key_padding_mask = call.src_key_padding_mask,
                                      .is_causal = call.src_is_causal});
  return decoder(tgt, memory,
                 {.tgt_mask = call.tgt_mask,
                  .memory_mask = call.memory_mask,
                  .tgt_key_padding_mask = call.tgt_key_padding_mask,
                  .memory_key_padding_mask = call.memory_key_padding_mask,
                  .tgt_is_causal = call.tgt_is_causal,
                  .memory_is_causal = call.memory_is_causal});
}

Tensor Transformer::generate_square_subsequent_mask(std::int64_t size) {
  require<ValueError>(size >= 0,
                      "generate_square_subsequent_mask: size is {}; it must not be negative", size);
  const Tensor places = arange(size);
  return where(reshape(places, {size, 1}) < places,
               full({}, -std::numeric_limits<float>::infinity()), zeros({}));
}

}  // namespace xgrad::nn
