#pragma once
// Internal: NaN as it is shown.

#include <cmath>
#include <limits>

#pragma GCC visibility push(default)

namespace xgrad {

/// Not a number has no sign. Processors set its sign bit where they make it, and it would be
/// printed as "-nan" on some and as "nan" on others.
inline double unsigned_nan(double value) {
  return std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value;
}

}  // namespace xgrad

#pragma GCC visibility pop
