#pragma once
// Internal: kernels use threads as autograd does.

#include <xgrad/autograd/parallel.hpp>

#include <cstddef>

namespace xgrad::kernels {

using xgrad::detail::available_threads;
using xgrad::detail::fixed_parts;
using xgrad::detail::grain_of;
using xgrad::detail::most_parts;
using xgrad::detail::parallel_for;
using xgrad::detail::parallel_parts;
using xgrad::detail::parallel_pieces;
using xgrad::detail::part_count;
using xgrad::detail::SerialScope;
using xgrad::detail::terms_together;
using xgrad::detail::worthwhile;

/// Bytes to leave between the rooms of parts that run at once. What a core fetches ahead past the
/// end of its own room it takes, time and again, from the core that writes there: with rooms side
/// by side a weight's gradient took twice as long.
inline constexpr std::size_t apart = 16384;

}  // namespace xgrad::kernels
