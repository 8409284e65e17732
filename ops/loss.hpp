#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <functional>

#pragma GCC visibility push(default)

namespace xgrad {

/// Of the losses of all elements or examples. batchmean, the sum over the extent of the first axis,
/// is kl_div's alone: ValueError elsewhere.
enum class Reduction { mean, sum, none, batchmean };

struct LossOptions {
  Reduction reduction = Reduction::mean;
};

// The shapes of x and target must be equal: a loss does not broadcast (ShapeError). One of the two
// is floating, and none bool (DTypeError). No option is NaN (ValueError).

/// Σ (x − target)², reduced.
Tensor mse_loss(const Tensor& x, const Tensor& target, const LossOptions& options = {});
/// |x − target|; the gradient at 0 is 0.
Tensor l1_loss(const Tensor& x, const Tensor& target, const LossOptions& options = {});

struct SmoothL1LossOptions {
  Reduction reduction = Reduction::mean;
  double beta = 1;  ///< 0: l1_loss
};
/// With d = |x − target|: d² / 2β where d < β, else d − β/2. ValueError unless β ≥ 0.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target,
                      const SmoothL1LossOptions& options = {});

struct HuberLossOptions {
  Reduction reduction = Reduction::mean;
  double delta = 1;
};
/// With d = |x − target|: d² / 2 where d < δ, else δ (d − δ/2). ValueError unless δ > 0.
Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberLossOptions& options = {});

struct BinaryCrossEntropyOptions {
  Tensor weight = {};  ///< multiplies the losses, to which it broadcasts; undefined: 1
  Reduction reduction = Reduction::mean;
};
/// −(target ln x + (1 − target) ln(1 − x)), each logarithm at least −100 and the slope in x at most
/// 10¹², as PyTorch has them. ValueError where an x is outside of [0, 1].
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target,
                            const BinaryCrossEntropyOptions& options = {});

struct BinaryCrossEntropyWithLogitsOptions {
  Tensor weight = {};  ///< multiplies the losses, to which it broadcasts; undefined: 1
  Reduction reduction = Reduction::mean;
  Tensor pos_weight = {};  ///< multiplies target ln σ(x), to which it broadcasts; undefined: 1
};
/// The same of x = σ(logits), without overflow or loss of small probabilities.
Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsOptions& options = {});

struct KlDivOptions {
  Reduction reduction = Reduction::mean;
  bool log_target = false;  ///< the target is given as its logarithm
};
/// target (ln target − x), 0 where target is: x are logarithms of probabilities.
Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options = {});

struct PoissonNllLossOptions {
  bool log_input = true;  ///< x is the logarithm of the rate
  bool full = false;      ///< adds Stirling's formula for ln target!, where target > 1
  double eps = 1e-8;      ///< added to the rate before its logarithm is taken
  Reduction reduction = Reduction::mean;
};
/// rate − target ln rate
Tensor poisson_nll_loss(const Tensor& x, const Tensor& target,
                        const PoissonNllLossOptions& options = {});

struct GaussianNllLossOptions {
  bool full = false;  ///< adds ½ ln 2π
  double eps = 1e-6;  ///< what is below it counts as it; the gradient passes all the same
  Reduction reduction = Reduction::mean;
};
/// ½ (ln var + (x − target)² / var). `var` has the shape of x, or an extent of 1, or nothing, in
/// place of its last. ValueError for a negative one.
Tensor gaussian_nll_loss(const Tensor& x, const Tensor& target, const Tensor& var,
                         const GaussianNllLossOptions& options = {});

// Losses of margins. Targets of 1 and −1 are of any numbers; where a margin is just kept, the
// gradient is that of the other side, as in PyTorch.

struct HingeEmbeddingLossOptions {
  double margin = 1;
  Reduction reduction = Reduction::mean;
};
/// x where target is 1, max(0, margin − x) where it is −1.
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target,
                            const HingeEmbeddingLossOptions& options = {});

struct MarginLossOptions {
  double margin = 0;
  Reduction reduction = Reduction::mean;
};
/// max(0, −target (x1 − x2) + margin): x1 should be the larger where target is 1.
Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& target,
                           const MarginLossOptions& options = {});
/// 1 − cos(x1, x2) where target is 1, max(0, cos(x1, x2) − margin) where it is −1: of [N, D] and
/// [N], or of [D] and [].
Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& target,
                             const MarginLossOptions& options = {});

