#pragma once
// Internal: pooling of planes [planes, h, w, lanes] to [planes, oh, ow, lanes].

#include <cstdint>

namespace xgrad::kernels {

struct PoolGeometry {
  std::int64_t planes, h, w;
  std::int64_t oh, ow;
  std::int64_t kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
  std::int64_t lanes = 1;
};

/// The largest value under each window and its number in the window, counted along the rows: the
/// first of equal ones; NaN wins. Padding is never chosen. Index is std::uint8_t where the window
/// has at most 256 values, else std::int32_t.
template <class T, class Index>
void max_pool(const PoolGeometry& g, const T* x, T* y, Index* index);
/// Its adjoint: each dy goes to where its value came from.
template <class T, class Index>
void max_pool_input(const PoolGeometry& g, const T* dy, const Index* index, T* dx);
/// Where in its plane each value came from: [planes · lanes, oh · ow], row-major whatever the
/// lanes.
template <class Index>
void max_pool_positions(const PoolGeometry& g, const Index* index, std::int64_t* position);

/// The mean under each window, of one lane; padding counts as zeros if `count_padding`, else not at
/// all.
template <class T>
void avg_pool(const PoolGeometry& g, bool count_padding, const T* x, T* y);
/// Its adjoint.
template <class T>
void avg_pool_input(const PoolGeometry& g, bool count_padding, const T* dy, T* dx);

}  // namespace xgrad::kernels
