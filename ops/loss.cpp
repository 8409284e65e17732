// Losses of each element.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/activations.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/pointwise.hpp>
#include <xgrad/ops/reduced.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace xgrad {

void detail::check_pair(const char* operation, const Tensor& x, const Tensor& target) {
  require<ShapeError>(x.shape() == target.shape(),
                      "{}: input {} and target {} differ; reshape one, a loss does not broadcast",
                      operation, x.shape(), target.shape());
  const bool numbers = x.dtype() != boolean && target.dtype() != boolean;
  require<DTypeError>(numbers && is_floating(promote(x.dtype(), target.dtype())),
                      "{}: input is {} and target {}; one must be floating, none bool", operation,
                      x.dtype(), target.dtype());
}

using detail::check_pair;
using detail::reduced;
using kernels::Expression;
using kernels::Formula;

namespace {

/// With c = d between ±bound: c (d − c/2), which is d² / 2 inside and bound (|d| − bound / 2)
/// outside. A clamp, for its slopes are right to any order, at 0 and for an infinite d too.
Tensor bounded_square(const Tensor& d, double bound, double scale = 1) {
  const Tensor c = clamp(d, -bound, bound);
  return c * scale * (d - 0.5 * c);
}

/// The losses, each times its weight where there is one.
Tensor weighted(const char* operation, const Tensor& losses, const Tensor& weight) {
  if (!weight.defined()) return losses;
  require<DTypeError>(weight.dtype() == losses.dtype(), "{}: weight is {}, the losses {}",
                      operation, weight.dtype(), losses.dtype());
  require<ShapeError>(broadcast(losses.shape(), weight.shape(), operation) == losses.shape(),
                      "{}: weight {} does not broadcast to the losses {}", operation,
                      weight.shape(), losses.shape());
  return losses * weight;
}

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, const LossOptions& options) {
  const detail::Running running("mse_loss", x, target);
  check_pair("mse_loss", x, target);
  return reduced("mse_loss", square(x - target), options.reduction);
}

Tensor l1_loss(const Tensor& x, const Tensor& target, const LossOptions& options) {
  const detail::Running running("l1_loss", x, target);
  check_pair("l1_loss", x, target);
  return reduced("l1_loss", abs(x - target), options.reduction);
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, const SmoothL1LossOptions& options) {
  const detail::Running running("smooth_l1_loss", x, target);
  check_pair("smooth_l1_loss", x, target);
  const double beta = options.beta;
  require<ValueError>(beta >= 0, "smooth_l1_loss: beta is {}; it must not be negative", beta);
  const Tensor d = x - target;
  return reduced("smooth_l1_loss", beta == 0 ? abs(d) : bounded_square(d, beta, 1 / beta),
                 options.reduction);
}

Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberLossOptions& options) {
  const detail::Running running("huber_loss", x, target);
  check_pair("huber_loss", x, target);
  require<ValueError>(options.delta > 0, "huber_loss: delta is {}; it must be above 0",
                      options.delta);
  return reduced("huber_loss", bounded_square(x - target, options.delta), options.reduction);
}

namespace {

/// Both in the dtype in which they meet.
struct Pair {
  Tensor x;
  Tensor target;

  Pair(const char* operation, const Tensor& given, const Tensor& wanted) {
    check_pair(operation, given, wanted);
    const DType dtype = promote(given.dtype(), wanted.dtype());
    x = to(given, dtype);
    target = to(wanted, dtype);
  }
};

constexpr double least_log = -100;
constexpr double least_variance = 1e-12;

// y = −(t ln x + (1 − t) ln(1 − x));  dL/dx = (x − t) / (x (1 − x)) dL/dy,
// dL/dt = (ln(1 − x) − ln x) dL/dy
Tensor cross_entropies(const Tensor& x, const Tensor& target) {
  const Formula f{[](auto v, auto t) {
                    using T = decltype(v);
                    const T yes = std::max(std::log(v), T(least_log));
                    const T no = std::max(std::log1p(-v), T(least_log));
                    return (t - 1) * no - t * yes;
                  },
                  12};
  const Tensor y = map<Types::floating>(Op::binary_cross_entropy, f, x, target);
  return record(Op::binary_cross_entropy, y,
                wrt(x, elementwise([x = saved(x), t = saved(target)](const Tensor& dy) {
                      const Tensor variance = clamp(x() * (1 - x()), least_variance);
                      return dy * ((x() - t()) / variance);
                    })),
                wrt(target, elementwise([x = saved(x)](const Tensor& dy) {
                      return dy * (clamp(log(1 - x()), least_log) - clamp(log(x()), least_log));
                    })));
}

}  // namespace

