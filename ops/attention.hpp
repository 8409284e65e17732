#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tensor.hpp>

#include <optional>

#pragma GCC visibility push(default)

namespace xgrad {

struct ScaledDotProductAttentionOptions {
  /// Broadcasts to [..., L, S]: of bool, whether a query sees a key; otherwise added to the scores.
  Tensor attn_mask = {};
  double dropout_p = 0;              ///< probability of a weight to become 0, in training or not
  bool is_causal = false;            ///< query i sees the keys 0 to i, also where L ≠ S
  std::optional<double> scale = {};  ///< of the scores; 1 / √E
  bool enable_gqa = false;         ///< several heads of queries, one after the other, share a key's
  Generator* generator = nullptr;  ///< of the dropout; nullptr: the default one
};

/// softmax(scale · query keyᵀ + mask) value: [..., L, Ev] from query [..., L, E], key [..., S, E]
/// and value [..., S, Ev], whose leading axes broadcast together. Grouped heads are the last of the
/// leading axes: key and value have Hkv where query has H, a multiple of it.
///
/// The scores are never all there at once: memory beyond the results grows with L + S. (Not so with
/// dropout, or where the mask requires a gradient.) Dao et al., arXiv:2205.14135; Milakov and
/// Gimelshein, arXiv:1805.02867. A query that sees no key gets 0, as in PyTorch since 2.5. A mask
/// beside is_causal: a query sees what both let it see. ShapeError where shapes do not fit;
/// DTypeError unless all are floating and of one dtype, but for a mask of bool; ValueError for a
/// dropout_p outside of [0, 1].
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const ScaledDotProductAttentionOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
