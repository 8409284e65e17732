#pragma once
// Internal: how xgrad's sources throw. Public headers do not include it (fmt is slow to compile).

#include <xgrad/autograd/dtype.hpp>
#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/nan.hpp>
#include <xgrad/autograd/scalar.hpp>
#include <xgrad/autograd/shape.hpp>

#include <fmt/format.h>

#pragma GCC visibility push(default)

namespace xgrad::detail {

struct ListFormatter : fmt::formatter<std::string> {
  template <class Context>
  auto format(const ShortList& list, Context& context) const {
    return fmt::formatter<std::string>::format(to_string(list), context);
  }
};

}  // namespace xgrad::detail

template <>
struct fmt::formatter<xgrad::Shape> : xgrad::detail::ListFormatter {};
template <>
struct fmt::formatter<xgrad::Strides> : xgrad::detail::ListFormatter {};
template <>
struct fmt::formatter<xgrad::Axes> : xgrad::detail::ListFormatter {};

template <>
struct fmt::formatter<xgrad::DType> : fmt::formatter<std::string_view> {
  template <class Context>
  auto format(xgrad::DType dtype, Context& context) const {
    return fmt::formatter<std::string_view>::format(xgrad::name(dtype), context);
  }
};

template <>
struct fmt::formatter<xgrad::Scalar> : fmt::formatter<std::string> {
  template <class Context>
  auto format(const xgrad::Scalar& number, Context& context) const {
    return fmt::formatter<std::string>::format(xgrad::to_string(number), context);
  }
};

namespace xgrad {

namespace detail {

template <class T>
const T& printable(const T& value) {
  return value;
}
inline float printable(float value) { return static_cast<float>(unsigned_nan(value)); }
inline double printable(double value) { return unsigned_nan(value); }

// vformat: the formatting itself is not compiled again for every message.
template <class... Args>
std::string message(fmt::string_view format, const Args&... args) {
  return fmt::vformat(format, fmt::make_format_args(args...));
}

}  // namespace detail

/// Throws E with a formatted message.
template <class E, class... Args>
[[noreturn]] void raise(fmt::format_string<Args...> format, Args&&... args) {
  throw E(detail::message(format, detail::printable(args)...));
}

/// Throws E with a formatted message unless `condition` holds.
template <class E, class... Args>
void require(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) [[unlikely]]
    raise<E>(format, std::forward<Args>(args)...);
}

}  // namespace xgrad

#pragma GCC visibility pop
