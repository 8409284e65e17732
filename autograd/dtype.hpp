#pragma once
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string_view>
#include <type_traits>

namespace xgrad {

/// What a tensor's elements are, known at run time. Only floating types carry gradients.
enum class DType : std::uint8_t { float32, float64, int64, boolean };

inline constexpr DType float32 = DType::float32;
inline constexpr DType float64 = DType::float64;
inline constexpr DType int64 = DType::int64;
inline constexpr DType boolean = DType::boolean;

/// "float32", "float64", "int64", "bool".
std::string_view name(DType dtype) noexcept;
std::ostream& operator<<(std::ostream& stream, DType dtype);

/// Bytes of one element.
constexpr std::size_t item_size(DType dtype) noexcept {
  return dtype == float32 ? sizeof(float) : dtype == boolean ? sizeof(bool) : sizeof(double);
}

constexpr bool is_floating(DType dtype) noexcept { return dtype == float32 || dtype == float64; }

/// The smallest dtype both convert to without surprise: bool < int64 < float32 < float64.
DType promote(DType a, DType b) noexcept;

/// The types a tensor's values have in memory.
template <class T>
concept Element = std::is_same_v<T, float> || std::is_same_v<T, double> ||
    std::is_same_v<T, std::int64_t> || std::is_same_v<T, bool>;

/// The DType of a C++ element type.
template <Element T>
consteval DType dtype_of() {
  if constexpr (std::is_same_v<T, float>) {
    return float32;
  } else if constexpr (std::is_same_v<T, double>) {
    return float64;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return int64;
  } else {
    return boolean;
  }
}

namespace detail {
[[noreturn]] void throw_not_floating(DType dtype, const char* operation);
[[noreturn]] void throw_not_numeric(DType dtype, const char* operation);
}  // namespace detail

/// Calls `f.template operator()<T>()` with the C++ type of `dtype`: the one place where a run-time
/// dtype becomes a template argument.
///
///     dispatch(x.dtype(), [&]<class T>() { kernel(x.data<T>()); });
template <class F>
decltype(auto) dispatch(DType dtype, F&& f) {
  switch (dtype) {
    case float32:
      return f.template operator()<float>();
    case float64:
      return f.template operator()<double>();
    case int64:
      return f.template operator()<std::int64_t>();
    default:
      return f.template operator()<bool>();
  }
}

/// As dispatch(), for float32 and float64 only; otherwise a DTypeError that names `operation`.
template <class F>
decltype(auto) dispatch_floating(DType dtype, const char* operation, F&& f) {
  if (dtype == float32) return f.template operator()<float>();
  if (dtype == float64) return f.template operator()<double>();
  detail::throw_not_floating(dtype, operation);
}

/// As dispatch(), for every dtype but bool; otherwise a DTypeError that names `operation`.
template <class F>
decltype(auto) dispatch_numeric(DType dtype, const char* operation, F&& f) {
  if (dtype == float32) return f.template operator()<float>();
  if (dtype == float64) return f.template operator()<double>();
  if (dtype == int64) return f.template operator()<std::int64_t>();
  detail::throw_not_numeric(dtype, operation);
}

}  // namespace xgrad
