#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/ranked.hpp>

#include <concepts>
#include <optional>

// Some C headers have macros of these names.
#pragma push_macro("max")
#pragma push_macro("min")
#undef max
#undef min

#pragma GCC visibility push(default)

namespace xgrad {

// Reductions over the given axes (all of them if none is given). With keepdim the reduced axes stay
// with extent 1. ShapeError for axes the tensor has not.
//
// Sums are as good over many elements as over few: of float32 they are off by at most 2⁻¹⁷ Σ|x|
// (2⁻⁴⁶ Σ|x| of float64), by chance far less, along any axes and on any number of threads. int64 is
// exact.

/// int64 for integers and bool.
Tensor sum(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// NaN over no elements. DTypeError unless floating.
Tensor mean(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// Σ (x − mean)² / (n − correction): unbiased with correction 1, biased with 0. 0 of equal values,
/// however large. DTypeError unless floating.
Tensor var(const Tensor& x, const Axes& axes = {}, std::int64_t correction = 1,
           bool keepdim = false);
/// √var. Of equal values, where the root has no derivative, the gradient is 0. DTypeError unless
/// floating.
Tensor std(const Tensor& x, const Axes& axes = {}, std::int64_t correction = 1,
           bool keepdim = false);
/// (Σ |x|ᵖ)^(1/p); the number of elements other than 0 for p = 0, the largest |x| for ∞, the
/// smallest for −∞. The gradient is 0 where the norm is, and at elements of 0. ValueError over no
/// elements for ∞ and p < 0; DTypeError unless floating.
Tensor norm(const Tensor& x, Scalar p = 2, const Axes& axes = {}, bool keepdim = false);
/// Exact gradients where factors are 0, to any order.
Tensor prod(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// The largest value; equal ones share the gradient evenly. NaN if one is. ValueError over no
/// elements.
Tensor amax(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// The same, of all elements or over a list of axes: max(x), max(x, {1}).
Tensor max(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
Tensor min(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// With a number for the axis, as PyTorch's: values and where they are, the first of equal ones,
/// which gets the gradient.
template <std::integral T>
Ranked max(const Tensor& x, T axis, bool keepdim = false);
template <std::integral T>
Ranked min(const Tensor& x, T axis, bool keepdim = false);
/// ln Σ eˣ without overflow; −inf over elements that are all −inf.
Tensor logsumexp(const Tensor& x, const Axes& axes = {}, bool keepdim = false);
/// Position of the first largest value along `axis`, or in the flattened tensor; int64.
Tensor argmax(const Tensor& x, std::optional<std::int64_t> axis = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<std::int64_t> axis = {}, bool keepdim = false);

/// Sums away what broadcasting added: x of a shape that `shape` broadcasts to, back to `shape`.
Tensor sum_to(const Tensor& x, const Shape& shape);

namespace detail {

/// x − mean(x) along the axes, less what the mean's rounding leaves of it: 0 of equal values.
Tensor centered(const Tensor& x, const Axes& axes);

Ranked max_along(const Tensor& x, std::int64_t axis, bool keepdim);
Ranked min_along(const Tensor& x, std::int64_t axis, bool keepdim);

}  // namespace detail

template <std::integral T>
Ranked max(const Tensor& x, T axis, bool keepdim) {
  return detail::max_along(x, static_cast<std::int64_t>(axis), keepdim);
}
template <std::integral T>
Ranked min(const Tensor& x, T axis, bool keepdim) {
  return detail::min_along(x, static_cast<std::int64_t>(axis), keepdim);
}
template <std::integral T>
Ranked Tensor::max(T axis, bool keepdim) const {
  return detail::max_along(*this, static_cast<std::int64_t>(axis), keepdim);
}
template <std::integral T>
Ranked Tensor::min(T axis, bool keepdim) const {
  return detail::min_along(*this, static_cast<std::int64_t>(axis), keepdim);
}

}  // namespace xgrad

#pragma pop_macro("max")
#pragma pop_macro("min")

#pragma GCC visibility pop