struct TripletMarginLossOptions {
  double margin = 1;
  double p = 2;       ///< of pairwise_distance
  double eps = 1e-6;  ///< of pairwise_distance
  bool swap = false;  ///< the negative's distance is the lesser of the anchor's and the positive's
  Reduction reduction = Reduction::mean;
};
/// max(0, d(anchor, positive) − d(anchor, negative) + margin) with d the pairwise_distance, for
/// tensors of one shape. ValueError unless margin > 0.
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletMarginLossOptions& options = {});

struct TripletMarginWithDistanceLossOptions {
  /// Of the rows of two tensors; empty: pairwise_distance.
  std::function<Tensor(const Tensor&, const Tensor&)> distance_function = {};
  double margin = 1;
  bool swap = false;  ///< the negative's distance is the lesser of the anchor's and the positive's
  Reduction reduction = Reduction::mean;
};
/// The same with a distance of your own, in which a gradient flows as far as it lets one.
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive,
                                         const Tensor& negative,
                                         const TripletMarginWithDistanceLossOptions& options = {});

/// ln(1 + e^(−target x)), without overflow.
Tensor soft_margin_loss(const Tensor& x, const Tensor& target, const LossOptions& options = {});

struct MultiMarginLossOptions {
  double p = 1;  ///< 1 or 2
  double margin = 1;
  Tensor weight = {};  ///< of each class, [classes]; undefined: all 1
  Reduction reduction = Reduction::mean;
};
/// w[target] Σ max(0, margin − x[target] + x[i])ᵖ / C over the classes i but target; x is [N, C] or
/// [C], target int64 [N] or []. The gradient is 0 where a margin is just kept.
Tensor multi_margin_loss(const Tensor& x, const Tensor& target,
                         const MultiMarginLossOptions& options = {});

/// Σ max(0, 1 − (x[j] − x[i])) / C over the classes j of the target and i that are not; x and
/// target are [N, C] or [C], target int64: classes, up to the first −1. The gradient is 0 where a
/// margin is just kept.
Tensor multilabel_margin_loss(const Tensor& x, const Tensor& target,
                              const LossOptions& options = {});

/// The mean of binary_cross_entropy_with_logits over the last axis, the classes.
Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& target,
                                   const BinaryCrossEntropyOptions& options = {});

struct NllLossOptions {
  Tensor weight = {};                ///< of each class, [classes]; undefined: all 1
  std::int64_t ignore_index = -100;  ///< targets of this value count for nothing
  Reduction reduction = Reduction::mean;
};

/// −log_probabilities at the target classes. log_probabilities is [C], [N, C] or [N, C, …], target
/// int64 of that shape without the class axis. The mean is weighted: over the sum of the targets'
/// weights. ValueError for a target that is no class.
Tensor nll_loss(const Tensor& log_probabilities, const Tensor& target,
                const NllLossOptions& options = {});

struct CrossEntropyOptions {
  Tensor weight = {};
  std::int64_t ignore_index = -100;
  double label_smoothing = 0;  ///< mixes the target with this much of the uniform distribution
  Reduction reduction = Reduction::mean;
};

/// Cross entropy of logits [C], [N, C] or [N, C, …] with target classes (int64, as nll_loss) or
/// target probabilities (floating, shape of the logits). With probabilities the mean is over the
/// number of distributions.
Tensor cross_entropy(const Tensor& logits, const Tensor& target,
                     const CrossEntropyOptions& options = {});

struct CtcLossOptions {
  std::int64_t blank = 0;                 ///< the class that stands for none
  Reduction reduction = Reduction::mean;  ///< mean: of the losses over the targets' lengths
  bool zero_infinity = false;  ///< 0, and no gradient, where the target does not fit the input
};
/// −ln of the probability that x, the logarithms of the classes' probabilities at each step, spells
/// the target, over all ways to repeat labels and to put blanks between (Graves et al.,
/// "Connectionist temporal classification", ICML 2006). x is [T, N, C], targets int64 [N, S], or
/// all in a row [Σ lengths], lengths int64 [N]; or of one example [T, C], [S] and []. ∞ where there
/// is no way.
Tensor ctc_loss(const Tensor& log_probabilities, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcLossOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
