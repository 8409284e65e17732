#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/losses.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduced.hpp>

namespace xgrad {
namespace {

void check_pair(const char* operation, const Tensor& x, const Tensor& target) {
  require<ShapeError>(x.shape() == target.shape(),
                      "{}: input {} and target {} differ; reshape one, a loss does not broadcast",
                      operation, x.shape(), target.shape());
  require<DTypeError>(is_floating(x.dtype()) && target.dtype() == x.dtype(),
                      "{}: input is {} and target {}; both must be of one floating dtype",
                      operation, x.dtype(), target.dtype());
}

Tensor weighted(const Tensor& losses, const Tensor& weight) {
  return weight.defined() ? losses * weight : losses;
}

/// d² / 2 where |d| < edge, edge (|d| − edge / 2) elsewhere, where the square may be infinite.
Tensor rounded_distance(const Tensor& difference, double edge) {
  const Tensor d = abs(difference);
  const Tensor near = d < edge;
  return where(near, 0.5 * square(where(near, d, 0)), edge * (d - 0.5 * edge));
}

}  // namespace

Tensor l1_loss(const Tensor& x, const Tensor& target, const LossOptions& options) {
  const detail::Running running("l1_loss", x, target);
  check_pair("l1_loss", x, target);
  return reduced(abs(x - target), options.reduction);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1LossOptions& options) {
  const detail::Running running("smooth_l1_loss", x, target);
  check_pair("smooth_l1_loss", x, target);
  const double beta = options.beta;
  require<ValueError>(beta >= 0, "smooth_l1_loss: beta {}; it must not be negative", beta);
  const Tensor losses = beta == 0 ? abs(x - target) : rounded_distance(x - target, beta) / beta;
  return reduced(losses, options.reduction);
}

Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberLossOptions& options) {
  const detail::Running running("huber_loss", x, target);
  check_pair("huber_loss", x, target);
  require<ValueError>(options.delta > 0, "huber_loss: delta {}; it must be positive",
                      options.delta);
  return reduced(rounded_distance(x - target, options.delta), options.reduction);
}

// With L(v) = max(ln v, −100):  y = −t L(x) − (1 − t) L(1 − x);
// dL/dx = (x − t) / max(x (1 − x), 10⁻¹²) dL/dy, dL/dt = (L(1 − x) − L(x)) dL/dy
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target,
                            const BinaryCrossEntropyOptions& options) {
  const detail::Running running("binary_cross_entropy", x, target);
  check_pair("binary_cross_entropy", x, target);
  if (is_half(x.dtype())) {
    BinaryCrossEntropyOptions wide = options;
    if (wide.weight.defined()) wide.weight = to(wide.weight, float32);
    return in_float32(
        [&](const Tensor& a, const Tensor& t) { return binary_cross_entropy(a, t, wide); }, x,
        target);
  }
  require<ValueError>(all(logical_and(x >= 0, x <= 1)).item() != 0,
                      "binary_cross_entropy: an input is outside of 0 to 1; of other numbers take "
                      "binary_cross_entropy_with_logits");
  const auto bounded_log = [](const Tensor& v) { return clamp(log(v), -100); };
  const Tensor y =
      no_grad([&] { return -(target * bounded_log(x)) - (1 - target) * bounded_log(1 - x); });
  const Tensor losses =
      record(Op::binary_cross_entropy, y,
             wrt(x, elementwise([x = saved(x), t = saved(target)](const Tensor& dy) {
                   return dy * (x() - t()) / clamp(x() * (1 - x()), 1e-12);
                 })),
             wrt(target, elementwise([x = saved(x), bounded_log](const Tensor& dy) {
                   return dy * (bounded_log(1 - x()) - bounded_log(x()));
                 })));
  return reduced(weighted(losses, options.weight), options.reduction);
}

// y = (1 − t) x + (1 + (p − 1) t) ln(1 + e⁻ˣ)
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsOptions& options) {
  const detail::Running running("binary_cross_entropy_with_logits", x, target);
  check_pair("binary_cross_entropy_with_logits", x, target);
  const Tensor soft = options.pos_weight.defined()
                          ? (1 + (options.pos_weight - 1) * target) * logsigmoid(x)
                          : logsigmoid(x);
  return reduced(weighted((1 - target) * x - soft, options.weight), options.reduction);
}

// t ln t is 0 at 0.
Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options) {
  const detail::Running running("kl_div", x, target);
  check_pair("kl_div", x, target);
  require<ShapeError>(!options.batchmean || x.dim() > 0, "kl_div: a scalar has no batch");
  const Tensor losses = options.log_target
                            ? exp(target) * (target - x)
                            : target * log(where(target == 0, 1, target)) - target * x;
  if (options.batchmean) return sum(losses) / x.shape()[0];
  return reduced(losses, options.reduction);
}

// Bounded before the root, whose slope at 0 is infinite.
Tensor cosine_similarity(const Tensor& a, const Tensor& b, std::int64_t axis, double eps) {
  const detail::Running running("cosine_similarity", a, b);
  require<DTypeError>(is_floating(a.dtype()) && b.dtype() == a.dtype(),
                      "cosine_similarity: {} and {}; both must be of one floating dtype", a.dtype(),
                      b.dtype());
  if (is_half(a.dtype()))
    return in_float32(
        [&](const Tensor& u, const Tensor& v) { return cosine_similarity(u, v, axis, eps); }, a, b);
  const Shape shape = broadcast(a.shape(), b.shape(), "cosine_similarity");
  const Tensor u = expand(a, shape);
  const Tensor v = expand(b, shape);
  const auto length = [&](const Tensor& w) { return sqrt(clamp(sum(square(w), axis), eps * eps)); };
  return sum(u * v, axis) / (length(u) * length(v));
}

Tensor soft_margin_loss(const Tensor& x, const Tensor& target, const LossOptions& options) {
  const detail::Running running("soft_margin_loss", x, target);
  check_pair("soft_margin_loss", x, target);
  return reduced(-logsigmoid(target * x), options.reduction);
}

Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target,
                            const HingeEmbeddingLossOptions& options) {
  const detail::Running running("hinge_embedding_loss", x, target);
  check_pair("hinge_embedding_loss", x, target);
  const Tensor apart = where(target != 1, clamp(options.margin - x, 0), 0);
  return reduced(apart + where(target != -1, x, 0), options.reduction);
}

Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& target,
                           const MarginRankingLossOptions& options) {
  const detail::Running running("margin_ranking_loss", a, b, target);
  check_pair("margin_ranking_loss", a, b);
  check_pair("margin_ranking_loss", a, target);
  return reduced(clamp(options.margin - target * (a - b), 0), options.reduction);
}

}  // namespace xgrad
