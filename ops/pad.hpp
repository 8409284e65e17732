#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <concepts>
#include <cstdint>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// A word for an option, as "reflect".
template <class T>
concept Word = std::convertible_to<const T&, std::string_view>;

/// Surrounds x with `value`, in x's dtype. `padding` is {before, after} of the last axis, then of
/// the last but one, and so on, as PyTorch's; negative widths cut. ShapeError where more is cut
/// than there is.
Tensor pad(const Tensor& x, const std::vector<std::int64_t>& padding, Scalar value = 0);

/// Surrounds the last one, two or three axes of x, which has one or two axes more, with values of
/// its own; by `mode`, abcd becomes
///
///     "reflect"    cb abcd cb   widths less than the extent
///     "replicate"  aa abcd dd
///     "circular"   cd abcd ab   widths up to the extent, after what negative ones cut
///
/// and "constant" is the above; other modes take no value.
Tensor pad_by(const Tensor& x, const std::vector<std::int64_t>& padding, std::string_view mode,
              Scalar value = 0);
template <Word Mode>
Tensor pad(const Tensor& x, const std::vector<std::int64_t>& padding, const Mode& mode,
           Scalar value = 0) {
  return pad_by(x, padding, mode, value);
}

}  // namespace xgrad

#pragma GCC visibility pop
