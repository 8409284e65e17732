// Losses of margins: of numbers that should be far apart, or near.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/distance.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduced.hpp>

#include <cmath>

namespace xgrad {

using detail::check_floating;
using detail::check_pair;
using detail::reduced;

namespace {

/// max(x, 0), with the gradient of x at 0.
Tensor hinge(const Tensor& x) { return clamp(x, 0); }

/// DTypeError unless x is floating and target, of 1 and −1, none of bool.
void check_signs(const char* operation, const Tensor& x, const Tensor& target) {
  require<DTypeError>(is_floating(x.dtype()) && target.dtype() != boolean,
                      "{}: input is {} and target {}; they must be floating and numbers (1 and -1)",
                      operation, x.dtype(), target.dtype());
}

void check_shapes(const char* operation, const Tensor& x1, const Tensor& x2) {
  require<ShapeError>(x1.shape() == x2.shape(),
                      "{}: inputs {} and {} differ; reshape one, a loss does not broadcast",
                      operation, x1.shape(), x2.shape());
}

}  // namespace

// y = (x where t ≠ −1) + (max(0, m − x) where t ≠ 1)
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target,
                            const HingeEmbeddingLossOptions& options) {
  const detail::Running running("hinge_embedding_loss", x, target);
  check_signs("hinge_embedding_loss", x, target);
  check_pair("hinge_embedding_loss", x, target);
  require_number("hinge_embedding_loss", "margin", options.margin);
  const Tensor apart = where(target != 1, hinge(options.margin - x), 0);
  return reduced("hinge_embedding_loss", apart + where(target != -1, x, 0), options.reduction);
}

Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& target,
                           const MarginLossOptions& options) {
  const detail::Running running("margin_ranking_loss", x1, x2, target);
  check_floating("margin_ranking_loss", x1, x2);
  check_signs("margin_ranking_loss", x1, target);
  check_shapes("margin_ranking_loss", x1, x2);
  check_pair("margin_ranking_loss", x1, target);
  require_number("margin_ranking_loss", "margin", options.margin);
  return reduced("margin_ranking_loss", hinge(options.margin - target * (x1 - x2)),
                 options.reduction);
}

namespace {

struct Triplet {
  const Tensor& anchor;
  const Tensor& positive;
  const Tensor& negative;
};

template <class Options, class Distance>
Tensor triplet_loss(const char* operation, const Triplet& x, const Options& options,
                    const Distance& distance) {
  check_shapes(operation, x.anchor, x.positive);
  check_shapes(operation, x.anchor, x.negative);
  require<ValueError>(options.margin > 0, "{}: margin is {}; it must be above 0", operation,
                      options.margin);
  const Tensor near = distance(x.anchor, x.positive);
  const Tensor own = distance(x.anchor, x.negative);
  const Tensor far = options.swap ? minimum(own, distance(x.positive, x.negative)) : own;
  return reduced(operation, hinge(options.margin + near - far), options.reduction);
}

}  // namespace

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginLossOptions& options) {
  const detail::Running running("triplet_margin_loss", anchor, positive, negative);
  check_floating("triplet_margin_loss", anchor, positive);
  check_floating("triplet_margin_loss", anchor, negative);
  require_number("triplet_margin_loss", "p", options.p);
  require_number("triplet_margin_loss", "eps", options.eps);
  return triplet_loss("triplet_margin_loss", {anchor, positive, negative}, options,
                      [&](const Tensor& a, const Tensor& b) {
                        return pairwise_distance(a, b, options.p, options.eps);
                      });
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive,
                                         const Tensor& negative,
                                         const TripletMarginWithDistanceLossOptions& options) {
  constexpr auto name = "triplet_margin_with_distance_loss";
  const detail::Running running(name, anchor, positive, negative);
  check_floating(name, anchor, positive);
  check_floating(name, anchor, negative);
  return triplet_loss(name, {anchor, positive, negative}, options,
                      [&](const Tensor& a, const Tensor& b) {
                        if (!options.distance_function) return pairwise_distance(a, b);
                        return options.distance_function(a, b);
                      });
}

// With cos = x1 · x2 / √((‖x1‖² + ε) (‖x2‖² + ε)).
Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& target,
                             const MarginLossOptions& options) {
  constexpr double eps = 1e-12;
  const detail::Running running("cosine_embedding_loss", x1, x2, target);
  check_floating("cosine_embedding_loss", x1, x2);
  check_signs("cosine_embedding_loss", x1, target);
  check_shapes("cosine_embedding_loss", x1, x2);
  require_number("cosine_embedding_loss", "margin", options.margin);
  Shape examples = x1.shape();
  if (!examples.empty()) examples.erase(examples.size() - 1);
  require<ShapeError>(
      (x1.dim() == 1 || x1.dim() == 2) && target.shape() == examples,
      "cosine_embedding_loss: inputs {} and target {}; they must be [N, D] and [N], "
      "or [D] and []",
      x1.shape(), target.shape());
  const auto size = [](const Tensor& x) { return sum(square(x), -1) + eps; };
  const Tensor cosine = sum(x1 * x2, -1) / sqrt(size(x1) * size(x2));
  const Tensor alike = where(target == 1, 1 - cosine, 0);
  const Tensor apart = where(target == -1, hinge(cosine - options.margin), 0);
  return reduced("cosine_embedding_loss", alike + apart, options.reduction);
}

Tensor soft_margin_loss(const Tensor& x, const Tensor& target, const LossOptions& options) {
  const detail::Running running("soft_margin_loss", x, target);
  check_signs("soft_margin_loss", x, target);
  check_pair("soft_margin_loss", x, target);
  return reduced("soft_margin_loss", -logsigmoid(target * x), options.reduction);
}

}  // namespace xgrad
