#pragma once
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

/// Values of an axis, chosen or in an order, and where they were:
/// `auto [values, indices] = sort(x)`.
struct Ranked {
  Tensor values;
  Tensor indices;  ///< int64, as gather() takes it
};

}  // namespace xgrad

#pragma GCC visibility pop
