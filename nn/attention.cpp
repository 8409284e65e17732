#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/nn/attention.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/attention_parts.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <array>
#include <limits>
#include <utility>
#include <vector>

namespace xgrad::nn {
namespace {

constexpr const char* layer = "MultiheadAttention";

/// Of one call.
struct Extents {
  std::int64_t batch;
  std::int64_t heads;
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t appended = 0;  ///< keys behind those given, which every query sees
  bool batched = true;
};

Extents extents_of(const Tensor& q, const Tensor& k, const Tensor& v, const Shape& features,
                   std::int64_t heads, bool batch_first) {
  const auto refuse = [&] {
    raise<ShapeError>(
        "{}: query {}, key {} and value {} must be [{}, features] with {}, {} and {} features, key "
        "and value as long as each other; or all of them without the batch",
        layer, q.shape(), k.shape(), v.shape(), batch_first ? "batch, length" : "length, batch",
        features[0], features[1], features[2]);
  };
  const std::int64_t axes = q.dim();
  if ((axes != 2 && axes != 3) || k.dim() != axes || v.dim() != axes) refuse();
  const bool batched = axes == 3;
  const std::int64_t length = batched && batch_first ? 1 : 0;
  const std::int64_t batch = 1 - length;
  bool fit = k.size(length) == v.size(length);
  for (std::size_t i = 0; const Tensor* x : {&q, &k, &v})
    fit = fit && x->size(-1) == features[i++] && (!batched || x->size(batch) == q.size(batch));
  if (!fit) refuse();
  return {batched ? q.size(batch) : 1, heads, q.size(length), k.size(length), 0, batched};
}

// ---- masks

/// What hides keys, of bool, and what is added to scores.
struct Masks {
  Tensor hidden;
  Tensor added;

