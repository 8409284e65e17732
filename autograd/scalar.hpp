#pragma once
#include <xgrad/autograd/dtype.hpp>

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>

#pragma GCC visibility push(default)

namespace xgrad {

/// Every arithmetic type of C++.
template <class T>
concept Number = std::is_arithmetic_v<T>;
/// The same, and the types of 16 bits.
template <class T>
concept NumberOrElement = Number<T> || Element<T>;

/// A number that stands in for a tensor: a truth value, a whole number or a fractional one, each
/// kept exactly. Beside a tensor it takes on the tensor's dtype, except that a fractional number
/// makes an integer tensor float32, and a whole one a bool tensor int64, as in PyTorch.
class Scalar {
 public:
  /// ValueError for an unsigned number that int64 does not hold. A long double becomes a double.
  template <Number T>
  Scalar(T value) : kind_(kind_of<T>()) {  // NOLINT: x + 1 is meant to work
    if constexpr (std::is_floating_point_v<T>) {
      fraction_ = static_cast<double>(value);
    } else {
      if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(whole_))
        if (value > static_cast<T>(INT64_MAX)) throw_too_large(value);
      whole_ = static_cast<std::int64_t>(value);
    }
  }

  Scalar(BFloat16 value) : Scalar(static_cast<float>(value)) {}  // NOLINT
  Scalar(Float16 value) : Scalar(static_cast<float>(value)) {}   // NOLINT

  /// float64, int64 or boolean: what sort of number it is.
  DType kind() const noexcept { return kind_; }
  /// The dtype of a tensor made of it: float32 for fractional numbers.
  DType natural_dtype() const noexcept { return kind_ == float64 ? float32 : kind_; }

  /// Rounded to a floating T, truncated to an integer, compared with 0 for bool. ValueError that
  /// names `operation` where an integer T does not hold it (too large, infinite, NaN).
  template <NumberOrElement T>
  T to(const char* operation = "number") const {
    if constexpr (!Number<T>) {
      return T(to<float>());
    } else if constexpr (std::is_same_v<T, bool>) {
      return kind_ == float64 ? fraction_ != 0 : whole_ != 0;
    } else if constexpr (std::is_floating_point_v<T>) {
      return kind_ == float64 ? static_cast<T>(fraction_) : static_cast<T>(whole_);
    } else {
      const std::optional<std::int64_t> value = truncated();
      if (!value || static_cast<std::int64_t>(static_cast<T>(*value)) != *value ||
          (std::is_unsigned_v<T> && *value < 0))
        throw_does_not_fit(operation, 8 * sizeof(T), std::is_signed_v<T>);
      return static_cast<T>(*value);
    }
  }
  /// As a tensor of `dtype` would hold it.
  Scalar as(DType dtype, const char* operation = "number") const {
    return dispatch(dtype, [&]<class T>() { return Scalar(to<T>(operation)); });
  }

 private:
  template <Number T>
  static constexpr DType kind_of() {
    if constexpr (std::is_same_v<T, bool>) return boolean;
    return std::is_floating_point_v<T> ? float64 : int64;
  }
  /// Nothing where int64 does not hold it.
  std::optional<std::int64_t> truncated() const noexcept {
    if (kind_ != float64) return whole_;
    // −2⁶³ and 2⁶³ are doubles; the numbers of int64 lie from the one to below the other.
    constexpr auto lowest = static_cast<double>(INT64_MIN);
    if (!(fraction_ >= lowest && fraction_ < -lowest)) return {};
    return static_cast<std::int64_t>(fraction_);
  }
  [[noreturn]] static void throw_too_large(std::uint64_t value);
  [[noreturn]] void throw_does_not_fit(const char* operation, std::size_t bits,
                                       bool is_signed) const;

  union {
    double fraction_;     // where kind_ is float64
    std::int64_t whole_;  // elsewhere
  };
  DType kind_;
};

/// "7", "2.5", "true"
std::string to_string(const Scalar& number);
std::ostream& operator<<(std::ostream& stream, const Scalar& number);

}  // namespace xgrad

#pragma GCC visibility pop
