// Attention, and transformers, which are made of it.
#include <cmath>

#include "modules.hpp"

namespace agreement {
namespace {

using xgrad::Shape;
using xgrad::Tensor;

// ---- attention

/// True for the keys behind a length.
Input behind(const std::vector<std::int64_t>& lengths, std::int64_t steps) {
  std::vector<bool> values;
  for (const std::int64_t length : lengths)
    for (std::int64_t i = 0; i < steps; ++i) values.push_back(i >= length);
  return bools(values, Shape{static_cast<std::int64_t>(lengths.size()), steps});
}
/// True above the diagonal.
Input later(std::int64_t queries, std::int64_t keys) {
  std::vector<bool> values;
  for (std::int64_t i = 0; i < queries; ++i)
    for (std::int64_t j = 0; j < keys; ++j) values.push_back(j > i);
  return bools(values, Shape{queries, keys});
}
Input added(const Shape& shape) { return random(shape, xgrad::float64, -2, 2, 9); }
Input as_added(const Input& mask) {
  return {"-inf for " + mask.what,
          xgrad::where(mask.tensor, -INFINITY,
                       xgrad::zeros(mask.tensor.shape(), {.dtype = xgrad::float64}))};
}

/// Which inputs behind query, key and value are masks.
struct Attended {
  int padding = 0, mask = 0;
  bool needs_weights = true, averages = true;

  template <class T>
  static T at_place(const std::vector<T>& x, int place) {
    return place == 0 ? T() : x[static_cast<std::size_t>(place)];
  }
  Ours operator()(nn::MultiheadAttention& module, const Ours& x) const {
    const auto all = module(x[0], x[1], x[2],
                            {.key_padding_mask = at_place(x, padding),
                             .need_weights = needs_weights,
                             .attn_mask = at_place(x, mask),
                             .average_attn_weights = averages});
    return {all.values, all.weights};
  }
  Theirs operator()(torch::nn::MultiheadAttention& module, const Theirs& x) const {
    const auto [values, weights] =
        module(x[0], x[1], x[2], at_place(x, padding), needs_weights, at_place(x, mask), averages);
    return {values, weights};
  }
};

constexpr std::int64_t width = 6, heads = 2;

struct Attention {
  bool bias = true, bias_kv = false, zero_attn = false;
  std::int64_t kdim = width, vdim = width;

