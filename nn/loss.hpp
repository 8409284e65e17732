#pragma once
#include <xgrad/nn/module_of.hpp>
#include <xgrad/ops/loss.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::Reduction;

// Losses as modules: nn::MSELoss{}, nn::MSELoss{nn::Reduction::sum}, or with the options of the
// operation, nn::CrossEntropyLoss{{.label_smoothing = 0.1}}. Inputs and errors are the
// operation's; an option that it refuses whatever the inputs are, the loss refuses when it is made.
// Weights are buffers, saved and converted with the module.

namespace detail {

/// What an input of a loss holds: numbers of any shape, a row for each example, the class of each,
/// several classes of each, or at each step a row for each example.
enum class LossInput { numbers, rows, classes, labels, steps };

/// Inputs of no examples, with which an operation refuses options alone.
Tensor no_examples(LossInput kind);

/// The options without what the inputs must fit.
template <class Options>
Options without_inputs(Options options) {
  if constexpr (requires { options.weight; }) options.weight = {};
  if constexpr (requires { options.pos_weight; }) options.pos_weight = {};
  if constexpr (requires { options.distance_function; }) options.distance_function = {};
  if constexpr (requires { options.blank; }) options.blank = 0;
  return options;
}

template <LossInput>
struct LossTensor {
  using type = const Tensor&;
};

template <class Self, class Options, auto operation, LossInput... inputs>
class Loss : public ModuleOf<Self> {
 public:
  explicit Loss(const Options& options = {}) : options_(options) {
    operation(no_examples(inputs)..., without_inputs(options));
  }
  explicit Loss(Reduction reduction) : Loss(Options{.reduction = reduction}) {}

  Tensor forward(typename LossTensor<inputs>::type... x) { return operation(x..., options_); }

 protected:
  Options options_;
};

template <class Self, class Options, auto operation, LossInput... inputs>
class WeightedLoss : public Loss<Self, Options, operation, inputs...> {
 public:
  explicit WeightedLoss(const Options& options = {})
      : Loss<Self, Options, operation, inputs...>(options) {
    if (options.weight.defined()) weight = this->add_buffer("weight", options.weight);
    this->options_.weight = {};
  }
  explicit WeightedLoss(Reduction reduction) : WeightedLoss(Options{.reduction = reduction}) {}

  Tensor forward(typename LossTensor<inputs>::type... x) {
    Options options = this->options_;
    options.weight = weight;
    return operation(x..., options);
  }

  Buffer weight;  ///< as in the options, or undefined
};

using enum LossInput;

}  // namespace detail

/// xgrad::mse_loss.
struct MSELoss : detail::Loss<MSELoss, LossOptions, mse_loss, detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::l1_loss.
struct L1Loss : detail::Loss<L1Loss, LossOptions, l1_loss, detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::smooth_l1_loss.
struct SmoothL1Loss : detail::Loss<SmoothL1Loss, SmoothL1LossOptions, smooth_l1_loss,
                                   detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::huber_loss.
struct HuberLoss
    : detail::Loss<HuberLoss, HuberLossOptions, huber_loss, detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::binary_cross_entropy.
struct BCELoss : detail::WeightedLoss<BCELoss, BinaryCrossEntropyOptions, binary_cross_entropy,
                                      detail::numbers, detail::numbers> {
  using WeightedLoss::WeightedLoss;
};

/// xgrad::binary_cross_entropy_with_logits.
class BCEWithLogitsLoss
    : public detail::WeightedLoss<BCEWithLogitsLoss, BinaryCrossEntropyWithLogitsOptions,
                                  binary_cross_entropy_with_logits, detail::numbers,
                                  detail::numbers> {
 public:
  explicit BCEWithLogitsLoss(const BinaryCrossEntropyWithLogitsOptions& options = {});
  explicit BCEWithLogitsLoss(Reduction reduction);
  Tensor forward(const Tensor& logits, const Tensor& target);

  Buffer pos_weight;  ///< as in the options, or undefined
};

/// xgrad::kl_div.
struct KLDivLoss : detail::Loss<KLDivLoss, KlDivOptions, kl_div, detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::poisson_nll_loss.
struct PoissonNLLLoss : detail::Loss<PoissonNLLLoss, PoissonNllLossOptions, poisson_nll_loss,
                                     detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::gaussian_nll_loss. Called with the input, the target and the variance.
struct GaussianNLLLoss : detail::Loss<GaussianNLLLoss, GaussianNllLossOptions, gaussian_nll_loss,
                                      detail::numbers, detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::nll_loss.
