#pragma once
// Internal: what losses share.

#include <xgrad/ops/loss.hpp>
#include <xgrad/ops/reduce.hpp>

namespace xgrad {

inline Tensor reduced(const Tensor& losses, Reduction reduction) {
  switch (reduction) {
    case Reduction::mean:
      return mean(losses);
    case Reduction::sum:
      return sum(losses);
    default:
      return losses;
  }
}

}  // namespace xgrad
