#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/attention.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/kernels/attention.hpp>
#include <xgrad/ops/kernels/loops.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace xgrad {
namespace {

constexpr const char* operation = "scaled_dot_product_attention";

/// Queries [heads, group, L, E], keys [heads, S, E], values [heads, S, Ev].
struct Problem {
  kernels::AttentionExtents extents;
  Shape scores;  ///< [..., L, S], which the mask broadcasts to

  Shape result() const {
    Shape shape = scores;
    shape.back() = extents.value_width;
    return shape;
  }
  Shape queries(std::int64_t width) const {
    return {extents.heads, extents.group, extents.queries, width};
  }
  Shape keys(std::int64_t width) const { return {extents.heads, extents.keys, width}; }
  bool is_empty() const {
    const kernels::AttentionExtents& e = extents;
    return e.heads * e.group == 0 || e.queries * e.keys == 0 || e.width * e.value_width == 0;
  }
};

/// All axes but the last `count`.
Shape leading(const Tensor& x, std::size_t count) {
  Shape shape = x.shape();
  for (std::size_t i = 0; i < count; ++i) shape.erase(shape.size() - 1);
  return shape;
}

Shape with(Shape shape, std::initializer_list<std::int64_t> more) {
  for (const std::int64_t extent : more) shape.push_back(extent);
  return shape;
}

std::int64_t product(const Shape& shape) {
  Size product(1, operation);
  for (const std::int64_t extent : shape) product = product * extent;
  return product.value();
}

void check(const Tensor& q, const Tensor& k, const Tensor& v,
           const ScaledDotProductAttentionOptions& o) {
  require<DTypeError>(is_floating(q.dtype()) && k.dtype() == q.dtype() && v.dtype() == q.dtype(),
                      "{}: query is {}, key {}, value {}; they must be of one floating dtype",
                      operation, q.dtype(), k.dtype(), v.dtype());
  const std::int64_t least = o.enable_gqa ? 3 : 2;
  for (const Tensor* x : {&q, &k, &v})
    require<ShapeError>(x->dim() >= least,
                        "{}: query {}, key {}, value {}; each has {} axes at least", operation,
                        q.shape(), k.shape(), v.shape(), least);
  require<ShapeError>(k.size(-1) == q.size(-1), "{}: query {} and key {} differ in their last axis",
                      operation, q.shape(), k.shape());
  require<ShapeError>(v.size(-2) == k.size(-2),
                      "{}: key {} and value {} differ in their last axis but one", operation,
                      k.shape(), v.shape());
  require<ValueError>(o.dropout_p >= 0 && o.dropout_p <= 1,
                      "{}: dropout_p is {}, it must lie in [0, 1]", operation, o.dropout_p);
  if (!o.attn_mask.defined()) return;
  require<DTypeError>(o.attn_mask.dtype() == boolean || o.attn_mask.dtype() == q.dtype(),
                      "{}: attn_mask is {}; it must be bool or as the query {}", operation,
                      o.attn_mask.dtype(), q.dtype());
}

/// How many heads of queries share one of keys.
std::int64_t group_of(const Tensor& q, const Tensor& k, const Tensor& v, bool grouped) {
  if (!grouped) return 1;
  const std::int64_t heads = k.size(-3);
  require<ShapeError>(v.size(-3) == heads && heads > 0 && q.size(-3) % heads == 0,
                      "{}: {} heads of queries, {} of keys, {} of values; those of keys and values "
                      "must be as many, and divide those of queries",
                      operation, q.size(-3), heads, v.size(-3));
  return q.size(-3) / heads;
}

/// Where each head of queries' part of the mask begins, and what stays valid while `rows` lives.
struct MaskView {
  Tensor rows;
  std::vector<std::int64_t> starts;
  std::int64_t row_step = 0;
  std::int64_t column_step = 0;

