// Transformer layers and stacks of them.

#include <xgrad/nn/nn.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

using namespace support;

namespace {

using Names = std::vector<std::string>;

Names names_of(const nn::Module& net) {
  Names names;
  for (const auto& [name, x] : net.state_dict()) names.push_back(name);
  return names;
}

bool close(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && allclose(a, b, 1e-11, 1e-11);
}

/// In float64, of a stream of its own, with biases and norms away from where they start.
template <class Net>
Net mixed(Net net) {
  net.to(float64);
  std::uint64_t seed = 100;
  for (const Tensor& p : net.parameters()) {
    const Tensor drawn = normal(p.shape(), seed++) * 0.4;
    p.detach().copy_(p.dim() == 1 ? drawn + p.detach() : drawn);
  }
  return net;
}

/// Layer norm of the last axis by its formula.
Tensor normed(const nn::LayerNorm& norm, const Tensor& x, double eps = 1e-5) {
  const Tensor centred = x - x.mean({-1}, true);
  const Tensor y = centred / sqrt(square(centred).mean({-1}, true) + eps);
  return y * norm.weight + norm.bias;
}

Tensor product(const nn::Linear& fc, const Tensor& x) { return matmul(x, fc.weight.t()) + fc.bias; }

Tensor attended(nn::MultiheadAttention& attention, const Tensor& q, const Tensor& kv,
                const nn::AttentionCall& call = {}) {
  return attention(q, kv, kv, call).values;
}

/// Without the part of keys, of which no result depends: differences would be noise.
Tensor without_keys(const std::string& name, const Tensor& p) {
  if (!name.ends_with("in_proj_bias")) return p;
  const std::vector<Tensor> parts = p.chunk(3);
  return cat({parts[0], zeros_like(parts[1]), parts[2]});
}

/// Gradients of the input and of parameters against differences.
template <class Net, class Loss>
bool gradients_are_right(Net net, std::vector<Tensor> inputs, const Loss& loss) {
  const std::size_t given = inputs.size();
  Names names;
  for (const auto& [name, p] : net.named_parameters()) {
    names.push_back(name);
    inputs.push_back(p.detach());
  }
  return gradcheck(
      [&](const std::vector<Tensor>& all) {
        NamedTensors own;
        for (std::size_t i = 0; i < names.size(); ++i)
          own.emplace_back(names[i], without_keys(names[i], all[given + i]));
        return sum(square(loss(net, own, all)));
      },
      inputs);
}

template <class Net>
void check_gradients_reach_all(const Net& net, const Tensor& y) {
  sum(square(y)).backward();
  for (const Tensor& p : net.parameters()) {
    REQUIRE(p.grad().defined());
    CHECK(abs(p.grad()).max().item() > 0);
  }
}

const nn::TransformerLayerOptions plain{.dim_feedforward = 7, .dropout = 0};

}  // namespace

TEST_CASE("an encoder layer is attention and two linear layers, each with norm") {
  nn::TransformerEncoderLayer net = mixed(nn::TransformerEncoderLayer{6, 2, plain});
  const Tensor x = normal({4, 3, 6});
  const Tensor a = normed(net.norm1, x + attended(net.self_attn, x, x));
  const Tensor y = normed(net.norm2, a + product(net.linear2, maximum(product(net.linear1, a), 0)));
  CHECK(close(net(x), y));
  CHECK(close(net(x.select(1, 1)), y.select(1, 1)));
  check_gradients_reach_all(net, net(x));

  nn::TransformerLayerOptions options = plain;
  options.norm_first = true;
  options.activation = gelu;
  nn::TransformerEncoderLayer first = mixed(nn::TransformerEncoderLayer{6, 2, options});
  first.load_state_dict(net.state_dict());
  const Tensor in = normed(net.norm1, x);
  const Tensor b = x + attended(net.self_attn, in, in);
  CHECK(
      close(first(x), b + product(net.linear2, gelu(product(net.linear1, normed(net.norm2, b))))));
}

