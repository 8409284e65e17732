#pragma once
// Internal: int64 wraps around, as PyTorch's and NumPy's does. C++ leaves that undefined for signed
// numbers, so it is done with unsigned ones.

#include <cstdint>
#include <type_traits>

namespace xgrad::kernels {

/// The unsigned image of an int64; other numbers stay what they are.
template <class T>
constexpr auto modular(T value) {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    return static_cast<std::uint64_t>(value);
  } else {
    return value;
  }
}

/// f of the images, as a T.
template <class T, class F>
constexpr T wrapping(F f, T a) {
  return static_cast<T>(f(modular(a)));
}
template <class T, class F>
constexpr T wrapping(F f, T a, T b) {
  return static_cast<T>(f(modular(a), modular(b)));
}

/// baseᵉ for e ≥ 0 by repeated squaring.
constexpr std::int64_t whole_power(std::int64_t base, std::int64_t exponent) {
  std::uint64_t result = 1;
  for (std::uint64_t square = modular(base); exponent > 0; exponent /= 2, square *= square)
    if (exponent % 2 == 1) result *= square;
  return static_cast<std::int64_t>(result);
}

}  // namespace xgrad::kernels
