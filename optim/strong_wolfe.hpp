#pragma once
// Internal: a search along a line, for LBFGS.

#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <functional>

namespace xgrad::optim::detail {

/// A place on the line, and what the loss is there.
struct Point {
  double t = 0;  ///< in lengths of the direction
  double loss = 0;
  double slope = 0;  ///< of the loss along the direction
  Tensor gradient;
};

struct SearchResult {
  Point point;
  std::int64_t evaluations = 0;
};

/// A point that fulfils the strong Wolfe conditions (Nocedal and Wright, Numerical Optimization,
/// algorithms 3.5 and 3.6, c₁ = 1e-4 and c₂ = 0.9), tried first at `t`, or the best of 25: `at`
/// evaluates, `start` is where t = 0, `longest` the largest |d|, and a bracket in which no number
/// moves by `tolerance_change` ends the search. A loss that is NaN counts as too high, and so does
/// one where the slope is not finite.
SearchResult strong_wolfe(const std::function<Point(double t)>& at, const Point& start, double t,
                          double longest, double tolerance_change);

}  // namespace xgrad::optim::detail
