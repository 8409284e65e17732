#pragma once
// Internal: reductions of [outer, n, inner] over the middle axis, without xtensor (whose reducers
// are 8 to 100 times slower there).

#include <cstdint>

namespace xgrad::kernels {

struct Extents {
  std::int64_t outer;
  std::int64_t n;
  std::int64_t inner;
};

template <class T>
void sum(const T* x, const Extents& extents, T* out);
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
