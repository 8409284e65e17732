#pragma once
// Internal: pooling of planes [planes, h, w] to [planes, oh, ow].

#include <cstdint>

namespace xgrad::kernels {

struct PoolGeometry {
  std::int64_t planes, h, w;
  std::int64_t oh, ow;
  std::int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
};

/// The largest value under each window and its position in the plane: the first of equal ones; NaN
/// wins. Padding is never chosen.
template <class T>
void max_pool(const PoolGeometry& g, const T* x, T* y, std::int64_t* position);
/// The mean under each window; padding counts as zeros if `count_padding`, else not at all.
template <class T>
void avg_pool(const PoolGeometry& g, bool count_padding, const T* x, T* y);
/// Its adjoint.
template <class T>
void avg_pool_input(const PoolGeometry& g, bool count_padding, const T* dy, T* dx);

}  // namespace xgrad::kernels
