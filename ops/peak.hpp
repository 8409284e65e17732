#pragma once
#include <xgrad/autograd/profiler.hpp>

#pragma GCC visibility push(default)

namespace xgrad::profiler {

/// Measures, in about a tenth of a second, what this machine does at best on the threads in use:
/// float32 operations in a product of large matrices, bytes in a sum of arrays larger than caches.
Peak measure_peak();

}  // namespace xgrad::profiler

#pragma GCC visibility pop