  std::string what() const {
    return std::string(bias ? "bias" : "no bias") + (bias_kv ? ", add_bias_kv" : "") +
           (zero_attn ? ", add_zero_attn" : "") + ", kdim " + std::to_string(kdim) + ", vdim " +
           std::to_string(vdim);
  }
};

void attention(Modules& s) {
  std::vector<Attention> all;
  for (const bool bias : {true, false})
    for (const bool bias_kv : {false, true})
      for (const bool zero_attn : {false, true}) {
        all.push_back({bias, bias_kv, zero_attn});
        all.push_back({bias, bias_kv, zero_attn, 5, 5});
      }
  const auto ours = [](const Attention& a) {
    nn::MultiheadAttentionOptions options{
        .bias = a.bias, .add_bias_kv = a.bias_kv, .add_zero_attn = a.zero_attn};
    if (a.kdim != width) options.kdim = a.kdim;
    if (a.vdim != width) options.vdim = a.vdim;
    return nn::MultiheadAttention(width, heads, options);
  };
  const auto theirs = [](const Attention& a) {
    return torch::nn::MultiheadAttention(torch::nn::MultiheadAttentionOptions(width, heads)
                                             .bias(a.bias)
                                             .add_bias_kv(a.bias_kv)
                                             .add_zero_attn(a.zero_attn)
                                             .kdim(a.kdim)
                                             .vdim(a.vdim));
  };
  for (const Attention& a : all) {
    const Inputs inputs{random({3, 2, width}), random({5, 2, a.kdim}, xgrad::float64, -3, 3, 2),
                        random({5, 2, a.vdim}, xgrad::float64, -3, 3, 3)};
    const auto try_with = [&](const std::string& with, const Inputs& more, const Attended& call,
                              const std::vector<Part>& but = {}, const std::string& because = "") {
      Inputs extended = inputs;
      for (const Input& one : more) extended.push_back(one);
      compare(
          s, {"MultiheadAttention", a.what() + with, extended, 3, true, but, because},
          [=] { return ours(a); }, [=] { return theirs(a); }, call);
    };
    const Input padded = behind({5, 3}, 5), masked = as_added(later(3, 5));
    try_with("", {}, {});
    try_with(", no weights", {}, {.needs_weights = false});
    try_with(", weights of each head", {}, {.averages = false});
    try_with(", padded", {padded}, {.padding = 3});
    try_with(", masked", {masked}, {.mask = 3});
    try_with(", masked by numbers", {added({3, 5})}, {.mask = 3});
    try_with(", masked and padded", {behind({2, 5}, 5), masked}, {.padding = 3, .mask = 4});
    try_with(", masked and padded, no weights", {behind({2, 5}, 5), masked},
             {.padding = 3, .mask = 4, .needs_weights = false});
    try_with(", masked by bools", {later(3, 5)}, {.mask = 3}, {Part::outputs, Part::gradients},
             "attn_mask: libtorch's C++ adds bools as 0 and 1");
    try_with(", masked in each head", {added({2 * heads, 3, 5})}, {.mask = 3}, {Part::refusal},
             "attn_mask: libtorch's C++ takes one for all heads alone");
    try_with(", padded by 0 or -inf", {as_added(padded)}, {.padding = 3},
             {Part::outputs, Part::gradients},
             "key_padding_mask: libtorch's C++ reads one of bools alone");
    for (const Inputs& wrong : {Inputs{random({3, 2, width + 1}), inputs[1], inputs[2]},
                                Inputs{inputs[0], random({4, 2, a.kdim}), inputs[2]},
                                Inputs{inputs[0], random({5, 3, a.kdim}), random({5, 3, a.vdim})}})
      refuse(
          s, {"MultiheadAttention", a.what(), wrong}, [=] { return ours(a); },
          [=] { return theirs(a); }, Attended());
  }
  const Inputs inputs{random({3, 2, width}), random({5, 2, width}), random({5, 2, width})};
  for (const auto& [mask, call] : {std::pair{behind({5, 3}, 4), Attended{.padding = 3}},
                                   {behind({5, 3, 2}, 5), Attended{.padding = 3}},
                                   {later(3, 4), Attended{.mask = 3}},
                                   {added({3, 3, 5}), Attended{.mask = 3}}}) {
    Inputs extended = inputs;
    extended.push_back(mask);
    refuse(
        s, {"MultiheadAttention", "", extended}, [=] { return ours({}); },
        [=] { return theirs({}); }, call);
  }
  for (const Attention& a :
       {Attention{.kdim = 5}, Attention{.vdim = 7}, Attention{.kdim = 5, .vdim = 7}})
    compare(
        s,
        {.module = "MultiheadAttention",
         .options = a.what(),
         .inputs = {inputs[0], random({5, 2, a.kdim}), random({5, 2, a.vdim})},
         .but = {Part::refusal},
         .because = "MultiheadAttention: libtorch's C++ wants keys and values of one width"},
        [=] { return ours(a); }, [=] { return theirs(a); }, Attended());
  refuse(
      s, {"MultiheadAttention", "4 heads of 6", inputs},
      [] { return nn::MultiheadAttention(width, 4); },
      [] { return torch::nn::MultiheadAttention(width, 4); }, Attended());
}

// ---- transformers

enum class Bend { relu, gelu };
constexpr const char* name_of(Bend bend) { return bend == Bend::relu ? "relu" : "gelu"; }

/// What layers and whole networks have in common.
template <class Options>
Options with_activation(Options options, Bend bend) {
  if (bend == Bend::relu)
    options.activation = xgrad::relu;
  else
    options.activation = [](const Tensor& x) { return xgrad::gelu(x); };
  return options;
}
template <class Options>
Options their_layer(Bend bend, double dropout) {
  Options options(width, heads);
  options.dim_feedforward(8).dropout(dropout);
  if (bend == Bend::gelu) options.activation(torch::kGELU);
  return options;
}
nn::TransformerLayerOptions our_layer(Bend bend, double dropout) {
  return with_activation(nn::TransformerLayerOptions{.dim_feedforward = 8, .dropout = dropout},
                         bend);
}

/// Masks of an encoder: which input each is, 0 for none.
struct Encoded {
  int mask = 0, padding = 0;

