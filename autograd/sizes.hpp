#pragma once
// Internal: arithmetic with sizes that a caller chose, which may be any number.

#include <xgrad/autograd/dtype.hpp>
#include <xgrad/autograd/shape.hpp>

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

namespace detail {

[[noreturn]] void throw_too_large(const char* operation, std::int64_t a, char symbol,
                                  std::int64_t b);
[[noreturn]] void throw_no_memory(const char* operation, std::int64_t count);

}  // namespace detail

/// A whole number whose sums, differences and products never wrap round: what 64 bits do not hold
/// is a ValueError that names the operation and both numbers.
class Size {
 public:
  /// Without an operation it takes the other number's.
  Size(std::int64_t value, const char* operation = nullptr)  // NOLINT: 2 * padding is meant to work
      : value_(value), operation_(operation) {}

  std::int64_t value() const noexcept { return value_; }

  friend Size operator+(const Size& a, const Size& b) {
    return combined(a, '+', b,
                    [](auto u, auto v, auto* w) { return __builtin_add_overflow(u, v, w); });
  }
  friend Size operator-(const Size& a, const Size& b) {
    return combined(a, '-', b,
                    [](auto u, auto v, auto* w) { return __builtin_sub_overflow(u, v, w); });
  }
  friend Size operator*(const Size& a, const Size& b) {
    return combined(a, '*', b,
                    [](auto u, auto v, auto* w) { return __builtin_mul_overflow(u, v, w); });
  }

 private:
  template <class Operation>
  static Size combined(const Size& a, char symbol, const Size& b, const Operation& overflows) {
    const char* const operation = a.operation_ != nullptr ? a.operation_ : b.operation_;
    std::int64_t result = 0;
    if (overflows(a.value_, b.value_, &result)) [[unlikely]]
      detail::throw_too_large(operation, a.value_, symbol, b.value_);
    return {result, operation};
  }

  std::int64_t value_;
  const char* operation_;
};

/// `count` values of T{}; MemoryError that names `operation` where there is no memory for them.
template <class T>
std::vector<T> values_of(std::int64_t count, const char* operation) {
  if (count >= 0 && static_cast<std::uint64_t>(count) <= std::vector<T>().max_size()) {
    try {
      return std::vector<T>(static_cast<std::size_t>(count));
    } catch (const std::bad_alloc&) {  // told below
    }
  }
  detail::throw_no_memory(operation, count);
}

/// The bytes that a tensor takes. ShapeError for a negative extent and for more elements than 63
/// bits count, MemoryError for more than any machine has.
std::size_t bytes_of(const Shape& shape, DType dtype);

}  // namespace xgrad

#pragma GCC visibility pop