  MaskView(const Problem& p, const Tensor& mask) {
    if (!mask.defined()) return;
    rows = in_rows(mask);
    const Strides steps =
        kernels::broadcast_strides(p.scores, rows.shape(), row_major(rows.shape()));
    const std::size_t axes = p.scores.size() - 2;
    row_step = steps[axes];
    column_step = steps[axes + 1];
    starts.assign(1, 0);
    for (std::size_t axis = 0; axis < axes; ++axis) {
      std::vector<std::int64_t> next;
      for (const std::int64_t start : starts)
        for (std::int64_t i = 0; i < p.scores[axis]; ++i) next.push_back(start + i * steps[axis]);
      starts = std::move(next);
    }
  }

  template <class T>
  kernels::AttentionMask<T> of() const {
    if (!rows.defined()) return {};
    const bool chooses = rows.dtype() == boolean;
    return {chooses ? rows.data<bool>() : nullptr, chooses ? nullptr : rows.data<T>(),
            starts.data(), row_step, column_step};
  }
};

/// The weights [heads, group, L, S], from operations. Of a query that sees nothing 0.
Tensor weights(const Problem& p, const Tensor& q, const Tensor& k, const Tensor& mask) {
  const kernels::AttentionExtents& e = p.extents;
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  Tensor scores = matmul(q * e.scale, transpose(unsqueeze(k, 1), -2, -1));
  if (e.keys == 0) return scores;
  if (e.causal) scores = where(unsqueeze(arange(e.queries), 1) >= arange(e.keys), scores, nothing);
  if (!mask.defined()) return softmax(scores, -1);
  const Tensor all = reshape(expand(mask, p.scores), p.queries(e.keys));
  scores = mask.dtype() == boolean ? where(all, scores, nothing) : scores + all;
  const Tensor sees_nothing = no_grad([&] { return amax(scores, -1, true) == nothing; });
  return where(sees_nothing, 0, softmax(where(sees_nothing, 0, scores), -1));
}

/// What the rule keeps.
struct Kept {
  Problem problem;
  Saved query;
  Saved key;
  Saved value;
  Saved mask;
  Saved result;
  Tensor log_sum;
};

std::array<Tensor, 3> gradients(const Kept& kept, const Tensor& dy) {
  const Tensor q = kept.query();
  const Tensor k = kept.key();
  const Tensor v = kept.value();
  const MaskView mask(kept.problem, kept.mask());
  std::array<Tensor, 3> d;
  for (std::size_t i = 0; const Tensor* x : {&q, &k, &v})
    d[i++] = Tensor::empty(x->shape(), x->dtype());
  detail::visit_in<Types::floating>(
      Layout::plain, "scaled_dot_product_attention, gradients",
      [&]<class T>(const T* query, const T* key, const T* value, const T* y, const T* log_sum,
                   const T* slopes) {
        kernels::attention_backward<T>(kept.problem.extents, {query, key, value, mask.of<T>()}, y,
                                       log_sum, slopes,
                                       {own_data<T>(d[0]), own_data<T>(d[1]), own_data<T>(d[2])});
      },
      q, k, v, kept.result(), kept.log_sum, dy);
  return d;
}

/// The same from operations: for derivatives of derivatives.
std::array<Tensor, 3> recorded_gradients(const Kept& kept, const Tensor& dy, const Needs& needs) {
  const Tensor q = kept.query();
  const Tensor k = kept.key();
  const Tensor v = kept.value();
  const double scale = kept.problem.extents.scale;
  const auto turned = [](const Tensor& x) { return transpose(x, -2, -1); };
  const Tensor w = weights(kept.problem, q, k, kept.mask());
  std::array<Tensor, 3> d;
  if (needs[2]) d[2] = sum(matmul(turned(w), dy), 1);
  if (!needs[0] && !needs[1]) return d;
  const Tensor dw = matmul(dy, turned(unsqueeze(v, 1)));
  const Tensor slopes = w * (dw - sum(w * dw, -1, true)) * scale;
  if (needs[0]) d[0] = matmul(slopes, unsqueeze(k, 1));
  if (needs[1]) d[1] = sum(matmul(turned(slopes), q), 1);
  return d;
}

/// By the kernel; y [heads, group, L, Ev].
Tensor attend(const Problem& p, const Tensor& q, const Tensor& k, const Tensor& v,
              const Tensor& given_mask) {
  const MaskView mask(p, given_mask);
  Tensor log_sum = Tensor::empty({p.extents.heads, p.extents.group, p.extents.queries}, q.dtype());
  const Tensor y = no_grad([&] {
    return compute<Types::floating>(
        Op::scaled_dot_product_attention, Made(p.queries(p.extents.value_width)),
        [&]<class T>(const T* query, const T* key, const T* value, T* to) {
          kernels::attention<T>(p.extents, {query, key, value, mask.of<T>()}, to,
                                own_data<T>(log_sum));
        },
        q, k, v);
  });
  const Kept kept{p, saved(q), saved(k), saved(v), saved(given_mask), saved_result(y), log_sum};
  return record(
      Op::scaled_dot_product_attention, y,
      wrt_all(q, k, v,
              fused([kept](const Tensor& dy, const Needs&) { return gradients(kept, dy); },
                    [kept](const Tensor& dy, const Needs& needs) {
                      return recorded_gradients(kept, dy, needs);
                    })));
}

}  // namespace