Tensor binary_cross_entropy(const Tensor& given, const Tensor& wanted,
                            const BinaryCrossEntropyOptions& options) {
  const detail::Running running("binary_cross_entropy", given, wanted);
  const auto [x, target] = Pair("binary_cross_entropy", given, wanted);
  const Tensor outside = logical_or(x.detach() < 0, x.detach() > 1);
  if (any(outside).item<bool>())
    raise<ValueError>(
        "binary_cross_entropy: {} of the inputs are outside of [0, 1]; of numbers that are no "
        "probabilities take binary_cross_entropy_with_logits",
        sum(outside).item<std::int64_t>());
  const Tensor losses = cross_entropies(x, target);
  return reduced("binary_cross_entropy", weighted("binary_cross_entropy", losses, options.weight),
                 options.reduction);
}

namespace {

// y = (max(x, 0) − t x) + ln(1 + e^(−|x|));  dL/dx = (σ(x) − t) dL/dy, dL/dt = −x dL/dy. For x > 0
// that is (1 − t) − σ(−x), so that nothing cancels where the target is nearly hit.
Tensor logit_cross_entropies(const Tensor& x, const Tensor& target) {
  const Expression f{[](const auto& v, const auto& t) {
    return (kernels::step(v) - t) * v + kernels::softplus_tail(v);
  }};
  const Expression slope{[](const auto& dy, const auto& v, const auto& t) {
    return dy * ((kernels::step(v) - t) - kernels::signed_tail(v));
  }};
  const Tensor y = map<Types::floating>(Op::binary_cross_entropy_with_logits, f, x, target);
  return record(Op::binary_cross_entropy_with_logits, y,
                wrt(x, elementwise(fused(
                           [slope, x = saved(x), t = saved(target)](const Tensor& dy) {
                             return map<Types::floating>(Op::binary_cross_entropy_with_logits,
                                                         slope, dy, x(), t());
                           },
                           [x = saved(x), t = saved(target)](const Tensor& dy) {
                             return dy *
                                    where(x() > 0, (1 - t()) - sigmoid(-x()), sigmoid(x()) - t());
                           }))),
                wrt(target, elementwise([x = saved(x)](const Tensor& dy) { return -dy * x(); })));
}

// With a weight w of the positive: y = −w t ln σ(x) − (1 − t) ln σ(−x)
Tensor logit_cross_entropies(const Tensor& x, const Tensor& target, const Tensor& weight) {
  constexpr auto name = "binary_cross_entropy_with_logits";
  if (!weight.defined()) return logit_cross_entropies(x, target);
  require<DTypeError>(weight.dtype() == x.dtype(), "{}: pos_weight is {}, the logits {}", name,
                      weight.dtype(), x.dtype());
  require<ShapeError>(broadcast(x.shape(), weight.shape(), name) == x.shape(),
                      "{}: pos_weight {} does not broadcast to the logits {}", name, weight.shape(),
                      x.shape());
  return -(weight * target * logsigmoid(x) + (1 - target) * logsigmoid(-x));
}

}  // namespace

