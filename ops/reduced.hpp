#pragma once
// Internal: what losses share.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/reduce.hpp>

namespace xgrad::detail {

/// The losses as the option says; ValueError for batchmean.
inline Tensor reduced(const char* operation, const Tensor& losses, Reduction reduction) {
  require<ValueError>(reduction != Reduction::batchmean,
                      "{}: the reduction batchmean is kl_div's alone; mean, sum or none",
                      operation);
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::mean ? mean(losses) : sum(losses);
}

/// ShapeError unless x and target are of one shape, DTypeError unless one is floating and none
/// bool.
void check_pair(const char* operation, const Tensor& x, const Tensor& target);

inline void check_floating(const char* operation, const Tensor& x1, const Tensor& x2) {
  require<DTypeError>(is_floating(x1.dtype()) && is_floating(x2.dtype()),
                      "{}: takes floating tensors, got {} and {}", operation, x1.dtype(),
                      x2.dtype());
}

}  // namespace xgrad::detail
