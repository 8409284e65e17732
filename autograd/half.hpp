#pragma once
#include <bit>
#include <cstdint>
#include <type_traits>

#pragma GCC visibility push(default)

namespace xgrad {

namespace detail {

// Both round to the nearest, ties to even; NaN stays NaN.

inline float from_bfloat16(std::uint16_t bits) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

inline std::uint16_t to_bfloat16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (value != value) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

inline float from_float16(std::uint16_t bits) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  const std::uint32_t rest = bits & 0x7FFF;
  // The product moves the exponent to where float32 has it, and makes denormals normal.
  auto result = std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest << 13) * 0x1p112F);
  if (rest >= 0x7C00) result |= 0x7F800000;
  return std::bit_cast<float>(result | sign);
}

inline std::uint16_t to_float16(float value) noexcept {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  std::uint32_t rest = bits & 0x7FFFFFFF;
  if (rest > 0x7F800000) return static_cast<std::uint16_t>(sign | 0x7E00);
  if (rest >= 0x477FF000) return static_cast<std::uint16_t>(sign | 0x7C00);  // 65520 and beyond
  if (rest < 0x38800000) {
    // Below 2⁻¹⁴ all numbers are multiples of 2⁻²⁴, as those of float32 from ½ to 1 are.
    const float shifted = std::bit_cast<float>(rest) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000));
  }
  rest += 0xC8000FFF + (rest >> 13 & 1);  // the exponent less 112, and rounded
  return static_cast<std::uint16_t>(sign | rest >> 13);
}

}  // namespace detail

/// A number of 16 bits to store: the upper half of a float32, with its range and 8 bits of
/// precision. Arithmetic is done in float, which it converts to.
struct BFloat16 {
  BFloat16() = default;
  template <class T>
  requires std::is_arithmetic_v<T>
  explicit BFloat16(T value) noexcept : bits(detail::to_bfloat16(static_cast<float>(value))) {}
  operator float() const noexcept { return detail::from_bfloat16(bits); }  // NOLINT

  std::uint16_t bits;
};

/// The same with 11 bits of precision, up to 65504 (IEEE 754's binary16).
struct Float16 {
  Float16() = default;
  template <class T>
  requires std::is_arithmetic_v<T>
  explicit Float16(T value) noexcept : bits(detail::to_float16(static_cast<float>(value))) {}
  operator float() const noexcept { return detail::from_float16(bits); }  // NOLINT

  std::uint16_t bits;
};

}  // namespace xgrad

#pragma GCC visibility pop