Tensor binary_cross_entropy_with_logits(const Tensor& given, const Tensor& wanted,
                                        const BinaryCrossEntropyWithLogitsOptions& options) {
  constexpr auto name = "binary_cross_entropy_with_logits";
  const detail::Running running(name, given, wanted);
  const auto [x, target] = Pair(name, given, wanted);
  const Tensor losses = logit_cross_entropies(x, target, options.pos_weight);
  return reduced(name, weighted(name, losses, options.weight), options.reduction);
}

Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& target,
                                   const BinaryCrossEntropyOptions& options) {
  constexpr auto name = "multilabel_soft_margin_loss";
  const detail::Running running(name, x, target);
  require<ShapeError>(x.dim() > 0, "{}: a scalar has no axis of classes", name);
  const auto [logits, wanted] = Pair(name, x, target);
  const Tensor losses = weighted(name, logit_cross_entropies(logits, wanted), options.weight);
  return reduced(name, mean(losses, -1), options.reduction);
}

// y = t (ln t − x), or eᵗ (t − x) of a logarithm t
Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options) {
  const detail::Running running("kl_div", x, target);
  check_pair("kl_div", x, target);
  // Where t is 0, both the logarithm and x may be infinite.
  const Tensor none = target.detach() == 0;
  const Tensor t = where(none, 1, target);
  const Tensor losses =
      options.log_target ? exp(target) * (target - x) : where(none, 0, t * (log(t) - x));
  if (options.reduction != Reduction::batchmean)
    return reduced("kl_div", losses, options.reduction);
  return x.dim() == 0 ? losses : sum(losses) / x.size(0);
}

// y = eˣ − t x, or x − t ln(x + ε);  full: + t ln t − t + ½ ln(2πt) where t > 1
Tensor poisson_nll_loss(const Tensor& x, const Tensor& target,
                        const PoissonNllLossOptions& options) {
  const detail::Running running("poisson_nll_loss", x, target);
  check_pair("poisson_nll_loss", x, target);
  require_number("poisson_nll_loss", "eps", options.eps);
  Tensor losses = options.log_input ? exp(x) - target * x : x - target * log(x + options.eps);
  if (options.full) {
    const Tensor many = target.detach() > 1;
    const Tensor t = to(where(many, target, 1), losses.dtype());
    const Tensor stirling = t * log(t) - t + 0.5 * log(2 * std::numbers::pi * t);
    losses = losses + where(many, stirling, 0);
  }
  return reduced("poisson_nll_loss", losses, options.reduction);
}

namespace {

/// var in a shape that divides what has the shape of x.
Tensor variance_of(const Tensor& x, const Tensor& var) {
  if (var.shape() == x.shape()) return var;
  Shape once = x.shape();
  Shape without = x.shape();
  if (x.dim() > 0) {
    once.back() = 1;
    without.erase(without.size() - 1);
  }
  require<ShapeError>(x.dim() > 0 && (var.shape() == once || var.shape() == without),
                      "gaussian_nll_loss: var {} for input {}; the shapes must be equal, or the "
                      "last extent of var 1 or left out",
                      var.shape(), x.shape());
  return reshape(var, once);
}

}  // namespace

// y = ½ (ln v + (x − t)² / v)
Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& var,
                         const GaussianNllLossOptions& options) {
  const detail::Running running("gaussian_nll_loss", x, target, var);
  check_pair("gaussian_nll_loss", x, target);
  require_number("gaussian_nll_loss", "eps", options.eps);
  require<DTypeError>(is_floating(var.dtype()), "gaussian_nll_loss: var is {}; it must be floating",
                      var.dtype());
  if (any(var.detach() < 0).item<bool>())
    raise<ValueError>("gaussian_nll_loss: var is {} somewhere; it must not be negative",
                      min(var.detach()).item());
  const Tensor given = variance_of(x, var);
  // What lifts it to eps is no function of it: the gradient passes.
  const Tensor v = given + clamp(options.eps - given.detach(), 0);
  Tensor losses = 0.5 * (log(v) + square(x - target) / v);
  if (options.full) losses = losses + 0.5 * std::log(2 * std::numbers::pi);
  return reduced("gaussian_nll_loss", losses, options.reduction);
}

}  // namespace xgrad
