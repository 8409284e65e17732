#pragma once
// Internal: operations of which rules are made and that nobody else calls. They have rules and rows
// in the table as all others do.

#include <xgrad/autograd/tensor.hpp>

namespace xgrad::detail {

/// 0 where `sign_of` ≤ 0, else x: what relu does to a gradient. Linear in x; no gradient flows to
/// `sign_of`. Both of one shape and dtype. As relu(), in the memory of a temporary.
Tensor mask_positive(Tensor x, const Tensor& sign_of);

}  // namespace xgrad::detail
