#pragma once
// Internal: what scaled_dot_product_attention() is, with its weights, and of what lies together.

#include <xgrad/ops/attention.hpp>

namespace xgrad {

struct Attended {
  Tensor values;
  Tensor weights;  ///< [..., L, S], behind the dropout; undefined unless they were asked for
};
Attended attend(const Tensor& query, const Tensor& key, const Tensor& value,
                const ScaledDotProductAttentionOptions& options, bool need_weights);

/// scaled_dot_product_attention of query, key and value in one, [3, ..., L, E], which may be a
/// view. Its gradient is made in one piece, its axes in the order in memory of those of `joint`.
Tensor joint_attention(const Tensor& joint, const ScaledDotProductAttentionOptions& options);

}  // namespace xgrad
