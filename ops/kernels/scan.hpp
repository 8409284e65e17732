#pragma once
// Internal: what runs along the middle axis of [outer, n, inner] and writes at every step.

#include <xgrad/ops/kernels/reduce.hpp>

#include <cstdint>

namespace xgrad::kernels {

/// From the first element on, or from the last one back.
enum class Direction : bool { forward, backward };

/// y = the sums of the elements so far, accumulated as accumulate.hpp says: the numbers of a run
/// of 64 are added to one that starts at 0, and joined with the sum of what was before it, which is
/// made of numbers that take as many terms each. With u as there, a sum of n terms is off by
///
///   float32   2 u Σ|x|                     all of it is double until it is written
///   float64   (run + 2) ⌈log₆₄ n⌉ u Σ|x|
///
/// The order of additions follows from the extents alone.
template <class T>
void cumulative_sum(const T* x, const Extents& e, Direction direction, T* y);
/// y = the products of the elements so far, float32's in double.
template <class T>
void cumulative_product(const T* x, const Extents& e, T* y);
/// y = ln Σ eˣ so far, each step from the last.
template <class T>
void cumulative_logsumexp(const T* x, const Extents& e, T* y);
/// The place of the largest element so far, the last of equal ones; NaN wins.
template <class T>
void cumulative_argmax(const T* x, const Extents& e, std::int64_t* at);
template <class T>
void cumulative_argmin(const T* x, const Extents& e, std::int64_t* at);
/// sᵢ = bᵢ + aᵢ sᵢ₋₁, or aᵢ sᵢ₊₁ backward; the first s is b alone. Float32 in double.
template <class T>
void recurrence(const T* a, const T* b, const Extents& e, Direction direction, T* s);

}  // namespace xgrad::kernels
