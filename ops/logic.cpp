#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace xgrad {

using kernels::Formula;

namespace {

/// test(x) of floating values; what it says of 0 for others.
template <class F>
Tensor tell(const char* operation, F test, const Tensor& x) {
  return map<Types::all, bool>(operation, Formula{[test](auto v) -> bool {
                                 if constexpr (std::is_floating_point_v<decltype(v)>)
                                   return test(v);
                                 else
                                   return test(0.0);
                               }},
                               x);
}

template <class T>
constexpr T infinite = std::numeric_limits<T>::infinity();

/// Where x is not 0.
Tensor truth(const char* operation, const Tensor& x) {
  if (x.dtype() == boolean) return x;
  return map<Types::all, bool>(operation,
                               Formula{[](auto v) -> bool { return v != decltype(v)(0); }}, x);
}

/// f(a, b) of the truth of both.
template <class F>
Tensor connect(const char* operation, F f, const Tensor& a, const Tensor& b) {
  const detail::Running running(operation, a, b);
  return map<Types::all, bool>(operation, Formula{[f](auto u, auto v) -> bool {
                                 return f(u != decltype(u)(0), v != decltype(v)(0));
                               }},
                               truth(operation, a), truth(operation, b));
}

/// The distance of two numbers; that of integers does not overflow.
template <class T>
double distance(T u, T v) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::abs(static_cast<double>(u) - static_cast<double>(v));
  } else {
    const auto bits = [](T w) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(w)); };
    return static_cast<double>(u > v ? bits(u) - bits(v) : bits(v) - bits(u));
  }
}

}  // namespace

Tensor isnan(const Tensor& x) {
  return tell(
      "isnan", [](auto v) { return v != v; }, x);
}

Tensor isinf(const Tensor& x) {
  return tell(
      "isinf", [](auto v) { return std::abs(v) == infinite<decltype(v)>; }, x);
}

Tensor isfinite(const Tensor& x) {
  return tell(
      "isfinite", [](auto v) { return std::abs(v) < infinite<decltype(v)>; }, x);
}

Tensor isclose(const Tensor& x, const Tensor& y, double rtol, double atol, bool equal_nan) {
  const detail::Running running("isclose", x, y);
  require<ValueError>(rtol >= 0, "isclose: rtol {}; it must not be negative", rtol);
  require<ValueError>(atol >= 0, "isclose: atol {}; it must not be negative", atol);
  const auto [a, b] = Operands("isclose", x, y);
  const auto close = [=](auto u, auto v) -> bool {
    const double apart = distance(u, v);
    const double allowed = atol + rtol * std::abs(static_cast<double>(v));
    const bool both_nan = equal_nan && u != u && v != v;
    return u == v || both_nan || (apart < infinite<double> && apart <= allowed);
  };
  return map<Types::all, bool>("isclose", Formula{close}, a, b);
}

Tensor any(const Tensor& x, const Axes& axes, bool keepdim) {
  const detail::Running running("any", x);
  return sum(truth("any", x), axes, keepdim) != 0;
}

Tensor all(const Tensor& x, const Axes& axes, bool keepdim) {
  const detail::Running running("all", x);
  return sum(logical_not(x), axes, keepdim) == 0;
}

Tensor count_nonzero(const Tensor& x, const Axes& axes) {
  const detail::Running running("count_nonzero", x);
  return sum(truth("count_nonzero", x), axes);
}

Tensor logical_and(const Tensor& a, const Tensor& b) {
  return connect(
      "logical_and", [](bool u, bool v) { return u && v; }, a, b);
}

Tensor logical_or(const Tensor& a, const Tensor& b) {
  return connect(
      "logical_or", [](bool u, bool v) { return u || v; }, a, b);
}

Tensor logical_xor(const Tensor& a, const Tensor& b) {
  return connect(
      "logical_xor", [](bool u, bool v) { return u != v; }, a, b);
}

Tensor logical_not(const Tensor& x) {
  return map<Types::all, bool>("logical_not",
                               Formula{[](auto v) -> bool { return v == decltype(v)(0); }}, x);
}

}  // namespace xgrad
