#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <optional>

#pragma GCC visibility push(default)

namespace xgrad {

struct UniqueOptions {
  bool return_inverse = false;
  bool return_counts = false;
  std::optional<std::int64_t> axis = {};  ///< of the elements that are compared whole; none: values
};

struct Unique {
  Tensor values;
  Tensor inverse;  ///< int64: where in `values` each element of x is; undefined unless asked for
  Tensor counts;   ///< int64: how many there are of each; undefined unless asked for
};

// Of equal elements the first stays: −0 equals 0, and NaN nothing, so that each NaN is kept. Off
// the tape. Without an axis `values` has one, and `inverse` the shape of x; with one, `inverse` is
// as long as that.

/// Those that are different, in rising order.
Unique unique(const Tensor& x, const UniqueOptions& options = {});
/// Those that are different from the one before, in their order.
Unique unique_consecutive(const Tensor& x, const UniqueOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
