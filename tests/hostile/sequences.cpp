// Layers of sequences: recurrent ones, what is packed, attention.

#include <xgrad/nn/nn.hpp>

#include "hostile.hpp"

using namespace hostile;
using namespace nn::utils::rnn;

namespace {

PackedSequence packed(Arguments& from) {
  const Tensor data = from.tensor({5, 3});
  const Tensor sizes = from_vector(from.sizes({2, 2, 1}));
  const Tensor sorted = from_vector(from.sizes({1, 0}));
  return {data, sizes, sorted, from_vector(from.sizes({1, 0}))};
}

}  // namespace

TEST_CASE("hostile: packed sequences") {
  sweep({
      {"pack_padded_sequence",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 2, 3});
         const std::vector<std::int64_t> lengths = from.sizes({4, 2});
         const bool turned = from.flag();
         Arguments::use(
             pack_padded_sequence(x, lengths, {.batch_first = turned, .enforce_sorted = false})
                 .data);
       }},
      {"pack_sequence|cat",
       [](Arguments& from) {
         const std::vector<Tensor> list = from.tensors({2, 3});
         Arguments::use(pack_sequence(list, {.enforce_sorted = from.flag()}).data);
       }},
      {"pad_sequence|cat|full|arange",
       [](Arguments& from) {
         const std::vector<Tensor> list = from.tensors({2, 3});
         const bool turned = from.flag();
         Arguments::use(pad_sequence(list, {.batch_first = turned, .padding_value = from.real()}));
       }},
      {"pad_packed_sequence",
       [](Arguments& from) {
         const PackedSequence x = packed(from);
         const bool turned = from.flag();
         Arguments::use(
             pad_packed_sequence(x, {.batch_first = turned, .total_length = from.size(4)}).padded);
       }},
  });
}

TEST_CASE("hostile: recurrent layers") {
  sweep({
      {"LSTM",
       [](Arguments& from) {
         const std::int64_t in = from.size(3);
         const std::int64_t units = from.size(4);
         nn::LSTMOptions o;
         o.num_layers = from.size(2);
         o.dropout = from.real(0);
         o.bidirectional = from.flag();
         o.proj_size = from.size(2);
         nn::LSTM layer{in, units, o};
       }},
      {"net (LSTM)",
       [](Arguments& from) {
         const Tensor x = from.tensor({4, 2, 3});
         const Tensor h = from.tensor({1, 2, 5});
         nn::LSTM layer{3, 5};
         Arguments::use(layer(x, {h, from.tensor({1, 2, 5})}).output);
       }},
      {"net (GRU)",
       [](Arguments& from) {
         const PackedSequence x = packed(from);
         nn::GRU layer{3, 5, {.bidirectional = true}};
         Arguments::use(layer(x, from.tensor({2, 2, 5})).output.data);
       }},
      {"RNNCell",
       [](Arguments& from) {
         const std::int64_t in = from.size(3);
         nn::RNNCell layer{in, from.size(4)};
       }},
      {"net (LSTMCell)",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor h = from.tensor({2, 5});
         nn::LSTMCell layer{3, 5};
         Arguments::use(layer(x, {h, from.tensor({2, 5})}).h);
       }},
  });
}

TEST_CASE("hostile: attention and what is made of it") {
  sweep({
      {"MultiheadAttention",
       [](Arguments& from) {
         const std::int64_t width = from.size(4);
         const std::int64_t heads = from.size(2);
         const double dropout = from.real(0);
         const std::int64_t keys = from.size(3);
         nn::MultiheadAttention layer{
             width, heads, {.dropout = dropout, .kdim = keys, .vdim = from.size(3)}};
       }},
      {"net (MultiheadAttention)|net.out_proj (Linear)",
       [](Arguments& from) {
         const Tensor q = from.tensor({3, 2, 4});
         const Tensor k = from.tensor({5, 2, 4});
         const Tensor v = from.tensor({5, 2, 4});
         const Tensor mask = from.tensor({3, 5});
         nn::AttentionCall call{.key_padding_mask = from.tensor({2, 5}), .attn_mask = mask};
         call.need_weights = from.flag();
         call.is_causal = from.flag();
         nn::MultiheadAttention layer{4, 2};
         Arguments::use(layer(q, k, v, call).values);
       }},
      {"TransformerEncoderLayer|MultiheadAttention|Linear|LayerNorm",
       [](Arguments& from) {
         const std::int64_t width = from.size(4);
         const std::int64_t heads = from.size(2);
         const std::int64_t inside = from.size(3);
         const double dropout = from.real(0);
         nn::TransformerEncoderLayer layer{
             width,
             heads,
             {.dim_feedforward = inside, .dropout = dropout, .layer_norm_eps = from.real(1e-5)}};
       }},
      {"TransformerEncoder|net.layers.0.self_attn (MultiheadAttention)|net.layers.0 "
       "(TransformerEncoderLayer)",
       [](Arguments& from) {
         const nn::TransformerEncoderLayer layer{4, 2, {.dim_feedforward = 3, .dropout = 0}};
         nn::TransformerEncoder net{layer, from.size(2)};
         const Tensor x = from.tensor({3, 2, 4});
         const Tensor mask = from.tensor({3, 3});
         Arguments::use(net(x, {.src_mask = mask, .src_key_padding_mask = from.tensor({2, 3})}));
       }},
      {"generate_square_subsequent_mask|arange",
       [](Arguments& from) {
         Arguments::use(nn::Transformer::generate_square_subsequent_mask(from.size(3)));
       }},
  });
}
