#pragma once
// How the assignment compares numbers, and a record of what was measured: where XGRAD_FIGURES names
// a file, every comparison's largest error is written there as CSV, for the assignment's paper.

#include <cmath>
#include <string>
#include <utility>

#include "support.hpp"

namespace checks {

using namespace support;  // NOLINT

/// What the comparisons that follow are about: "ReLU".
void about(const std::string& topic);
/// Where comparisons of `kind` ("closed form", "finite differences") are counted.
GradcheckFigures& figures(const std::string& kind);

/// |a − b| / (|a| + |b| + slack) ≤ 1e-5 in every entry.
inline bool agree(const Tensor& a, const Tensor& b, double slack, const std::string& kind) {
  if (a.numel() != b.numel()) return false;
  GradcheckFigures& measured = figures(kind);
  bool all = true;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.data<double>()[i];
    const double y = b.data<double>()[i];
    const double error = std::abs(x - y) / (std::abs(x) + std::abs(y) + slack);
    measured.largest_error = std::max(measured.largest_error, error);
    all = all && error <= 1e-5;
  }
  measured.entries += a.numel();
  return all;
}

/// The forward check.
inline bool close(const Tensor& a, const Tensor& b) { return agree(a, b, 1e-7, "values"); }
inline bool close(const Tensor& a, const std::vector<double>& b) {
  return close(a, from_vector(b));
}

/// The gradient check against a closed form.
inline bool gradients_close(const Tensor& a, const Tensor& b) {
  return agree(a, b, 1e-8, "closed form");
}

/// The gradient check against central differences, every entry.
template <class F>
bool gradcheck(F&& f, const std::vector<Tensor>& inputs) {
  return xgrad::gradcheck(std::forward<F>(f), inputs, {.figures = &figures("finite differences")});
}

}  // namespace checks
