#pragma once
// Internal: the running statistics of norms, which are changed where they lie.

#include <xgrad/autograd/tensor.hpp>

namespace xgrad::detail {

/// Checks running statistics of x's channels: both or none, [C], of x's dtype, without a gradient
/// (they would get none); where they are to be changed, that each has memory of its own.
void check_running(const char* operation, const Tensor& x, const Tensor& mean, const Tensor& var,
                   bool changed);

/// running ← (1 − momentum) running + momentum · batch, in its own memory.
void update_running(const Tensor& running, const Tensor& batch, double momentum);

}  // namespace xgrad::detail
