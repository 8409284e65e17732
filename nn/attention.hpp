#pragma once
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/module_of.hpp>

#include <cstdint>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad::nn {

struct MultiheadAttentionOptions {
  double dropout = 0;                     ///< of the weights, in training
  bool bias = true;                       ///< of all projections
  bool add_bias_kv = false;               ///< a key and a value that are learnt, behind those given
  bool add_zero_attn = false;             ///< a key and a value of zeros behind them all
  std::optional<std::int64_t> kdim = {};  ///< features of keys; none: embed_dim
  std::optional<std::int64_t> vdim = {};  ///< features of values; none: embed_dim
  bool batch_first = false;               ///< [batch, length, features], not [length, batch, …]
};

/// What a call of attention is told beside its tensors. Masks are of bool, true where a key is not
/// seen (the other way round than in scaled_dot_product_attention), or are added to the scores.
struct AttentionCall {
  Tensor key_padding_mask = {};      ///< [batch, S], or [S] without a batch
  bool need_weights = true;          ///< without, they are never all there at once
  Tensor attn_mask = {};             ///< [L, S], or [batch · num_heads, L, S]
  bool average_attn_weights = true;  ///< weights [batch, L, S], not [batch, num_heads, L, S]
  bool is_causal = false;            ///< query i sees the keys 0 to i, also without a mask
};

/// softmax(q kᵀ / √width) v of several heads, each of its own projections of query, key and value,
/// and a projection of them all. Vaswani et al., arXiv:1706.03762.
///
///     nn::MultiheadAttention attention{256, 8, {.batch_first = true}};
///     auto [values, weights] = attention(x, x, x, {.need_weights = false});
///
/// query [L, batch, embed_dim], key [S, batch, kdim] and value [S, batch, vdim] give values
/// [L, batch, embed_dim]; or all without the batch. A query that sees no key has the output
/// projection's bias. The weights are behind the dropout, as PyTorch's are.
///
/// ValueError for sizes that are not positive or that num_heads does not divide; ShapeError where
/// shapes do not fit, DTypeError for masks of other dtypes.
class MultiheadAttention : public ModuleOf<MultiheadAttention> {
 public:
  struct Output {
    Tensor values;
    Tensor weights;  ///< undefined where they are not needed
  };

  /// Not usable before a made one is assigned.
  MultiheadAttention() = default;
  MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads,
                     const MultiheadAttentionOptions& options = {});

  Output forward(const Tensor& query, const Tensor& key, const Tensor& value,
                 const AttentionCall& call = {});

  Parameter
      in_proj_weight;  ///< [3 · embed_dim, embed_dim]; undefined with a kdim or vdim of their own
  Parameter q_proj_weight;  ///< [embed_dim, embed_dim], otherwise undefined
  Parameter k_proj_weight;  ///< [embed_dim, kdim], otherwise undefined
  Parameter v_proj_weight;  ///< [embed_dim, vdim], otherwise undefined
  Parameter in_proj_bias;   ///< [3 · embed_dim], or undefined
  Parameter bias_k;         ///< [1, 1, embed_dim], or undefined
  Parameter bias_v;         ///< [1, 1, embed_dim], or undefined
  Linear out_proj;

 private:
  struct Projected;
  Projected project(const Tensor& query, const Tensor& key, const Tensor& value) const;
  void append(Tensor& key, Tensor& value) const;

  MultiheadAttentionOptions options_;
  std::int64_t num_heads_ = 0;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
