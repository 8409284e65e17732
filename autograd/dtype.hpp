#pragma once
#include <xgrad/autograd/half.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace xgrad {

/// What a tensor's elements are, known at run time. Floating types carry gradients; arithmetic on
/// the two of 16 bits is done in float32.
enum class DType : std::uint8_t {
  float32,
  float64,
  bfloat16,
  float16,
  int64,
  int32,
  uint8,
  boolean
};

inline constexpr DType float32 = DType::float32;
inline constexpr DType float64 = DType::float64;
inline constexpr DType bfloat16 = DType::bfloat16;
inline constexpr DType float16 = DType::float16;
inline constexpr DType int64 = DType::int64;
inline constexpr DType int32 = DType::int32;
inline constexpr DType uint8 = DType::uint8;
inline constexpr DType boolean = DType::boolean;

// As PyTorch calls them.
inline constexpr DType kFloat32 = float32, kFloat = float32;
inline constexpr DType kFloat64 = float64, kDouble = float64;
inline constexpr DType kBFloat16 = bfloat16;
inline constexpr DType kFloat16 = float16, kHalf = float16;
inline constexpr DType kInt64 = int64, kLong = int64;
inline constexpr DType kInt32 = int32, kInt = int32;
inline constexpr DType kUInt8 = uint8, kByte = uint8;
inline constexpr DType kBool = boolean;

namespace detail {

template <class... T>
struct TypeList {
  static constexpr std::size_t size = sizeof...(T);
};

/// The C++ types of the dtypes, in their order: the one list that all else is made from.
using Elements =
    TypeList<float, double, BFloat16, Float16, std::int64_t, std::int32_t, std::uint8_t, bool>;
static_assert(Elements::size == static_cast<std::size_t>(boolean) + 1);

/// The place of T in a list; its size where it is not there.
template <class T, class... Of>
consteval std::size_t place_of(TypeList<Of...>) {
  std::size_t place = 0;
  for (const bool here : {std::is_same_v<T, Of>...}) {
    if (here) break;
    ++place;
  }
  return place;
}

template <class... T>
consteval std::array<std::size_t, sizeof...(T)> sizes_of(TypeList<T...>) {
  return {sizeof(T)...};
}
inline constexpr auto item_sizes = sizes_of(Elements());

template <class T>
inline constexpr bool is_element = place_of<T>(Elements()) < Elements::size;

}  // namespace detail

/// "float32", "float64", "bfloat16", "float16", "int64", "int32", "uint8", "bool".
std::string_view name(DType dtype) noexcept;
std::ostream& operator<<(std::ostream& stream, DType dtype);

/// Bytes of one element.
constexpr std::size_t item_size(DType dtype) noexcept {
  return detail::item_sizes[static_cast<std::size_t>(dtype)];
}

constexpr bool is_floating(DType dtype) noexcept { return dtype <= float16; }
/// Whether it is one of the floating types of 16 bits.
constexpr bool is_half(DType dtype) noexcept { return dtype == bfloat16 || dtype == float16; }
/// Whether it is one of the integers, bool not being one.
constexpr bool is_integer(DType dtype) noexcept { return dtype > float16 && dtype != boolean; }

/// The dtype in which two meet, as PyTorch's table has it: the larger of two of a kind, floating
/// before integers before bool; float32 for bfloat16 and float16.
DType promote(DType a, DType b) noexcept;

/// The types a tensor's values have in memory.
template <class T>
concept Element = detail::is_element<T>;

/// The DType of a C++ element type.
template <Element T>
consteval DType dtype_of() {
  return static_cast<DType>(detail::place_of<T>(detail::Elements()));
}

namespace detail {

[[noreturn]] void throw_not_floating(DType dtype, const char* operation);
[[noreturn]] void throw_not_numeric(DType dtype, const char* operation);

template <class F, class First, class... Rest>
decltype(auto) dispatch_in(TypeList<First, Rest...>, DType dtype, F& f) {
  if constexpr (sizeof...(Rest) > 0) {
    if (dtype != dtype_of<First>()) return dispatch_in(TypeList<Rest...>(), dtype, f);
  }
  return f.template operator()<First>();
}

}  // namespace detail

/// Calls `f.template operator()<T>()` with the C++ type of `dtype`: the one place where a run-time
/// dtype becomes a template argument.
///
///     dispatch(x.dtype(), [&]<class T>() { kernel(x.data<T>()); });
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  return detail::dispatch_in(detail::Elements(), dtype, f);
}

/// As dispatch(), for float32 and float64 only; otherwise a DTypeError that names `operation`.
template <class F>
decltype(auto) dispatch_floating(DType dtype, const char* operation, F&& f) {
  if (dtype != float32 && dtype != float64) detail::throw_not_floating(dtype, operation);
  return detail::dispatch_in(detail::TypeList<float, double>(), dtype, f);
}

/// As dispatch(), for the floating types and those of 16 bits.
template <class F>
decltype(auto) dispatch_all_floating(DType dtype, const char* operation, F&& f) {
  if (!is_floating(dtype)) detail::throw_not_floating(dtype, operation);
  return detail::dispatch_in(detail::TypeList<float, double, BFloat16, Float16>(), dtype, f);
}

/// As dispatch(), for those in whose own numbers arithmetic is done: neither bool nor those of 16
/// bits; otherwise a DTypeError that names `operation`.
template <class F>
decltype(auto) dispatch_numeric(DType dtype, const char* operation, F&& f) {
  if (dtype == boolean || is_half(dtype)) detail::throw_not_numeric(dtype, operation);
  return detail::dispatch_in(
      detail::TypeList<float, double, std::int64_t, std::int32_t, std::uint8_t>(), dtype, f);
}

}  // namespace xgrad

#pragma GCC visibility pop
