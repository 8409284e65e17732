#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/autograd/strided.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/attention_parts.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/dropout.hpp>
#include <xgrad/ops/kernels/attention.hpp>
#include <xgrad/ops/kernels/loops.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace xgrad {
namespace {

constexpr const char* operation = "scaled_dot_product_attention";

struct Problem {
  kernels::AttentionExtents extents;
  Shape scores;  ///< [..., L, S], which the mask broadcasts to

  Shape result() const {
    Shape shape = scores;
    shape.back() = extents.value_width;
    return shape;
  }
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

/// Where each element of the leading axes begins, these in row-major order.
std::vector<std::int64_t> starts_of(const Shape& shape, const Strides& strides, std::size_t axes) {
  std::vector<std::int64_t> starts(1, 0);
  for (std::size_t axis = 0; axis < axes; ++axis) {
    std::vector<std::int64_t> next;
    for (const std::int64_t start : starts)
      for (std::int64_t i = 0; i < shape[axis]; ++i) next.push_back(start + i * strides[axis]);
    starts = std::move(next);
  }
  return starts;
}

/// The heads of x [..., rows, width], where they lie unless a row's values lie apart.
class Heads {
 public:
  explicit Heads(const Tensor& x) : x_(lies_in_rows(x) ? x : in_rows(x)) {
    const std::size_t axes = x_.shape().size() - 2;
    starts_ = starts_of(x_.shape(), x_.strides(), axes);
    step_ = x_.strides()[axes];
  }

  template <class T>
  kernels::HeadRows<const T> of() const {
    return {reinterpret_cast<const T*>(x_.impl()->data()), starts_.data(), step_};
  }
  /// To write to, of what was made for it.
  template <class T>
  kernels::HeadRows<T> to() {
    return {own_data<T>(x_), starts_.data(), step_};
  }

 private:
  static bool lies_in_rows(const Tensor& x) {
    const Strides strides = x.strides();
    const std::size_t last = strides.size() - 1;
    return x.is_contiguous() || (strides[last] == 1 && strides[last - 1] >= x.shape()[last]);
  }

  Tensor x_;
  std::vector<std::int64_t> starts_;
  std::int64_t step_;
};

/// Nothing yet, of axes that lie in memory in the order of those of x, the last one last: what is
/// made of a view becomes contiguous where the view is undone.
Tensor empty_in_order_of(const Tensor& x, const Shape& shape) {
  const std::size_t last = shape.size() - 1;
  const Strides own = x.strides();
  if (x.is_contiguous() || own[last] != 1 || detail::has_repetitions(x.shape(), own))
    return Tensor::empty(shape, x.dtype());
  std::vector<std::size_t> axes(last);
  for (std::size_t i = 0; i < last; ++i) axes[i] = i;
  std::ranges::stable_sort(axes, std::ranges::less(), [&](std::size_t i) { return own[i]; });
  Strides strides = own;
  std::int64_t step = shape[last];
  for (const std::size_t axis : axes) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return Tensor::empty(shape, x.dtype()).alias(shape, strides);
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
    starts = starts_of(p.scores, steps, axes);
  }

