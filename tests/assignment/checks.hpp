#pragma once
// How the assignment compares numbers.

#include <cmath>

#include "support.hpp"

namespace checks {

using namespace support;  // NOLINT

/// |a − b| / (|a| + |b| + slack) ≤ 1e-5 in every entry.
inline bool agree(const Tensor& a, const Tensor& b, double slack) {
  if (a.numel() != b.numel()) return false;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.data<double>()[i];
    const double y = b.data<double>()[i];
    if (!(std::abs(x - y) / (std::abs(x) + std::abs(y) + slack) <= 1e-5)) return false;
  }
  return true;
}

/// The forward check.
inline bool close(const Tensor& a, const Tensor& b) { return agree(a, b, 1e-7); }
inline bool close(const Tensor& a, const std::vector<double>& b) {
  return close(a, from_vector(b));
}

/// The gradient check.
inline bool gradients_close(const Tensor& a, const Tensor& b) { return agree(a, b, 1e-8); }

}  // namespace checks