  template <class Module>
  Tensor operator()(Module& module, const Ours& x) const {
    return module(x[0], {.src_mask = Attended::at_place(x, mask),
                         .src_key_padding_mask = Attended::at_place(x, padding)});
  }
  template <class Module>
  at::Tensor operator()(Module& module, const Theirs& x) const {
    return module(x[0], Attended::at_place(x, mask), Attended::at_place(x, padding));
  }
};

/// Of a decoder: of the target and of the memory.
struct Decoded {
  int mask = 0, memory_mask = 0, padding = 0, memory_padding = 0;

  template <class Module>
  Tensor operator()(Module& module, const Ours& x) const {
    return module(x[0], x[1],
                  {.tgt_mask = Attended::at_place(x, mask),
                   .memory_mask = Attended::at_place(x, memory_mask),
                   .tgt_key_padding_mask = Attended::at_place(x, padding),
                   .memory_key_padding_mask = Attended::at_place(x, memory_padding)});
  }
  template <class Module>
  at::Tensor operator()(Module& module, const Theirs& x) const {
    return module(x[0], x[1], Attended::at_place(x, mask), Attended::at_place(x, memory_mask),
                  Attended::at_place(x, padding), Attended::at_place(x, memory_padding));
  }
};

/// In training nothing may be drawn.
template <class F, class G>
void encoder(Modules& s, const std::string& module, const std::string& options, bool drops, F f,
             G g) {
  const Input x = random({4, 2, width});
  const auto line = [&](const std::string& with, const Inputs& inputs) {
    return Line{module, options + with, inputs, 1, !drops};
  };
  compare(s, line("", {x}), f, g, Encoded{});
  compare(s, line(", masked", {x, as_added(later(4, 4))}), f, g, Encoded{.mask = 1});
  compare(s, line(", masked by numbers", {x, added({4, 4})}), f, g, Encoded{.mask = 1});
  compare(s, line(", padded", {x, behind({4, 2}, 4)}), f, g, Encoded{.padding = 1});
  compare(s, line(", masked and padded", {x, as_added(later(4, 4)), behind({4, 2}, 4)}), f, g,
          Encoded{.mask = 1, .padding = 2});
  refuse(s, line("", {random({4, 2, width + 1})}), f, g, Encoded{});
  refuse(s, line(", masked", {x, later(4, 3)}), f, g, Encoded{.mask = 1});
}

template <class F, class G>
void decoder(Modules& s, const std::string& module, const std::string& options, bool drops, F f,
             G g) {
  const Input x = random({3, 2, width}), memory = random({5, 2, width}, xgrad::float64, -3, 3, 2);
  const auto line = [&](const std::string& with, const Inputs& inputs) {
    return Line{module, options + with, inputs, 2, !drops};
  };
  compare(s, line("", {x, memory}), f, g, Decoded{});
  compare(s, line(", masked", {x, memory, as_added(later(3, 3)), added({3, 5})}), f, g,
          Decoded{.mask = 2, .memory_mask = 3});
  compare(s, line(", padded", {x, memory, behind({3, 2}, 3), behind({4, 5}, 5)}), f, g,
          Decoded{.padding = 2, .memory_padding = 3});
  compare(s,
          line(", masked and padded", {x, memory, as_added(later(3, 3)), as_added(later(3, 5)),
                                       behind({3, 2}, 3), behind({4, 5}, 5)}),
          f, g, Decoded{2, 3, 4, 5});
  refuse(s, line("", {x, random({5, 2, width + 1})}), f, g, Decoded{});
  refuse(s, line("", {x, random({5, 3, width})}), f, g, Decoded{});
}

void transformer_layers(Modules& s) {
  using TheirEncoderOptions = torch::nn::TransformerEncoderLayerOptions;
  using TheirDecoderOptions = torch::nn::TransformerDecoderLayerOptions;
  for (const Bend bend : {Bend::relu, Bend::gelu})
    for (const double dropout : {0., 0.1}) {
      const bool drops = dropout > 0;
      const std::string options =
          name_of(bend) + std::string(", dropout ") + std::to_string(dropout);
      const auto our_encoder = [=] {
        return nn::TransformerEncoderLayer(width, heads, our_layer(bend, dropout));
      };
      const auto their_encoder = [=] {
        return torch::nn::TransformerEncoderLayer(their_layer<TheirEncoderOptions>(bend, dropout));
      };
      const auto our_decoder = [=] {
        return nn::TransformerDecoderLayer(width, heads, our_layer(bend, dropout));
      };
      const auto their_decoder = [=] {
        return torch::nn::TransformerDecoderLayer(their_layer<TheirDecoderOptions>(bend, dropout));
      };
      encoder(s, "TransformerEncoderLayer", options, drops, our_encoder, their_encoder);
      decoder(s, "TransformerDecoderLayer", options, drops, our_decoder, their_decoder);
      for (const bool has_norm : {false, true}) {
        const std::string of = options + (has_norm ? ", 2 layers and a norm" : ", 2 layers");
        const auto norm = [=] {
          return has_norm ? std::optional(nn::LayerNorm(width)) : std::nullopt;
        };
        encoder(
            s, "TransformerEncoder", of, drops,
            [=] { return nn::TransformerEncoder(our_encoder(), 2, norm()); },
            [=] {
              torch::nn::TransformerEncoderOptions all(their_encoder(), 2);
              if (has_norm)
                all.norm(torch::nn::AnyModule(torch::nn::LayerNorm(std::vector{width})));
              return torch::nn::TransformerEncoder(all);
            });
        decoder(
            s, "TransformerDecoder", of, drops,
            [=] { return nn::TransformerDecoder(our_decoder(), 2, norm()); },
            [=] {
              torch::nn::TransformerDecoderOptions all(their_decoder(), 2);
              if (has_norm)
                all.norm(torch::nn::AnyModule(torch::nn::LayerNorm(std::vector{width})));
              return torch::nn::TransformerDecoder(all);
            });
      }
    }
}

/// Masks of a whole transformer: all or none.
struct Translated {
  bool masked;