  template <class T>
  kernels::AttentionMask<T> of() const {
    if (!rows.defined()) return {};
    const bool chooses = rows.dtype() == boolean;
    return {chooses ? rows.data<bool>() : nullptr, chooses ? nullptr : rows.data<T>(),
            starts.data(), row_step, column_step};
  }
};

/// Query, key and value, or what belongs to each.
using Three = std::array<Tensor, 3>;

/// x [..., heads of queries, L, …] by the heads of keys that they share: [..., heads, group, L, …].
Tensor by_groups(const Problem& p, const Tensor& x) {
  const std::int64_t group = p.extents.group;
  // Of no heads of queries, one that broadcasts to those of keys.
  return group == 1 ? x : unflatten(x, -3, {group == 0 ? 1 : x.size(-3) / group, group});
}
/// Undoes it.
Tensor ungrouped(const Problem& p, const Tensor& x) {
  return p.extents.group == 1 ? x : flatten(x, -4, -3);
}

/// As they are multiplied, heads by heads.
Three by_groups(const Problem& p, const Three& x) {
  if (p.extents.group == 1) return x;
  return {by_groups(p, x[0]), unsqueeze(x[1], -3), unsqueeze(x[2], -3)};
}

/// The weights, by groups as q and k are, from operations. Of a query that sees nothing 0.
Tensor weights(const Problem& p, const Tensor& q, const Tensor& k, const Tensor& mask) {
  const kernels::AttentionExtents& e = p.extents;
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  Tensor scores = matmul(q * e.scale, transpose(k, -2, -1));
  if (e.keys == 0) return scores;
  if (e.causal) scores = where(unsqueeze(arange(e.queries), 1) >= arange(e.keys), scores, nothing);
  if (!mask.defined()) return softmax(scores, -1);
  const Tensor all = by_groups(p, expand(mask, p.scores));
  scores = mask.dtype() == boolean ? where(all, scores, nothing) : scores + all;
  const Tensor sees_nothing = no_grad([&] { return amax(scores, -1, true) == nothing; });
  return where(sees_nothing, 0, softmax(where(sees_nothing, 0, scores), -1));
}

/// What the rule keeps beside the arguments.
struct Kept {
  Problem problem;
  Saved mask;
  Saved result;
  Tensor log_sum;
};

profiler::Work work_of(const Problem& p, const Three& x, const Tensor& y, double products) {
  const double rows = static_cast<double>(p.extents.queries * p.extents.keys);
  profiler::Work work = profiler::work_on({&x[0], &x[1], &x[2], &y});
  work.flops = products * rows * static_cast<double>(p.extents.heads * p.extents.group) *
               static_cast<double>(p.extents.width + p.extents.value_width);
  return work;
}

/// The gradients, written to `d`.
void find_gradients(const Kept& kept, const Three& x, const Tensor& dy, const Three& d) {
  const MaskView mask(kept.problem, kept.mask());
  const Tensor y = kept.result();
  const profiler::Scope scope(name(Op::scaled_dot_product_attention),
                              [&] { return work_of(kept.problem, x, y, 5); });
  const Heads query(x[0]), key(x[1]), value(x[2]), result(y), slopes(dy);
  Heads dq(d[0]), dk(d[1]), dv(d[2]);
  dispatch_floating(y.dtype(), operation, [&]<class T>() {
    kernels::attention_backward<T>(kept.problem.extents,
                                   {query.of<T>(), key.of<T>(), value.of<T>(), mask.of<T>()},
                                   result.of<T>(), kept.log_sum.data<T>(), slopes.of<T>(),
                                   {dq.to<T>(), dk.to<T>(), dv.to<T>()});
  });
}

/// The same from operations, of those that are wanted: for derivatives of derivatives.
Three recorded_gradients(const Kept& kept, const Three& x, const Tensor& slopes_of_y,
                         const std::array<bool, 3>& wanted) {
  const Problem& p = kept.problem;
  const auto [q, k, v] = by_groups(p, x);
  const Tensor dy = by_groups(p, slopes_of_y);
  const auto of_keys = [&](const Tensor& t) { return p.extents.group == 1 ? t : sum(t, -3); };
  const auto turned = [](const Tensor& t) { return transpose(t, -2, -1); };
  const Tensor w = weights(p, q, k, kept.mask());
  Three d;
  if (wanted[2]) d[2] = of_keys(matmul(turned(w), dy));
  if (!wanted[0] && !wanted[1]) return d;
  const Tensor dw = matmul(dy, turned(v));
  const Tensor slopes = w * (dw - sum(w * dw, -1, true)) * p.extents.scale;
  if (wanted[0]) d[0] = ungrouped(p, matmul(slopes, k));
  if (wanted[1]) d[1] = of_keys(matmul(turned(slopes), q));
  return d;
}

/// By the kernel: the result, not recorded yet.
std::pair<Tensor, Kept> by_kernel(const Problem& p, const Three& x, const Tensor& given_mask) {
  const MaskView mask(p, given_mask);
  Tensor log_sum =
      Tensor::empty({p.extents.heads, p.extents.group, p.extents.queries}, x[0].dtype());
  const Tensor y = empty_in_order_of(x[0], p.result());
  const profiler::Scope scope(name(Op::scaled_dot_product_attention),
                              [&] { return work_of(p, x, y, 2); });
  const Heads query(x[0]), key(x[1]), value(x[2]);
  Heads result(y);
  dispatch_floating(y.dtype(), operation, [&]<class T>() {
    kernels::attention<T>(p.extents, {query.of<T>(), key.of<T>(), value.of<T>(), mask.of<T>()},
                          result.to<T>(), own_data<T>(log_sum));
  });
  return {y, Kept{p, saved(given_mask), saved_result(y), log_sum}};
}

Tensor attend_apart(const Problem& p, const Three& x, const Tensor& mask) {
  const auto [y, kept] = by_kernel(p, x, mask);
  const auto given = [q = saved(x[0]), k = saved(x[1]), v = saved(x[2])] {
    return Three{q(), k(), v()};
  };
  return record(
      Op::scaled_dot_product_attention, y,
      wrt_all(x[0], x[1], x[2],
              fused(
                  [kept = kept, given](const Tensor& dy, const Needs&) {
                    const Three all = given();
                    Three d;
                    for (std::size_t i = 0; i < d.size(); ++i)
                      d[i] = empty_in_order_of(all[i], all[i].shape());
                    find_gradients(kept, all, dy, d);
                    return d;
                  },
                  [kept = kept, given](const Tensor& dy, const Needs& needs) {
                    return recorded_gradients(kept, given(), dy, {needs[0], needs[1], needs[2]});
                  })));
}

Three parts_of(const Tensor& joint) {
  return {select(joint, 0, 0), select(joint, 0, 1), select(joint, 0, 2)};
}

Tensor attend_joint(const Problem& p, const Tensor& joint, const Tensor& mask) {
  const auto [y, kept] = no_grad([&] { return by_kernel(p, parts_of(joint), mask); });
  return record(
      Op::scaled_dot_product_attention, y,
      wrt(joint,
          fused(
              [kept = kept, x = saved(joint)](const Tensor& dy) {
                const Tensor all = x();
                Tensor d = empty_in_order_of(all, all.shape());
                find_gradients(kept, parts_of(all), dy, parts_of(d));
                return d;
              },
              [kept = kept, x = saved(joint)](const Tensor& dy) {
                const Three d = recorded_gradients(kept, parts_of(x()), dy, {true, true, true});
                return stack({d[0], d[1], d[2]});
              })));
}

/// Checked, with leading axes that broadcast; x becomes what it is computed from.
Problem problem_of(Three& x, const ScaledDotProductAttentionOptions& options) {
  const auto& [query, key, value] = x;
  check(query, key, value, options);
  const std::int64_t group = group_of(query, key, value, options.enable_gqa);
  const std::size_t own = options.enable_gqa ? 3 : 2;  // axes that do not broadcast
  const Shape batch = broadcast(
      leading(query, own), broadcast(leading(key, own), leading(value, own), operation), operation);
  const Shape of_keys = options.enable_gqa ? with(batch, {key.size(-3)}) : batch;
  const Shape of_queries = options.enable_gqa ? with(batch, {query.size(-3)}) : batch;
  const std::int64_t width = query.size(-1);
  const double scale =
      options.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(width, 1))));
  require_number(operation, "scale", scale);
  const Problem p{{product(of_keys), group, query.size(-2), key.size(-2), width, value.size(-1),
                   options.is_causal, scale},
                  with(of_queries, {query.size(-2), key.size(-2)})};
  const Tensor& mask = options.attn_mask;
  if (mask.defined())
    require<ShapeError>(broadcast(mask.shape(), p.scores, operation) == p.scores,
                        "{}: attn_mask {} does not broadcast to scores {}", operation, mask.shape(),
                        p.scores);
  const auto expanded = [](const Tensor& t, const Shape& shape) {
    return t.shape() == shape ? t : expand(t, shape);
  };
  x = {expanded(query, with(of_queries, {p.extents.queries, width})),
       expanded(key, with(of_keys, {p.extents.keys, width})),
       expanded(value, with(of_keys, {p.extents.keys, p.extents.value_width}))};
  return p;
}

