#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/nn/dropout.hpp>
#include <xgrad/nn/layer_norm.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/lookup.hpp>
#include <xgrad/nn/sequential.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad::nn::models {

struct GPTOptions {
  std::int64_t vocab_size = 256;  ///< tokens; the default is bytes
  std::int64_t block_size = 256;  ///< the most tokens that are looked at
  std::int64_t n_layer = 6;
  std::int64_t n_head = 6;
  std::int64_t n_embd = 384;
  double dropout = 0.2;
  bool bias = true;  ///< of linear layers and layer norms
};

struct GenerateOptions {
  double temperature = 1;
  /// Of the most probable tokens so many; 0: of all.
  std::int64_t top_k = 0;
  Generator* generator = nullptr;  ///< nullptr: the default one
};

/// A language model that sees tokens behind it alone (Radford et al., "Language Models are
/// Unsupervised Multitask Learners", 2019): tokens [N, T], int64, T ≤ block_size, to logits of the
/// next one [N, T, vocab_size]. Its sizes are those of a model of characters. Parameters are named
/// as in GPT-2; the embedding of tokens is the last layer's weight too.
///
///     const Tensor logits = gpt(tokens);
///     cross_entropy(logits.flatten(0, 1), next.flatten()).backward();
class GPT : public Module {
 public:
  class SelfAttention : public Module {
   public:
    explicit SelfAttention(const GPTOptions& options);
    Tensor forward(const Tensor& x) override;

    Linear c_attn, c_proj;

   private:
    std::int64_t heads_;
    double p_;
    Dropout dropout_;
  };

  class MLP : public Module {
   public:
    explicit MLP(const GPTOptions& options);
    Tensor forward(const Tensor& x) override;

    Linear c_fc, c_proj;

   private:
    Dropout dropout_;
  };

  class Block : public Module {
   public:
    explicit Block(const GPTOptions& options);
    Tensor forward(const Tensor& x) override;

    LayerNorm ln_1;
    SelfAttention attn;
    LayerNorm ln_2;
    MLP mlp;
  };

  class Transformer : public Module {
   public:
    explicit Transformer(const GPTOptions& options);
    /// Tokens [N, T] to [N, T, n_embd].
    Tensor forward(const Tensor& tokens) override;

    Embedding wte, wpe;
    Dropout drop;
    Sequential h;
    LayerNorm ln_f;
  };

  /// ValueError for sizes that are not positive, more than 10,000 layers, and where n_head does not
  /// divide n_embd.
  explicit GPT(const GPTOptions& options = {});

  /// ShapeError for other axes and for more than block_size tokens.
  Tensor forward(const Tensor& tokens) override;

  /// `tokens` [N, T] and `count` more, each drawn by the probabilities that the model, in
  /// evaluation, gives it behind those before it: [N, T + count]. ValueError for a temperature that
  /// is not positive, and for negative numbers.
  Tensor generate(Tensor tokens, std::int64_t count, const GenerateOptions& options = {});

  Transformer transformer;
  Linear lm_head;

 private:
  GPTOptions options_;
};

}  // namespace xgrad::nn::models

#pragma GCC visibility pop
