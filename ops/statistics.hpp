#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/ranked.hpp>

#include <optional>
#include <string_view>
#include <utility>

// Some C headers have macros of these names.
#pragma push_macro("max")
#pragma push_macro("min")
#undef max
#undef min

#pragma GCC visibility push(default)

namespace xgrad {

// Statistics over all elements, or over axes. ShapeError for axes that the tensor has not.

/// The variance and the mean, the deviation and the mean, as var(), std() and mean() have them.
std::pair<Tensor, Tensor> var_mean(const Tensor& x, const Axes& axes = {},
                                   std::int64_t correction = 1, bool keepdim = false);
std::pair<Tensor, Tensor> std_mean(const Tensor& x, const Axes& axes = {},
                                   std::int64_t correction = 1, bool keepdim = false);

struct MinMax {
  Tensor min;
  Tensor max;
};
/// As amin() and amax().
MinMax aminmax(const Tensor& x, std::optional<std::int64_t> axis = {}, bool keepdim = false);

/// The middle element, the lower of two, NaN where one is; equal ones share the gradient evenly.
/// NaN over no elements of a floating tensor, ValueError over those of another.
Tensor median(const Tensor& x);
/// The same along an axis, with the place of the first such element, which gets the gradient.
/// ValueError over no elements.
Ranked median(const Tensor& x, std::int64_t axis, bool keepdim = false);
/// The middle one of those that are not NaN; NaN where all are.
Tensor nanmedian(const Tensor& x);
Ranked nanmedian(const Tensor& x, std::int64_t axis, bool keepdim = false);
/// The most frequent element of an axis, the smallest of several such, and where it is last.
/// ValueError over no elements.
Ranked mode(const Tensor& x, std::int64_t axis = -1, bool keepdim = false);

/// What a part q of the elements is no larger than, of all of them or of an axis: at q (n − 1) of
/// them in order, between two of them by `interpolation`: "linear", "lower", "higher", "nearest"
/// (the even one of two) or "midpoint". NaN where an element is. ValueError unless 0 ≤ q ≤ 1, over
/// no elements, and for another word; DTypeError unless floating.
Tensor quantile(const Tensor& x, double q, std::optional<std::int64_t> axis = {},
                bool keepdim = false, std::string_view interpolation = "linear");
/// The same for several q of x's dtype, along a first axis of the result, or a q without axes. The
/// gradient of q is that of the line between two elements.
Tensor quantile(const Tensor& x, const Tensor& q, std::optional<std::int64_t> axis = {},
                bool keepdim = false, std::string_view interpolation = "linear");

/// sum() and mean() of those that are not NaN; the mean of none is NaN.
Tensor nansum(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor nanmean(const Tensor& x, const Axes& axes = {}, bool keepdim = false);

}  // namespace xgrad

#pragma GCC visibility pop

#pragma pop_macro("max")
#pragma pop_macro("min")