  void take(const Tensor& mask) {
    if (mask.dtype() == boolean)
      hidden = hidden.defined() ? logical_or(hidden, mask) : mask;
    else
      added = added.defined() ? added + mask : mask;
  }
  /// As scaled_dot_product_attention takes it: undefined, of bool where a key is seen, or added.
  Tensor together() const {
    if (!hidden.defined()) return added;
    if (!added.defined()) return logical_not(hidden);
    return where(hidden, -std::numeric_limits<double>::infinity(), added);
  }
};

void check_mask(const char* what, const Tensor& mask, bool fits, const Shape& expected,
                DType dtype) {
  require<ShapeError>(fits, "{}: {} is {}; expected {}", layer, what, mask.shape(), expected);
  require<DTypeError>(mask.dtype() == boolean || mask.dtype() == dtype,
                      "{}: {} is {}; it must be bool or as the query {}", layer, what, mask.dtype(),
                      dtype);
}

/// With columns for keys that every query sees.
Tensor widened(const Tensor& mask, std::int64_t columns) {
  if (columns == 0) return mask;
  Shape shape = mask.shape();
  shape.back() = columns;
  return cat({mask, zeros(shape, {.dtype = mask.dtype()})}, -1);
}

Tensor mask_of(const AttentionCall& call, const Extents& e, DType dtype) {
  Masks masks;
  if (const Tensor& mask = call.attn_mask; mask.defined()) {
    const Shape of_heads{e.batch * e.heads, e.queries, e.keys};
    const Shape of_all{e.queries, e.keys};
    check_mask("attn_mask", mask, mask.shape() == of_all || mask.shape() == of_heads,
               mask.dim() == 3 ? of_heads : of_all, dtype);
    const bool all = mask.dim() == 2;
    masks.take(
        widened(all ? mask : reshape(mask, {e.batch, e.heads, e.queries, e.keys}), e.appended));
  }
  if (const Tensor& mask = call.key_padding_mask; mask.defined()) {
    const Shape expected = e.batched ? Shape{e.batch, e.keys} : Shape{e.keys};
    check_mask("key_padding_mask", mask, mask.shape() == expected, expected, dtype);
    masks.take(widened(reshape(mask, {e.batch, 1, 1, e.keys}), e.appended));
  }
  if (call.is_causal && e.appended > 0)
    masks.take(widened(unsqueeze(arange(e.queries), 1) < arange(e.keys), e.appended));
  return masks.together();
}

// ---- heads

/// The axes of heads [batch, heads, length, width] in [batch, length, heads, width] or [length,
/// batch, …], and the other way round.
Axes to_heads(bool batch_first) { return batch_first ? Axes{0, 2, 1, 3} : Axes{1, 2, 0, 3}; }
Axes from_heads(bool batch_first) { return batch_first ? Axes{0, 2, 1, 3} : Axes{2, 0, 1, 3}; }

/// The same with an axis of parts, which stands third and becomes the first.
Axes parts_before(const Axes& axes) {
  Axes all{2};
  for (const std::int64_t axis : axes) all.push_back(axis < 2 ? axis : axis + 1);
  return all;
}

/// x [a, b, count · heads · width] as [a, b, count, heads, width].
Tensor parted(const Tensor& x, std::int64_t count, std::int64_t heads) {
  return reshape(x, {x.size(0), x.size(1), count, heads, x.size(2) / (count * heads)});
}

std::vector<Tensor> split_or_none(const Tensor& x, const std::vector<std::int64_t>& sizes) {
  return x.defined() ? split(x, sizes) : std::vector<Tensor>(sizes.size());
}

}  // namespace

/// Heads [batch, heads, length, width] of each; or all in one as the product has them, [a, b, 3,
/// heads, width], a and b being batch and length or the other way round.
struct MultiheadAttention::Projected {
  Tensor joint;
  Tensor query;
  Tensor key;
  Tensor value;
};

MultiheadAttention::MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads,
                                       const MultiheadAttentionOptions& options)
    : options_(options), num_heads_(num_heads) {
  const std::int64_t kdim = options.kdim.value_or(embed_dim);
  const std::int64_t vdim = options.vdim.value_or(embed_dim);
  require<ValueError>(embed_dim > 0 && num_heads > 0 && kdim > 0 && vdim > 0,
                      "{}: embed_dim {}, num_heads {}, kdim {}, vdim {}; all must be positive",
                      layer, embed_dim, num_heads, kdim, vdim);
  require<ValueError>(embed_dim % num_heads == 0, "{}: {} heads must divide embed_dim {}", layer,
                      num_heads, embed_dim);
  require<ValueError>(options.dropout >= 0 && options.dropout <= 1,
                      "{}: dropout is {}, it must lie in [0, 1]", layer, options.dropout);
  const xgrad::detail::Running running(layer);
  const std::int64_t rows = (Size(embed_dim, layer) * 3).value();
  const auto weight = [&](const char* name, std::int64_t out, std::int64_t in) {
    return add_parameter(name, init::xavier_uniform_(Tensor::empty({out, in})));
  };
  if (kdim == embed_dim && vdim == embed_dim) {
    in_proj_weight = weight("in_proj_weight", rows, embed_dim);
  } else {
    q_proj_weight = weight("q_proj_weight", embed_dim, embed_dim);
    k_proj_weight = weight("k_proj_weight", embed_dim, kdim);
    v_proj_weight = weight("v_proj_weight", embed_dim, vdim);
  }
  if (options.bias) in_proj_bias = add_parameter("in_proj_bias", zeros({rows}));
  if (options.add_bias_kv) {
    const Shape shape{1, 1, embed_dim};
    bias_k = add_parameter("bias_k", init::xavier_normal_(Tensor::empty(shape)));
    bias_v = add_parameter("bias_v", init::xavier_normal_(Tensor::empty(shape)));
  }
  out_proj = add("out_proj", Linear{embed_dim, embed_dim, {.bias = options.bias}});
  if (options.bias) init::zeros_(out_proj.bias);
}