TEST_CASE("a decoder layer sees what it made before, and the memory") {
  nn::TransformerDecoderLayer net = mixed(nn::TransformerDecoderLayer{6, 2, plain});
  const Tensor x = normal({4, 3, 6}), memory = normal({5, 3, 6}, 2);
  const Tensor a = normed(net.norm1, x + attended(net.self_attn, x, x, {.is_causal = true}));
  const Tensor b = normed(net.norm2, a + attended(net.multihead_attn, a, memory));
  const Tensor y = normed(net.norm3, b + product(net.linear2, maximum(product(net.linear1, b), 0)));
  CHECK(close(net(x, memory, {.tgt_is_causal = true}), y));
  check_gradients_reach_all(net, net(x, memory));

  nn::TransformerLayerOptions options = plain;
  options.norm_first = true;
  options.activation = [](const Tensor& t) { return tanh(t); };
  nn::TransformerDecoderLayer first = mixed(nn::TransformerDecoderLayer{6, 2, options});
  first.load_state_dict(net.state_dict());
  const Tensor in = normed(net.norm1, x);
  const Tensor c = x + attended(net.self_attn, in, in);
  const Tensor d = c + attended(net.multihead_attn, normed(net.norm2, c), memory);
  CHECK(close(first(x, memory),
              d + product(net.linear2, tanh(product(net.linear1, normed(net.norm3, d))))));
}

TEST_CASE("padded batches give what each sequence gives by itself") {
  nn::TransformerLayerOptions options = plain;
  options.batch_first = true;
  nn::TransformerEncoder encoder =
      mixed(nn::TransformerEncoder{nn::TransformerEncoderLayer{6, 2, options}, 2});
  nn::TransformerDecoder decoder =
      mixed(nn::TransformerDecoder{nn::TransformerDecoderLayer{6, 2, options}, 2});
  const std::vector<std::int64_t> lengths{5, 2, 3}, outputs{1, 4, 2};
  std::vector<Tensor> src, tgt;
  for (std::size_t i = 0; i < 3; ++i) {
    src.push_back(normal({lengths[i], 6}, i + 1));
    tgt.push_back(normal({outputs[i], 6}, i + 11));
  }
  const auto padding = [](const std::vector<std::int64_t>& counts, std::int64_t steps) {
    return arange(steps) >= tensor(counts).unsqueeze(1);
  };
  using nn::utils::rnn::pad_sequence;
  const Tensor all = pad_sequence(src, {.batch_first = true, .padding_value = 3});
  const Tensor wanted = pad_sequence(tgt, {.batch_first = true, .padding_value = 4});
  const Tensor memory = encoder(all, {.src_key_padding_mask = padding(lengths, 5)});
  const Tensor y = decoder(wanted, memory,
                           {.tgt_key_padding_mask = padding(outputs, 4),
                            .memory_key_padding_mask = padding(lengths, 5),
                            .tgt_is_causal = true});
  for (std::size_t i = 0; i < 3; ++i) {
    const auto b = static_cast<std::int64_t>(i);
    const Tensor own = encoder(src[i]);
    CHECK(close(memory[b].slice(0, 0, lengths[i]), own));
    CHECK(close(y[b].slice(0, 0, outputs[i]), decoder(tgt[i], own, {.tgt_is_causal = true})));
  }
}

TEST_CASE("what comes later changes nothing before, by a mask or is_causal") {
  nn::TransformerEncoder net =
      mixed(nn::TransformerEncoder{nn::TransformerEncoderLayer{6, 2, plain}, 2});
  const Tensor x = normal({5, 2, 6});
  const Tensor mask = nn::Transformer::generate_square_subsequent_mask(5);
  const Tensor y = net(x, {.is_causal = true});
  CHECK(close(net(x, {.src_mask = mask.to(float64)}), y));
  CHECK(close(net(x, {.src_mask = mask < 0}), y));
  const Tensor other = cat({x.slice(0, 0, 3), normal({2, 2, 6}, 5)});
  const Tensor z = net(other, {.is_causal = true});
  CHECK(equal(z.slice(0, 0, 3), y.slice(0, 0, 3)));
  CHECK_FALSE(close(z.slice(0, 3), y.slice(0, 3)));
  CHECK_FALSE(close(net(other).slice(0, 0, 3), net(x).slice(0, 0, 3)));
}

