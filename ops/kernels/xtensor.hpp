#pragma once
// Internal: the one place where xgrad's sources include xtensor, vectorised. A public header must
// not: XTENSOR_USE_XSIMD changes xtensor's alignment, and with it the ABI.

#define XTENSOR_USE_XSIMD
#if __has_include(<xtensor/containers/xadapt.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/core/xnoalias.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xnoalias.hpp>
#endif

#include <array>
#include <cstdint>

namespace xgrad::kernels {

/// A one-dimensional xtensor view of n values.
template <class T>
auto adapt(T* values, std::int64_t n) {
  const auto size = static_cast<std::size_t>(n);
  return xt::adapt(values, size, xt::no_ownership(), std::array{size});
}

}  // namespace xgrad::kernels
