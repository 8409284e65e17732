#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/models/gpt.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/attention.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/random.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>
#include <xgrad/ops/sorting.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace xgrad::nn::models {
namespace {

GPTOptions checked(const GPTOptions& o) {
  require<ValueError>(
      o.vocab_size > 0 && o.block_size > 0 && o.n_layer > 0 && o.n_head > 0 && o.n_embd > 0,
      "GPT: vocab_size {}, block_size {}, n_layer {}, n_head {}, n_embd {}; all must be positive",
      o.vocab_size, o.block_size, o.n_layer, o.n_head, o.n_embd);
  constexpr std::int64_t most_layers = 10000;  // each takes memory before the next is asked for
  require<ValueError>(o.n_layer <= most_layers, "GPT: n_layer is {}, at most {}", o.n_layer,
                      most_layers);
  require<ValueError>(o.n_embd % o.n_head == 0, "GPT: {} heads do not divide {} values", o.n_head,
                      o.n_embd);
  return o;
}

Linear linear_of(std::int64_t in, std::int64_t out, const GPTOptions& options) {
  return Linear{in, out, {.bias = options.bias}};
}

LayerNorm norm_of(const GPTOptions& options) {
  return LayerNorm{options.n_embd, {.bias = options.bias}};
}

}  // namespace

GPT::SelfAttention::SelfAttention(const GPTOptions& options)
    : c_attn(add("c_attn", linear_of(options.n_embd, 3 * options.n_embd, options))),
      c_proj(add("c_proj", linear_of(options.n_embd, options.n_embd, options))),
      heads_(options.n_head),
      p_(options.dropout),
      dropout_(add("resid_dropout", Dropout{options.dropout})) {}

Tensor GPT::SelfAttention::forward(const Tensor& x) {
  const std::int64_t batch = x.size(0);
  const std::int64_t steps = x.size(1);
  const std::int64_t values = x.size(2);
  // Queries, keys and values of all heads in one product.
  const Tensor parts = c_attn(x).reshape({batch, steps, 3, heads_, values / heads_});
  const auto heads = [&parts](std::int64_t i) { return parts.select(2, i).transpose(1, 2); };
  const Tensor y = scaled_dot_product_attention(
      heads(0), heads(1), heads(2), {.dropout_p = is_training() ? p_ : 0, .is_causal = true});
  return dropout_(c_proj(transpose(y, 1, 2).reshape({batch, steps, values})));
}

GPT::MLP::MLP(const GPTOptions& options)
    : c_fc(add("c_fc", linear_of(options.n_embd, 4 * options.n_embd, options))),
      c_proj(add("c_proj", linear_of(4 * options.n_embd, options.n_embd, options))),
      dropout_(add("dropout", Dropout{options.dropout})) {}

Tensor GPT::MLP::forward(const Tensor& x) { return dropout_(c_proj(gelu(c_fc(x)))); }

GPT::Block::Block(const GPTOptions& options)
    : ln_1(add("ln_1", norm_of(options))),
      attn(add("attn", SelfAttention(options))),
      ln_2(add("ln_2", norm_of(options))),
      mlp(add("mlp", MLP(options))) {}

Tensor GPT::Block::forward(const Tensor& x) {
  const Tensor y = x + attn(ln_1(x));
  return y + mlp(ln_2(y));
}

GPT::Transformer::Transformer(const GPTOptions& options)
    : wte(add("wte", Embedding{options.vocab_size, options.n_embd})),
      wpe(add("wpe", Embedding{options.block_size, options.n_embd})),
      drop(add("drop", Dropout{options.dropout})),
      h(add("h", Sequential{})) {
  for (std::int64_t i = 0; i < options.n_layer; ++i) h.push_back(Block(options));
  ln_f = add("ln_f", norm_of(options));
}

Tensor GPT::Transformer::forward(const Tensor& tokens) {
  return ln_f(h(drop(wte(tokens) + wpe(arange(tokens.size(1))))));
}

GPT::GPT(const GPTOptions& options)
    : transformer(add("transformer", Transformer(checked(options)))),
      lm_head(add("lm_head", Linear{options.n_embd, options.vocab_size, {.bias = false}})),
      options_(options) {
  // As GPT-2 starts, what is added to the residual stream the smaller the more there is of it.
  const double residual = 0.02 / std::sqrt(2 * static_cast<double>(options.n_layer));
  lm_head.weight = transformer.wte.weight;
  for (const auto& [name, x] : named_parameters())
    if (x.dim() > 1)
      init::normal_(x, 0, name.ends_with("c_proj.weight") ? residual : 0.02);
    else if (name.ends_with("bias"))
      init::zeros_(x);
}

Tensor GPT::forward(const Tensor& tokens) {
  const xgrad::detail::Running running("GPT", tokens);
  require<ShapeError>(tokens.dim() == 2 && tokens.size(1) <= options_.block_size,
                      "GPT: tokens {} must be [batch, steps] of at most {} steps", tokens.shape(),
                      options_.block_size);
  return lm_head(transformer(tokens));
}

Tensor GPT::generate(Tensor tokens, std::int64_t count, const GenerateOptions& options) {
  const xgrad::detail::Running running("generate", tokens);
  require<ShapeError>(tokens.dim() == 2, "generate: tokens {} must be [batch, steps]",
                      tokens.shape());
  require<ValueError>(count >= 0, "generate: {} tokens; there cannot be fewer than none", count);
  require<ValueError>(options.temperature > 0, "generate: temperature is {}, it must be positive",
                      options.temperature);
  require<ValueError>(options.top_k >= 0, "generate: top_k is {}, it must not be negative",
                      options.top_k);
  const NoGradGuard no_grad;
  const EvalGuard evaluation(*this);
  const std::int64_t among = std::min(options.top_k, options_.vocab_size);
  const std::int64_t given = tokens.size(1);
  const std::int64_t end = (Size(given, "generate") + count).value();
  const Tensor all = zeros({tokens.size(0), end}, {.dtype = tokens.dtype()});
  all.slice(1, 0, given).copy_(tokens);
  for (std::int64_t known = given; known < end; ++known) {
    const Tensor seen = all.slice(1, std::max<std::int64_t>(0, known - options_.block_size), known);
    // The largest is 0 then, which no temperature makes infinite.
    Tensor logits = (*this)(seen).select(1, -1).to(float64);
    logits = (logits - amax(logits, 1, true)) / options.temperature;
    if (among > 0) {
      const Tensor least = topk(logits, among).values.slice(1, among - 1, among);
      logits = where(logits < least, -std::numeric_limits<double>::infinity(), logits);
    }
    const Tensor next = multinomial(softmax(logits, 1), 1, false, options.generator);
    all.slice(1, known, known + 1).copy_(next);
  }
  return all;
}

}  // namespace xgrad::nn::models