TEST_CASE("the mask of later places") {
  constexpr double hidden = -std::numeric_limits<double>::infinity();
  const Tensor mask = nn::Transformer::generate_square_subsequent_mask(3);
  CHECK(mask.dtype() == float32);
  CHECK(values(mask) == std::vector<double>{0, hidden, hidden, 0, 0, hidden, 0, 0, 0});
  CHECK(nn::Transformer::generate_square_subsequent_mask(0).shape() == Shape{0, 0});
  CHECK(message_of<ValueError>([] { nn::Transformer::generate_square_subsequent_mask(-1); }) ==
        "generate_square_subsequent_mask: size is -1; it must not be negative");
}

TEST_CASE("layers of a stack start alike and are their own") {
  nn::TransformerEncoderLayer layer{4, 2, plain};
  nn::TransformerEncoder net{layer, 3, nn::LayerNorm{Shape{4}}};
  CHECK(net.layers.size() == 3);
  CHECK(equal(net.layers[0].linear1.weight, net.layers[2].linear1.weight));
  CHECK(equal(net.layers[0].linear1.weight, layer.linear1.weight));
  net.layers[1].linear1.weight.detach().zero_();
  CHECK(abs(net.layers[0].linear1.weight).max().item() > 0);
  CHECK(abs(layer.linear1.weight).max().item() > 0);

  const Tensor x = normal({3, 1, 4}).to(float32);
  nn::TransformerEncoder copy = nn::clone(net);
  const Tensor y = net(x);
  CHECK(equal(copy(x), y));
  copy.layers[0].norm1.weight.detach().zero_();
  copy.norm->bias.detach().fill_(1);
  CHECK(equal(net(x), y));
  CHECK_FALSE(equal(copy(x), y));
  copy.load_state_dict(net.state_dict());
  CHECK(equal(copy(x), y));
  // The final norm is the last that is done.
  nn::TransformerEncoder without{layer, 3};
  for (std::size_t i = 0; i < 3; ++i) without.layers[i].load_state_dict(net.layers[i].state_dict());
  CHECK(allclose((*net.norm)(without(x)), y, 1e-6, 1e-6));
}

TEST_CASE("both orders of the axes compute the same") {
  nn::TransformerOptions options{
      .num_encoder_layers = 1, .num_decoder_layers = 1, .dim_feedforward = 8, .dropout = 0};
  nn::Transformer net = mixed(nn::Transformer{6, 2, options});
  options.batch_first = true;
  nn::Transformer turned = mixed(nn::Transformer{6, 2, options});
  turned.load_state_dict(net.state_dict());
  const Tensor src = normal({5, 3, 6}), tgt = normal({4, 3, 6}, 2);
  const Tensor y = net(src, tgt, {.tgt_is_causal = true});
  CHECK(y.shape() == Shape{4, 3, 6});
  CHECK(close(turned(src.transpose(0, 1), tgt.transpose(0, 1), {.tgt_is_causal = true}),
              y.transpose(0, 1)));
  // It is its two parts, each of whose masks arrives.
  const Tensor hides = tensor({{false, true, false, false, false},
                               {false, false, false, true, true},
                               {true, false, false, false, false}});
  const Tensor bias = normal({5, 5}, 3), cross = normal({4, 5}, 4), own = normal({4, 4}, 5);
  const Tensor late = tensor(
      {{false, false, false, true}, {false, false, false, false}, {false, false, true, true}});
  const Tensor memory = net.encoder(src, {.src_mask = bias, .src_key_padding_mask = hides});
  CHECK(close(net(src, tgt,
                  {.src_mask = bias,
                   .tgt_mask = own,
                   .memory_mask = cross,
                   .src_key_padding_mask = hides,
                   .tgt_key_padding_mask = late,
                   .memory_key_padding_mask = hides}),
              net.decoder(tgt, memory,
                          {.tgt_mask = own,
                           .memory_mask = cross,
                           .tgt_key_padding_mask = late,
                           .memory_key_padding_mask = hides})));
  CHECK_FALSE(close(net(src, tgt, {.memory_mask = cross}), net(src, tgt)));
  CHECK_FALSE(close(net(src, tgt, {.tgt_mask = own}), net(src, tgt)));
  CHECK_FALSE(close(net(src, tgt, {.memory_key_padding_mask = hides}), net(src, tgt)));
  CHECK_FALSE(close(net(src, tgt, {.src_is_causal = true}), net(src, tgt)));
  CHECK_FALSE(close(net(src, tgt, {.memory_is_causal = true}), net(src, tgt)));
  check_gradients_reach_all(net, y);
}

