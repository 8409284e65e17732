#pragma once
// Internal: what losses share.

#include <xgrad/ops/loss.hpp>

namespace xgrad::detail {

/// The losses as the option says; ValueError for batchmean.
Tensor reduced(const char* operation, const Tensor& losses, Reduction reduction);

/// ShapeError unless x and target are of one shape, DTypeError unless one is floating and none
/// bool.
void check_pair(const char* operation, const Tensor& x, const Tensor& target);

}  // namespace xgrad::detail
