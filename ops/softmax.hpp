#pragma once
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

/// eˣ / Σ eˣ along `axis`, without overflow; entries of −inf get 0.
Tensor softmax(const Tensor& x, std::int64_t axis);
/// x − ln Σ eˣ along `axis`, without overflow or loss of small probabilities.
Tensor log_softmax(const Tensor& x, std::int64_t axis);

}  // namespace xgrad

#pragma GCC visibility pop
