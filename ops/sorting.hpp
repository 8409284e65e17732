#pragma once
#include <xgrad/ops/ranked.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

// NaN is larger than every number, as in PyTorch, and −0 equals 0. Equal values come in the order
// in which x has them, with every function and on any number of threads; PyTorch's leave it open
// but for a stable sort. The gradient goes to the elements that were chosen. All dtypes. A scalar
// counts as one element of axis 0.

/// All elements of `axis`, smallest first unless `descending`. Always stable.
Ranked sort(const Tensor& x, std::int64_t axis = -1, bool descending = false);
/// The indices alone.
Tensor argsort(const Tensor& x, std::int64_t axis = -1, bool descending = false);
/// The k largest elements of `axis`, or smallest, in that order if `sorted`. ValueError where the
/// axis has fewer.
Ranked topk(const Tensor& x, std::int64_t k, std::int64_t axis = -1, bool largest = true,
            bool sorted = true);
/// The k-th smallest element of `axis`, from 1 on.
Ranked kthvalue(const Tensor& x, std::int64_t k, std::int64_t axis = -1, bool keepdim = false);

}  // namespace xgrad

#pragma GCC visibility pop