TEST_CASE("parameters have PyTorch's names and order") {
  const Names attention{"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"};
  const auto layer = [&](const std::string& path, const Names& attentions, const Names& others) {
    Names all;
    for (const std::string& one : attentions)
      for (const std::string& name : attention) all.push_back(path + one + "." + name);
    for (const std::string& one : others)
      for (const char* name : {".weight", ".bias"}) all.push_back(path + one + name);
    return all;
  };
  const Names encoder_parts{"linear1", "linear2", "norm1", "norm2"};
  const Names decoder_parts{"linear1", "linear2", "norm1", "norm2", "norm3"};
  CHECK(names_of(nn::TransformerEncoderLayer{4, 2, plain}) ==
        layer("", {"self_attn"}, encoder_parts));
  CHECK(names_of(nn::TransformerDecoderLayer{4, 2, plain}) ==
        layer("", {"self_attn", "multihead_attn"}, decoder_parts));
  Names all = layer("encoder.layers.0.", {"self_attn"}, encoder_parts);
  for (const char* name : {"encoder.norm.weight", "encoder.norm.bias"}) all.push_back(name);
  for (const std::string& name :
       layer("decoder.layers.0.", {"self_attn", "multihead_attn"}, decoder_parts))
    all.push_back(name);
  for (const char* name : {"decoder.norm.weight", "decoder.norm.bias"}) all.push_back(name);
  const nn::Transformer net{
      4, 2, {.num_encoder_layers = 1, .num_decoder_layers = 1, .dim_feedforward = 8}};
  CHECK(names_of(net) == all);

  nn::TransformerLayerOptions bare = plain;
  bare.bias = false;
  CHECK(names_of(nn::TransformerEncoderLayer{4, 2, bare}) ==
        Names{"self_attn.in_proj_weight", "self_attn.out_proj.weight", "linear1.weight",
              "linear2.weight", "norm1.weight", "norm2.weight"});
}

TEST_CASE("a Transformer's matrices start as Glorot and Bengio say") {
  const nn::Transformer net{
      32, 4, {.num_encoder_layers = 2, .num_decoder_layers = 1, .dim_feedforward = 64}};
  for (const auto& [name, p] : net.named_parameters()) {
    if (p.dim() < 2) continue;
    const double bound = std::sqrt(6.0 / static_cast<double>(p.size(0) + p.size(1)));
    CHECK(abs(p).max().item() <= bound);
    CHECK(abs(p).max().item() > 0.95 * bound);
  }
  CHECK_FALSE(equal(net.encoder.layers[0].linear1.weight, net.encoder.layers[1].linear1.weight));
}

TEST_CASE("dropout is in training alone") {
  nn::TransformerEncoderLayer net{8, 2, {.dim_feedforward = 8, .dropout = 0.5}};
  const Tensor x = normal({4, 2, 8}).to(float32);
  CHECK_FALSE(equal(net(x), net(x)));
  net.eval();
  CHECK(equal(net(x), net(x)));
  nn::TransformerEncoderLayer same{8, 2, {.dim_feedforward = 8, .dropout = 0}};
  same.load_state_dict(net.state_dict());
  CHECK(equal(same(x), net(x)));
  // With all that a block gives gone, what goes past it is normed twice.
  nn::TransformerEncoderLayer deaf{8, 2, {.dim_feedforward = 8, .dropout = 1}};
  CHECK(allclose(deaf(x), deaf.norm2(deaf.norm1(x)), 1e-6, 1e-6));
}

