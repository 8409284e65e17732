#pragma once
// Internal: what optimisers share that divide by the root of a mean of squares.

#include <xgrad/optim/optimizer.hpp>

namespace xgrad::optim::detail {

/// ValueError for a rate, betas where there are some, an ε or a weight decay that cannot be.
template <class Options>
void require_adaptive(const char* optimizer, const Options& o) {
  require_not_negative(optimizer, "lr", o.lr);
  if constexpr (requires { o.betas; }) require_betas(optimizer, o.betas);
  require_not_negative(optimizer, "eps", o.eps);
  require_not_negative(optimizer, "weight_decay", o.weight_decay);
}

/// m ← β₁ m + (1 − β₁) g, of numbers that have a beta1.
template <class Numbers, class T>
void remember_mean(const Numbers& n, T g, T& m) {
  m = static_cast<T>(n.beta1) * m + static_cast<T>(1 - n.beta1) * g;
}
/// v ← β₂ v + (1 − β₂) g²
template <class Numbers, class T>
void remember_square(const Numbers& n, T g, T& v) {
  v = static_cast<T>(n.beta2) * v + static_cast<T>(1 - n.beta2) * g * g;
}

}  // namespace xgrad::optim::detail