struct NLLLoss
    : detail::WeightedLoss<NLLLoss, NllLossOptions, nll_loss, detail::rows, detail::classes> {
  using WeightedLoss::WeightedLoss;
};

/// xgrad::cross_entropy.
struct CrossEntropyLoss : detail::WeightedLoss<CrossEntropyLoss, CrossEntropyOptions, cross_entropy,
                                               detail::rows, detail::classes> {
  using WeightedLoss::WeightedLoss;
};

/// xgrad::ctc_loss. Called with the logarithms of probabilities, the targets, the lengths of the
/// inputs and of the targets. ValueError for a negative blank.
struct CTCLoss : detail::Loss<CTCLoss, CtcLossOptions, ctc_loss, detail::steps, detail::classes,
                              detail::classes, detail::classes> {
  explicit CTCLoss(const CtcLossOptions& options = {});
  explicit CTCLoss(Reduction reduction);
};

/// xgrad::hinge_embedding_loss.
struct HingeEmbeddingLoss : detail::Loss<HingeEmbeddingLoss, HingeEmbeddingLossOptions,
                                         hinge_embedding_loss, detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::margin_ranking_loss.
struct MarginRankingLoss : detail::Loss<MarginRankingLoss, MarginLossOptions, margin_ranking_loss,
                                        detail::numbers, detail::numbers, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::cosine_embedding_loss.
struct CosineEmbeddingLoss
    : detail::Loss<CosineEmbeddingLoss, MarginLossOptions, cosine_embedding_loss, detail::rows,
                   detail::rows, detail::numbers> {
  using Loss::Loss;
};

/// xgrad::triplet_margin_loss.
struct TripletMarginLoss
    : detail::Loss<TripletMarginLoss, TripletMarginLossOptions, triplet_margin_loss, detail::rows,
                   detail::rows, detail::rows> {
  using Loss::Loss;
};

/// xgrad::triplet_margin_with_distance_loss.
struct TripletMarginWithDistanceLoss
    : detail::Loss<TripletMarginWithDistanceLoss, TripletMarginWithDistanceLossOptions,
                   triplet_margin_with_distance_loss, detail::rows, detail::rows, detail::rows> {
  using Loss::Loss;
};

/// xgrad::soft_margin_loss.
struct SoftMarginLoss : detail::Loss<SoftMarginLoss, LossOptions, soft_margin_loss, detail::numbers,
                                     detail::numbers> {
  using Loss::Loss;
};

/// xgrad::multi_margin_loss.
struct MultiMarginLoss : detail::WeightedLoss<MultiMarginLoss, MultiMarginLossOptions,
                                              multi_margin_loss, detail::rows, detail::classes> {
  using WeightedLoss::WeightedLoss;
};

/// xgrad::multilabel_margin_loss.
struct MultiLabelMarginLoss : detail::Loss<MultiLabelMarginLoss, LossOptions,
                                           multilabel_margin_loss, detail::rows, detail::labels> {
  using Loss::Loss;
};

/// xgrad::multilabel_soft_margin_loss.
struct MultiLabelSoftMarginLoss
    : detail::WeightedLoss<MultiLabelSoftMarginLoss, BinaryCrossEntropyOptions,
                           multilabel_soft_margin_loss, detail::rows, detail::rows> {
  using WeightedLoss::WeightedLoss;
};

struct LinearCrossEntropyOptions {
  bool bias = true;                  ///< whether it has one
  std::int64_t ignore_index = -100;  ///< targets of this value count for nothing
  double label_smoothing = 0;        ///< as in CrossEntropyOptions
  Reduction reduction = Reduction::mean;
  std::int64_t rows = 0;  ///< of logits at a time; 0: those of about a million logits
};

/// xgrad::cross_entropy of the logits x Wᵀ + b, of which there are never more than some rows at a
/// time: each piece is computed again in the backward pass, xgrad::checkpoint, for a third more
/// time. For classes so many that the logits would take more memory than all else. x is
/// [..., features], target int64 [...]. Weights start as those of Linear. ValueError unless
/// features and classes are positive.
class LinearCrossEntropyLoss : public ModuleOf<LinearCrossEntropyLoss> {
 public:
  LinearCrossEntropyLoss(std::int64_t features, std::int64_t classes,
                         const LinearCrossEntropyOptions& options = {});
  Tensor forward(const Tensor& x, const Tensor& target);

  Parameter weight;  ///< [classes, features]
  Parameter bias;    ///< [classes], or undefined

 private:
  std::vector<Tensor> pieces(const Tensor& x, const Tensor& target) const;

  LinearCrossEntropyOptions options_;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
