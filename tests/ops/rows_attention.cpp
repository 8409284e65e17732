#include <xgrad/ops/attention.hpp>

#include "ops/table.hpp"

namespace table {
namespace {

Inputs of(const Shape& query, const Shape& key, const Shape& value) {
  return {normal(query), normal(key, 2), normal(value, 3)};
}

Row attending(const char* name, const Inputs& inputs,
              const ScaledDotProductAttentionOptions& options) {
  return {name, inputs, [options](const Inputs& x) {
            ScaledDotProductAttentionOptions o = options;
            if (o.attn_mask.defined() && o.attn_mask.dtype() != boolean)
              o.attn_mask = o.attn_mask.to(x[0].dtype());
            return scaled_dot_product_attention(x[0], x[1], x[2], o);
          }};
}

}  // namespace

template <>
Rows rows<Op::scaled_dot_product_attention>() {
  const Tensor seen = tensor({{true, false, true}, {false, false, false}, {true, true, true}});
  const Tensor keys = tensor({true, false, true});
  return {
      attending("one head", of({3, 2}, {4, 2}, {4, 3}), {}),
      attending("heads", of({2, 2, 3, 2}, {2, 2, 3, 2}, {2, 2, 3, 2}), {.scale = 0.5}),
      attending("causal", of({2, 3, 2}, {2, 3, 2}, {2, 3, 2}), {.is_causal = true}),
      attending("causal, more queries", of({1, 5, 2}, {1, 3, 2}, {1, 3, 2}), {.is_causal = true}),
      attending("causal, more keys", of({1, 2, 2}, {1, 4, 2}, {1, 4, 2}), {.is_causal = true}),
      attending("seen, one of nothing", of({2, 3, 2}, {2, 3, 2}, {2, 3, 2}), {.attn_mask = seen}),
      attending("seen keys, causal", of({2, 3, 2}, {2, 3, 2}, {2, 3, 2}),
                {.attn_mask = keys, .is_causal = true}),
      attending("added to each head", of({2, 3, 2}, {2, 3, 2}, {2, 3, 2}),
                {.attn_mask = normal({2, 1, 3}, 4)}),
      attending("added to each query", of({2, 3, 2}, {2, 4, 2}, {2, 4, 2}),
                {.attn_mask = normal({3, 1}, 4)}),
      attending("grouped heads", of({2, 4, 3, 2}, {2, 2, 3, 2}, {2, 2, 3, 2}),
                {.attn_mask = normal({4, 3, 3}, 4), .enable_gqa = true}),
      attending("broadcast", of({2, 1, 3, 2}, {3, 4, 2}, {1, 4, 2}), {}),
      {"learnt mask",
       {normal({2, 3, 2}), normal({2, 3, 2}, 2), normal({2, 3, 2}, 3), normal({3, 3}, 4)},
       [](const Inputs& x) {
         return scaled_dot_product_attention(x[0], x[1], x[2], {.attn_mask = x[3]});
       }},
      attending("no keys", of({2, 3, 2}, {2, 0, 2}, {2, 0, 2}), {}),
      attending("no queries", of({2, 0, 2}, {2, 3, 2}, {2, 3, 2}), {}),
      attending("no width", of({2, 3, 0}, {2, 3, 0}, {2, 3, 2}), {})};
}

}  // namespace table
