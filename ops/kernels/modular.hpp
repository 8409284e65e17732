#pragma once
// Internal: integers wrap around, as PyTorch's and NumPy's do. C++ leaves that undefined for signed
// numbers, so it is done with unsigned ones.

#include <cstdint>
#include <type_traits>

namespace xgrad::kernels {

/// The unsigned image of a signed integer; other numbers stay what they are.
template <class T>
constexpr auto modular(T value) {
  if constexpr (std::is_signed_v<T> && std::is_integral_v<T>) {
    return static_cast<std::make_unsigned_t<T>>(value);
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