TEST_CASE("gradients of whole layers agree with differences") {
  nn::TransformerLayerOptions options{.dim_feedforward = 3, .dropout = 0, .activation = gelu};
  for (const bool norm_first : {false, true}) {
    options.norm_first = norm_first;
    CHECK(gradients_are_right(
        mixed(nn::TransformerEncoderLayer{4, 2, options}), {normal({3, 2, 4})},
        [](auto& net, const NamedTensors& own, const std::vector<Tensor>& in) {
          return nn::functional_call(net, own, in[0], nn::EncoderCall{.is_causal = true});
        }));
    CHECK(
        gradients_are_right(mixed(nn::TransformerDecoderLayer{4, 2, options}),
                            {normal({2, 2, 4}), normal({3, 2, 4}, 2)},
                            [](auto& net, const NamedTensors& own, const std::vector<Tensor>& in) {
                              return nn::functional_call(net, own, in[0], in[1]);
                            }));
  }
}

TEST_CASE("layers go into a Sequential") {
  nn::TransformerLayerOptions options = plain;
  options.batch_first = true;
  nn::Sequential net{nn::Linear{3, 4}, nn::TransformerEncoderLayer{4, 2, options},
                     nn::TransformerEncoder{nn::TransformerEncoderLayer{4, 2, options}, 2}};
  CHECK(net(normal({2, 5, 3}).to(float32)).shape() == Shape{2, 5, 4});
}

TEST_CASE("transformers refuse what cannot be") {
  CHECK(message_of<ValueError>([] {
          nn::TransformerEncoderLayer{6, 4};
        }) == "MultiheadAttention: 4 heads must divide embed_dim 6");
  CHECK(message_of<ValueError>([] {
          nn::TransformerEncoderLayer{6, 2, {.dim_feedforward = 0}};
        }) == "TransformerEncoderLayer: dim_feedforward is 0; it must be positive");
  CHECK(message_of<ValueError>([] {
          nn::TransformerDecoderLayer{6, 2, {.dropout = std::nan("")}};
        }) == "TransformerDecoderLayer: dropout is nan, it must lie in [0, 1]");
  CHECK(message_of<ValueError>([] {
          nn::TransformerEncoderLayer{6, 2, {.layer_norm_eps = -1}};
        }) == "TransformerEncoderLayer: layer_norm_eps is -1; it must not be negative");
  CHECK(message_of<ValueError>([] {
          nn::TransformerEncoder{nn::TransformerEncoderLayer{4, 2, plain}, 0};
        }) == "TransformerEncoder: num_layers is 0; it must lie in [1, 10000]");
  CHECK(message_of<ValueError>([] {
          nn::TransformerEncoderLayer{4, 2, {.activation = std::function<Tensor(Tensor)>()}};
        }) == "Activation: the function is empty");
  CHECK(message_of<ValueError>([] {
          nn::TransformerEncoder()(zeros({2, 1, 4}));
        }) ==
        "net (TransformerEncoder): TransformerEncoder: used before it was made; give it its "
        "layers, as in nn::TransformerEncoder{layer, 6}");
  nn::TransformerEncoder net{nn::TransformerEncoderLayer{4, 2, plain}, 1};
  CHECK(message_of<ShapeError>([&] {
          net(zeros({3, 2, 5}));
        }) ==
        "net.layers.0.self_attn (MultiheadAttention): MultiheadAttention: query [3, 2, 5], "
        "key [3, 2, 5] and value [3, 2, 5] must be [length, batch, features] with 4, 4 and 4 "
        "features, key and value as long as each other; or all of them without the batch");
}
