#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad {

enum class Reduction { mean, sum, none };

struct LossOptions {
  Reduction reduction = Reduction::mean;
};

/// Σ (x − target)², reduced. The shapes must be equal: a loss does not broadcast.
Tensor mse_loss(const Tensor& x, const Tensor& target, const LossOptions& options = {});

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

}  // namespace xgrad

#pragma GCC visibility pop
