#pragma once
// Internal: softmax of rows, each read from memory once, and what goes with it.

#include <cstdint>

namespace xgrad::kernels {

/// Rows of n values.
struct Rows {
  std::int64_t count;
  std::int64_t n;
};

/// y = eˣ / Σ eˣ in each row.
template <class T>
void softmax(const Rows& rows, const T* x, T* y);
/// y = x − ln Σ eˣ.
template <class T>
void log_softmax(const Rows& rows, const T* x, T* y);

/// dx = y (dy − Σ y dy), y being the softmax.
template <class T>
void softmax_input(const Rows& rows, const T* dy, const T* y, T* dx);
/// dx = dy − eʸ Σ dy, y being the logarithm.
template <class T>
void log_softmax_input(const Rows& rows, const T* dy, const T* y, T* dx);

/// Targets with their probability mixed with the uniform distribution's:
/// q = (1 − smoothing) [c = target] + smoothing / n.
struct SmoothedTargets {
  const std::int64_t* classes;
  double smoothing;
};

/// −Σ q y over all rows, y being the logarithm of the softmax.
template <class T>
double cross_entropy(const Rows& rows, const T* y, const SmoothedTargets& targets);
/// dx = (eʸ − q) · scale.
template <class T>
void cross_entropy_input(const Rows& rows, const T* y, const SmoothedTargets& targets, T scale,
                         T* dx);

}  // namespace xgrad::kernels
