#pragma once
#include <xgrad/ops/arithmetic.hpp>

#include <string_view>

#pragma GCC visibility push(default)

namespace xgrad {

struct SearchOptions {
  bool right = false;  ///< behind equal values of the sequence, not before them
};

// Where values would stand in a sequence that rises: int64. NaN belongs at the end. Tensors are of
// one dtype (DTypeError); a number takes on the sequence's, but for a fraction among integers.

/// In the last axis of `sequence`, whose other axes are those of `values`; one of a single axis
/// serves values of any shape.
Tensor searchsorted(const Tensor& sequence, const Operand& values, SearchOptions options = {});
/// The buckets between `boundaries`, a vector, into which values fall: number i ends with boundary
/// i, which belongs to it unless `right`.
Tensor bucketize(const Operand& values, const Tensor& boundaries, SearchOptions options = {});

}  // namespace xgrad

#pragma GCC visibility pop
