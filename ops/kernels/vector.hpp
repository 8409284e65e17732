#pragma once
// Internal: several values at once, by the vector extension that GCC and Clang share. Arithmetic,
// comparisons (which give masks) and ?: work on all of them, and the compiler maps any size to the
// processor's registers. For the few loops that some compiler leaves as they are.

#include <cstdint>
#include <utility>

namespace xgrad::kernels {

namespace detail {

template <class T, std::int64_t Size>
struct VectorOf {
  typedef T type __attribute__((vector_size(Size * sizeof(T))));
  /// The same anywhere in memory.
  typedef T loose __attribute__((vector_size(Size * sizeof(T)), aligned(alignof(T)), may_alias));
};

template <class T, class V>
using Loose = typename VectorOf<T, sizeof(V) / sizeof(T)>::loose;

template <class V, int... I>
void split_pairs(const V& low, const V& high, V& even, V& odd, std::integer_sequence<int, I...>) {
  even = __builtin_shufflevector(low, high, (2 * I)...);
  odd = __builtin_shufflevector(low, high, (2 * I + 1)...);
}

}  // namespace detail

template <class T, std::int64_t Size>
using Vector = typename detail::VectorOf<T, Size>::type;

// By reference throughout: how a vector is passed by value depends on the processor compiled for.

template <class T, class V>
void load(const T* from, V& values) {
  values = *reinterpret_cast<const detail::Loose<T, V>*>(from);
}

template <class T, class V>
void store(const V& values, T* to) {
  *reinterpret_cast<detail::Loose<T, V>*>(to) = values;
}

/// Of the values from `from` on, those at even places and those at odd ones.
template <class T, class V>
void load_pairs(const T* from, V& even, V& odd) {
  constexpr int size = sizeof(V) / sizeof(T);
  V low;
  V high;
  load(from, low);
  load(from + size, high);
  detail::split_pairs(low, high, even, odd, std::make_integer_sequence<int, size>());
}

}  // namespace xgrad::kernels
