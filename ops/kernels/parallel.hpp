#pragma once
// Internal: kernels use threads as autograd does.

#include <xgrad/autograd/parallel.hpp>

namespace xgrad::kernels {

using xgrad::detail::available_threads;
using xgrad::detail::grain_of;
using xgrad::detail::parallel_for;
using xgrad::detail::parallel_parts;
using xgrad::detail::parallel_pieces;
using xgrad::detail::part_count;
using xgrad::detail::SerialScope;
using xgrad::detail::terms_together;

}  // namespace xgrad::kernels
