#pragma once
// Internal: rows that are normalised by statistics of their own, each read from memory once. Sums
// are accumulated as accumulate.hpp says.

#include <cstdint>

namespace xgrad::kernels {

/// `examples` times `period` rows of n values. Each row of an example has weights of its own, which
/// all examples share.
struct NormRows {
  std::int64_t examples;
  std::int64_t period;
  std::int64_t n;
  bool centered;  ///< less the mean; otherwise by the mean of squares alone
  double eps;

  std::int64_t rows() const { return examples * period; }
  /// Values of one example, and weights.
  std::int64_t width() const { return period * n; }
};

/// Of each row or group: the mean is center + rest, rest being what center has no digits for, and
/// inverse_std is 1 / √(variance + eps).
template <class T>
struct NormStatistics {
  T* center;
  T* rest;
  T* inverse_std;
};

/// y = x̂ w + b with x̂ = (x − mean) / √(variance + eps).
template <class T>
void normalize_rows(const NormRows& e, const T* x, const T* weight, const T* bias, T* y,
                    const NormStatistics<T>& to);

/// What goes on from dL/dy: dx, and dw and db of `width` values. nullptr for what nobody needs; of
/// dw and db both or none.
template <class T>
struct NormGradients {
  T* dx;
  T* dw;
  T* db;
};

template <class T>
void normalize_rows_backward(const NormRows& e, const T* x, const T* dy, const T* weight,
                             const NormStatistics<const T>& of, const NormGradients<T>& to);

}  // namespace xgrad::kernels
