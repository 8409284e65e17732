#pragma once
// Internal: reductions of [outer, n, inner] over the middle axis, without xtensor (whose reducers
// are 8 to 100 times slower there).

#include <xgrad/ops/kernels/accumulate.hpp>

#include <cstdint>

namespace xgrad::kernels {

struct Extents {
  std::int64_t outer;
  std::int64_t n;
  std::int64_t inner;
};

/// Accumulated as accumulate.hpp says; float32 may be summed to doubles and doubles to float32.
template <class T, class Out>
void sum(const T* x, const Extents& extents, Out* out);
/// Σ x²
template <class T>
void sum_of_squares(const T* x, const Extents& extents, Wide<T>* out);
/// Of one row, on this thread; n must not be 0.
template <class T>
T sum_row(const T* x, std::int64_t n);
template <class T>
T max_row(const T* x, std::int64_t n);
/// n must not be 0; NaN wins.
template <class T>
void max(const T* x, const Extents& extents, T* out);
template <class T>
void min(const T* x, const Extents& extents, T* out);
template <class T>
void argmax(const T* x, const Extents& extents, std::int64_t* out);
template <class T>
void argmin(const T* x, const Extents& extents, std::int64_t* out);

}  // namespace xgrad::kernels
