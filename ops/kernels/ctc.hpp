#pragma once
// Internal: connectionist temporal classification (Graves et al., ICML 2006).

#include <cstdint>
#include <span>

namespace xgrad::kernels {

/// One example of a batch: the logarithms of the probabilities of its classes at each step.
template <class T>
struct CtcInput {
  const T* values;
  std::int64_t steps;
  std::int64_t stride;  ///< between steps
};

/// −ln of the probability of all paths that spell `labels`; ∞ where there is none.
template <class T>
double ctc_loss(const CtcInput<T>& x, std::span<const std::int64_t> labels, std::int64_t blank);

/// dx −= factor · the probability, given the labels, that a path is at each class at each step:
/// −1 times that is the loss's derivative. dx lies as x does. Where there is no path, NaN, or
/// nothing with `zero_infinity`.
template <class T>
void ctc_loss_input(const CtcInput<T>& x, std::span<const std::int64_t> labels, std::int64_t blank,
                    double factor, bool zero_infinity, T* dx);

}  // namespace xgrad::kernels