// y = w v with w = softmax(z), z = s q kᵀ + mask;  dL/dv = wᵀ dL/dy, dL/dw = dL/dy vᵀ, dL/dz = w
// (dL/dw − Σ w dL/dw), dL/dq = s dL/dz k, dL/dk = s (dL/dz)ᵀ q. In the kernel Σ w dL/dw is Σ y
// dL/dy.
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const ScaledDotProductAttentionOptions& options) {
  const detail::Running running(operation, query, key, value);
  check(query, key, value, options);
  if (is_half(query.dtype()))
    return in_float32(
        [&](const Tensor& q, const Tensor& k, const Tensor& v) {
          ScaledDotProductAttentionOptions wide = options;
          if (wide.attn_mask.defined() && wide.attn_mask.dtype() != boolean)
            wide.attn_mask = to(wide.attn_mask, float32);
          return scaled_dot_product_attention(q, k, v, wide);
        },
        query, key, value);
  const std::int64_t group = group_of(query, key, value, options.enable_gqa);
  const std::size_t own = options.enable_gqa ? 3 : 2;  // axes that do not broadcast
  const Shape batch = broadcast(
      leading(query, own), broadcast(leading(key, own), leading(value, own), operation), operation);
  const Shape of_keys = options.enable_gqa ? with(batch, {key.size(-3)}) : batch;
  const Shape of_queries = options.enable_gqa ? with(batch, {query.size(-3)}) : batch;
  const std::int64_t width = query.size(-1);
  const double scale =
      options.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(width, 1))));
  const Problem p{{product(of_keys), group, query.size(-2), key.size(-2), width, value.size(-1),
                   options.is_causal, scale},
                  with(of_queries, {query.size(-2), key.size(-2)})};
  const Tensor& mask = options.attn_mask;
  if (mask.defined())
    require<ShapeError>(broadcast(mask.shape(), p.scores, operation) == p.scores,
                        "{}: attn_mask {} does not broadcast to scores {}", operation, mask.shape(),
                        p.scores);

  const Tensor q =
      reshape(expand(query, with(of_queries, {p.extents.queries, width})), p.queries(width));
  const Tensor k = reshape(expand(key, with(of_keys, {p.extents.keys, width})), p.keys(width));
  const Tensor v = reshape(expand(value, with(of_keys, {p.extents.keys, p.extents.value_width})),
                           p.keys(p.extents.value_width));
  const bool learns_mask = mask.defined() && mask.requires_grad() && is_grad_enabled();
  if (options.dropout_p == 0 && !learns_mask && !p.is_empty())
    return reshape(attend(p, q, k, v, mask), p.result());
  const Tensor w =
      dropout(weights(p, q, k, mask), {.p = options.dropout_p, .generator = options.generator});
  return reshape(matmul(w, unsqueeze(v, 1)), p.result());
}

}  // namespace xgrad
