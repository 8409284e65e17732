// Recurrent layers and transformers with any options, called then; others are in sequences.cpp.

#include <xgrad/nn/nn.hpp>

#include "hostile.hpp"

using namespace hostile;

namespace {

template <class Options>
Options recurrent_options(Arguments& from) {
  Options o;
  o.num_layers = from.size(2);
  o.bias = from.flag(true);
  o.batch_first = from.flag();
  o.dropout = from.real();
  o.bidirectional = from.flag();
  return o;
}

template <class Layer, class Options>
Row recurrent(const std::string& name, const std::string& operation) {
  return {name + "|net (" + name + ")|" + operation, [](Arguments& from) {
            const std::int64_t in = from.size(3);
            const std::int64_t units = from.size(4);
            Layer layer{in, units, recurrent_options<Options>(from)};
            const auto [output, state] = layer(from.tensor({4, 2, 3}));
            Arguments::use(output);
          }};
}

template <class Cell>
Row cell(const std::string& name) {
  return {name + "|net (" + name + ")", [](Arguments& from) {
            const std::int64_t in = from.size(3);
            const std::int64_t units = from.size(4);
            Cell layer{in, units, {.bias = from.flag(true)}};
            const Tensor x = from.tensor({2, 3});
            Arguments::use(layer(x, from.tensor({2, 4})));
          }};
}

nn::TransformerLayerOptions transformer_options(Arguments& from) {
  return {.dim_feedforward = from.size(3),
          .dropout = from.real(),
          .layer_norm_eps = from.real(1e-5),
          .batch_first = from.flag(),
          .norm_first = from.flag(),
          .bias = from.flag(true)};
}

}  // namespace

TEST_CASE("hostile: recurrent layers with options") {
  sweep({
      recurrent<nn::RNN, nn::RNNOptions>("RNN", "rnn_tanh"),
      recurrent<nn::GRU, nn::GRUOptions>("GRU", "gru"),
      recurrent<nn::LSTM, nn::LSTMOptions>("LSTM", "lstm"),
      cell<nn::RNNCell>("RNNCell"),
      cell<nn::GRUCell>("GRUCell"),
      {"RNN|net (RNN)",
       [](Arguments& from) {
         nn::RNN layer{3, 4, {.nonlinearity = nn::Nonlinearity::relu}};
         const Tensor x = from.tensor({4, 2, 3});
         Arguments::use(layer(x, from.tensor({1, 2, 4})).output);
       }},
  });
}

TEST_CASE("hostile: transformers with options") {
  const std::string parts = "|MultiheadAttention|Linear|LayerNorm|Dropout";
  sweep({
      {"TransformerDecoderLayer" + parts,
       [](Arguments& from) {
         const std::int64_t width = from.size(4);
         const std::int64_t heads = from.size(2);
         nn::TransformerDecoderLayer layer{width, heads, transformer_options(from)};
       }},
      {"TransformerDecoder|net.layers.0.self_attn (MultiheadAttention)|"
       "net.layers.0.multihead_attn (MultiheadAttention)|"
       "net.layers.0 (TransformerDecoderLayer)|net.layers.0.multihead_attn.out_proj (Linear)",
       [](Arguments& from) {
         const nn::TransformerDecoderLayer layer{4, 2, {.dim_feedforward = 3, .dropout = 0}};
         nn::TransformerDecoder net{layer, from.size(1)};
         const Tensor x = from.tensor({3, 2, 4});
         const Tensor memory = from.tensor({5, 2, 4});
         const Tensor mask = from.tensor({3, 3});
         const Tensor keys = from.tensor({2, 5});
         Arguments::use(net(
             x, memory,
             {.tgt_mask = mask, .memory_key_padding_mask = keys, .tgt_is_causal = from.flag()}));
       }},
      {"Transformer|TransformerEncoder|TransformerDecoder|TransformerEncoderLayer|"
       "TransformerDecoderLayer" +
           parts,
       [](Arguments& from) {
         const std::int64_t width = from.size(4);
         const std::int64_t heads = from.size(2);
         const std::int64_t encoders = from.size(1);
         const std::int64_t decoders = from.size(1);
         const auto o = transformer_options(from);
         nn::Transformer net{width,
                             heads,
                             {.num_encoder_layers = encoders,
                              .num_decoder_layers = decoders,
                              .dim_feedforward = o.dim_feedforward,
                              .dropout = o.dropout,
                              .layer_norm_eps = o.layer_norm_eps}};
       }},
  });
}
