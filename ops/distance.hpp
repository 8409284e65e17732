#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad {

// Of floating tensors (DTypeError), whose shapes broadcast. No option is NaN (ValueError).

/// x1 · x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along an axis; the shapes broadcast.
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, std::int64_t axis = 1,
                         double eps = 1e-8);
/// ‖x1 − x2 + eps‖ₚ along the last axis; the shapes broadcast. The gradient is 0 where it is 0.
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2, double eps = 1e-6,
                         bool keepdim = false);

}  // namespace xgrad

#pragma GCC visibility pop