bool is_for_kernel(const Problem& p, const ScaledDotProductAttentionOptions& o) {
  const bool learns_mask =
      o.attn_mask.defined() && o.attn_mask.requires_grad() && is_grad_enabled();
  return o.dropout_p == 0 && !learns_mask && !p.is_empty();
}

}  // namespace

// y = w v with w = softmax(z), z = s q kᵀ + mask;  dL/dv = wᵀ dL/dy, dL/dw = dL/dy vᵀ, dL/dz = w
// (dL/dw − Σ w dL/dw), dL/dq = s dL/dz k, dL/dk = s (dL/dz)ᵀ q. In the kernel Σ w dL/dw is Σ y
// dL/dy.
Attended attend(const Tensor& query, const Tensor& key, const Tensor& value,
                const ScaledDotProductAttentionOptions& options, bool need_weights) {
  Three x{query, key, value};
  const Problem p = problem_of(x, options);
  const DType dtype = query.dtype();
  if (is_half(dtype)) {
    ScaledDotProductAttentionOptions wide = options;
    if (wide.attn_mask.defined() && wide.attn_mask.dtype() != boolean)
      wide.attn_mask = to(wide.attn_mask, float32);
    const Attended y =
        attend(to(query, float32), to(key, float32), to(value, float32), wide, need_weights);
    return {to(y.values, dtype), need_weights ? to(y.weights, dtype) : Tensor()};
  }
  if (!need_weights && is_for_kernel(p, options))
    return {attend_apart(p, x, options.attn_mask), {}};
  const auto [q, k, v] = by_groups(p, x);
  const Tensor w = dropout(weights(p, q, k, options.attn_mask),
                           {.p = options.dropout_p, .generator = options.generator});
  return {ungrouped(p, matmul(w, v)), need_weights ? ungrouped(p, w) : Tensor()};
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const ScaledDotProductAttentionOptions& options) {
  const detail::Running running(operation, query, key, value);
  return attend(query, key, value, options, false).values;
}

Tensor joint_attention(const Tensor& joint, const ScaledDotProductAttentionOptions& options) {
  const detail::Running running(operation, joint);
  Three parts = no_grad([&] { return parts_of(joint); });
  const Problem p = problem_of(parts, options);
  if (!is_half(joint.dtype()) && is_for_kernel(p, options))
    return attend_joint(p, joint, options.attn_mask);
  const std::vector<Tensor> apart = unbind(joint);
  return attend(apart[0], apart[1], apart[2], options, false).values;
}

}  // namespace xgrad
