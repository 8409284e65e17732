#pragma once
// Internal: what convolutions and pools ask of their windows, and how they put them into words.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/extents.hpp>

#include <algorithm>
#include <span>

template <int rank>
struct fmt::formatter<xgrad::Extents<rank>> : xgrad::detail::ListFormatter {
  template <class Context>
  auto format(const xgrad::Extents<rank>& extents, Context& context) const {
    return ListFormatter::format(xgrad::Shape(std::span(extents)), context);
  }
};

namespace xgrad {

/// Whether none is less than `least`.
template <int rank>
constexpr bool at_least(std::int64_t least, const Extents<rank>& extents) {
  return std::ranges::all_of(extents, [least](std::int64_t value) { return value >= least; });
}

}  // namespace xgrad