  Tensor operator()(nn::Transformer& module, const Ours& x) const {
    if (!masked) return module(x[0], x[1]);
    return module(x[0], x[1],
                  {.src_mask = x[2],
                   .tgt_mask = x[3],
                   .memory_mask = x[4],
                   .src_key_padding_mask = x[5],
                   .tgt_key_padding_mask = x[6],
                   .memory_key_padding_mask = x[5]});
  }
  at::Tensor operator()(torch::nn::Transformer& module, const Theirs& x) const {
    if (!masked) return module(x[0], x[1]);
    return module(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[5]);
  }
};

void transformer(Modules& s) {
  for (const Bend bend : {Bend::relu, Bend::gelu})
    for (const auto& [encoders, decoders] : {std::pair{1, 1}, {2, 1}, {1, 2}}) {
      const auto ours = [=, encoders = encoders, decoders = decoders] {
        return nn::Transformer(
            width, heads,
            with_activation(nn::TransformerOptions{.num_encoder_layers = encoders,
                                                   .num_decoder_layers = decoders,
                                                   .dim_feedforward = 8,
                                                   .dropout = 0},
                            bend));
      };
      const auto theirs = [=, encoders = encoders, decoders = decoders] {
        torch::nn::TransformerOptions options(width, heads, encoders, decoders);
        options.dim_feedforward(8).dropout(0);
        if (bend == Bend::gelu) options.activation(torch::kGELU);
        return torch::nn::Transformer(options);
      };
      const std::string options = std::string(name_of(bend)) + ", " + std::to_string(encoders) +
                                  " and " + std::to_string(decoders) + " layers";
      const Input src = random({5, 2, width}),
                  tgt = random({3, 2, width}, xgrad::float64, -3, 3, 2);
      compare(s, {"Transformer", options, {src, tgt}, 2}, ours, theirs, Translated{false});
      compare(s,
              {"Transformer",
               options + ", masked",
               {src, tgt, as_added(later(5, 5)), as_added(later(3, 3)), as_added(later(3, 5)),
                behind({5, 2}, 5), behind({3, 2}, 3)},
               2},
              ours, theirs, Translated{true});
      refuse(s, {"Transformer", options, {src, random({3, 3, width})}}, ours, theirs,
             Translated{false});
      refuse(s, {"Transformer", options, {src, random({3, 2, width + 1})}}, ours, theirs,
             Translated{false});
    }
}

}  // namespace

void attention_modules(Modules& s) {
  attention(s);
  transformer_layers(s);
  transformer(s);
}

}  // namespace agreement
