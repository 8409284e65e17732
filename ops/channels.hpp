#pragma once
// Internal: tensors [N, C, …] as their channels lie in memory.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/ops/kernels/norm.hpp>

namespace xgrad {

/// The extents of x as it lies, for kernels that are called so: by visit(), or compute() with
/// like(x).
inline kernels::ChannelExtents channel_extents(const Tensor& x) {
  std::int64_t plane = 1;
  for (std::int64_t axis = 2; axis < x.dim(); ++axis) plane *= x.size(axis);
  const std::int64_t lanes = layout_of(x) == Layout::blocked ? channel_block() : 1;
  return {x.size(0), x.size(1) / lanes, plane, lanes};
}

}  // namespace xgrad