// Of one tensor one product; its parts are views. Of query and of what key and value are, two.
MultiheadAttention::Projected MultiheadAttention::project(const Tensor& query, const Tensor& key,
                                                          const Tensor& value) const {
  const std::int64_t e = out_proj.weight.size(0);
  const Axes axes = to_heads(options_.batch_first);
  const auto heads = [&](const Tensor& x) { return permute(x, axes); };
  const auto projected = [&](const Tensor& x, const Tensor& w, const Tensor& b) {
    return heads(select(parted(linear(x, w, b), 1, num_heads_), 2, 0));
  };
  const bool together = in_proj_weight.defined() && key.impl() == value.impl();
  if (together && query.impl() == key.impl())
    return {parted(linear(query, in_proj_weight, in_proj_bias), 3, num_heads_), {}, {}, {}};
  if (together) {
    const std::vector<Tensor> w = split(in_proj_weight, {e, 2 * e});
    const std::vector<Tensor> b = split_or_none(in_proj_bias, {e, 2 * e});
    const std::vector<Tensor> both = unbind(parted(linear(key, w[1], b[1]), 2, num_heads_), 2);
    return {{}, projected(query, w[0], b[0]), heads(both[0]), heads(both[1])};
  }
  const std::vector<Tensor> w =
      in_proj_weight.defined() ? split(in_proj_weight, e)
                               : std::vector<Tensor>{q_proj_weight, k_proj_weight, v_proj_weight};
  const std::vector<Tensor> b = split_or_none(in_proj_bias, {e, e, e});
  return {
      {}, projected(query, w[0], b[0]), projected(key, w[1], b[1]), projected(value, w[2], b[2])};
}

/// Adds the learnt key and value, and those of zeros.
void MultiheadAttention::append(Tensor& key, Tensor& value) const {
  const Shape one{key.size(0), key.size(1), 1, key.size(3)};
  const auto with = [&](Tensor& x, const Tensor& last) { x = cat({x, last}, 2); };
  const auto learnt = [&](const Tensor& bias) {
    return expand(reshape(bias, {1, one[1], 1, one[3]}), one);
  };
  if (bias_k.defined()) with(key, learnt(bias_k));
  if (bias_v.defined()) with(value, learnt(bias_v));
  if (!options_.add_zero_attn) return;
  const Tensor nothing = zeros(one, {.dtype = key.dtype()});
  with(key, nothing);
  with(value, nothing);
}

MultiheadAttention::Output MultiheadAttention::forward(const Tensor& query, const Tensor& key,
                                                       const Tensor& value,
                                                       const AttentionCall& call) {
  detail::require_made(out_proj.weight, layer, "nn::MultiheadAttention{256, 8}");
  const xgrad::detail::Running running(layer, query, key, value);
  const bool batch_first = options_.batch_first;
  const bool one_weight = in_proj_weight.defined();
  const std::int64_t width = out_proj.weight.size(0);
  Extents e = extents_of(query, key, value,
                         {width, one_weight ? width : k_proj_weight.size(1),
                          one_weight ? width : v_proj_weight.size(1)},
                         num_heads_, batch_first);
  e.appended = (bias_k.defined() ? 1 : 0) + (options_.add_zero_attn ? 1 : 0);
  const ScaledDotProductAttentionOptions options{.attn_mask = mask_of(call, e, query.dtype()),
                                                 .dropout_p = is_training() ? options_.dropout : 0,
                                                 .is_causal = call.is_causal && e.appended == 0};

  const std::int64_t batch_axis = batch_first ? 0 : 1;
  std::array given{query, key, value};
  if (!e.batched) {
    const Tensor q = unsqueeze(query, batch_axis);
    const Tensor k = key.impl() == query.impl() ? q : unsqueeze(key, batch_axis);
    given = {q, k, value.impl() == key.impl() ? k : unsqueeze(value, batch_axis)};
  }
  Projected x = project(given[0], given[1], given[2]);
  const auto attended = [&]() -> Attended {
    const Axes axes = to_heads(batch_first);
    if (x.joint.defined() && !call.need_weights && e.appended == 0 && options.dropout_p == 0)
      return {joint_attention(permute(x.joint, parts_before(axes)), options), {}};
    if (x.joint.defined()) {
      const std::vector<Tensor> parts = unbind(x.joint, 2);
      x = {{}, permute(parts[0], axes), permute(parts[1], axes), permute(parts[2], axes)};
    }
    append(x.key, x.value);
    return attend(x.query, x.key, x.value, options, call.need_weights);
  }();
  Tensor y = out_proj(flatten(permute(attended.values, from_heads(batch_first)), 2));
  Tensor weights = attended.weights;
  if (weights.defined() && call.average_attn_weights) weights = mean(weights, {1});
  if (e.batched) return {y, weights};
  return {squeeze(y, {batch_axis}), weights.defined() ? squeeze(weights, {0}) : weights};
}

}  // namespace xgrad::nn
