#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

struct DropoutOptions {
  double p = 0.5;                  ///< probability of an element to become 0
  bool training = true;            ///< otherwise x passes unchanged
  Generator* generator = nullptr;  ///< nullptr: the default one
};

/// Zeroes elements at random and divides the others by 1 − p, so that the mean stays.
/// What is drawn has 24 bits: the elements of 2²⁴ that are zeroed are p 2²⁴, rounded up.
/// ValueError unless 0 ≤ p ≤ 1.
Tensor dropout(const Tensor& x, const DropoutOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
