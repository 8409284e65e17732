#pragma once
// Internal: what interpolate() and its layers check.

#include <xgrad/ops/resample.hpp>

namespace xgrad::detail {

/// ValueError for options that fit no input.
void check_options(const char* operation, const InterpolateOptions& options);

}  // namespace xgrad::detail
