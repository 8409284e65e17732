#pragma once
// Internal: images whose channels lie in blocks have `lanes` values side by side, others one.

#include <cstdint>
#include <type_traits>

namespace xgrad::kernels {

/// Calls f with the number of lanes, 16, 8 or 1, as a constant, so that loops over them become
/// vector registers.
template <class F>
void with_lanes(std::int64_t lanes, const F& f) {
  switch (lanes) {
    case 16:
      return f(std::integral_constant<std::int64_t, 16>());
    case 8:
      return f(std::integral_constant<std::int64_t, 8>());
    default:
      return f(std::integral_constant<std::int64_t, 1>());
  }
}

}  // namespace xgrad::kernels
