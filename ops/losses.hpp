#pragma once
#include <xgrad/ops/loss.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

// More losses: floating, of input and target of one shape, for a loss does not broadcast.

/// |x − target|
Tensor l1_loss(const Tensor& x, const Tensor& target, const LossOptions& options = {});

struct SmoothL1LossOptions {
  Reduction reduction = Reduction::mean;
  double beta = 1;
};
/// With d = |x − target|, d² / (2 beta) where d < beta, d − beta / 2 elsewhere; l1_loss for beta 0.
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target,
                      const SmoothL1LossOptions& options = {});

struct HuberLossOptions {
  Reduction reduction = Reduction::mean;
  double delta = 1;
};
/// With d = |x − target|, d² / 2 where d < delta, delta (d − delta / 2) elsewhere.
Tensor huber_loss(const Tensor& x, const Tensor& target, const HuberLossOptions& options = {});

struct BinaryCrossEntropyOptions {
  Tensor weight = {};  ///< broadcasts; undefined: 1
  Reduction reduction = Reduction::mean;
};
/// −t ln x − (1 − t) ln(1 − x) of probabilities x, with logarithms of at least −100. ValueError for
/// an x outside [0, 1].
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target,
                            const BinaryCrossEntropyOptions& options = {});

struct BinaryCrossEntropyWithLogitsOptions {
  Tensor weight = {};  ///< broadcasts; undefined: 1
  Reduction reduction = Reduction::mean;
  Tensor pos_weight = {};  ///< of the part with t; broadcasts; undefined: 1
};
/// The same of sigmoid(x), without overflow.
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target,
                                        const BinaryCrossEntropyWithLogitsOptions& options = {});

struct KlDivOptions {
  Reduction reduction = Reduction::mean;
  bool log_target = false;
  bool batchmean = false;  ///< the sum over the extent of axis 0, instead of `reduction`
};
/// t (ln t − x) of logarithms x of probabilities.
Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options = {});

/// a · b / (|a| |b|) along `axis`, lengths being at least eps; the shapes broadcast.
Tensor cosine_similarity(const Tensor& a, const Tensor& b, std::int64_t axis = 1,
                         double eps = 1e-8);

/// ln(1 + e^(−t x)) for targets ±1.
Tensor soft_margin_loss(const Tensor& x, const Tensor& target, const LossOptions& options = {});

struct HingeEmbeddingLossOptions {
  double margin = 1;
  Reduction reduction = Reduction::mean;
};
/// x where the target is 1, max(0, margin − x) where it is −1.
Tensor hinge_embedding_loss(const Tensor& x, const Tensor& target,
                            const HingeEmbeddingLossOptions& options = {});

struct MarginRankingLossOptions {
  double margin = 0;
  Reduction reduction = Reduction::mean;
};
/// max(0, margin − t (a − b)) for targets ±1.
Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& target,
                           const MarginRankingLossOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
