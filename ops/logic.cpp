#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/modular.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/operands.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string_view>
#include <type_traits>

namespace xgrad {

using kernels::Formula;

namespace {

/// f of each value where it can be NaN or infinite, `otherwise` elsewhere.
template <class F>
Tensor asked(const char* operation, const Tensor& x, bool otherwise, F f) {
  return map<Types::all, bool>(operation, Formula{[otherwise, f](auto v) {
                                 if constexpr (std::is_floating_point_v<decltype(v)>) {
                                   return f(v);
                                 } else {
                                   return otherwise;
                                 }
                               }},
                               x);
}

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

/// What is close to what.
struct Tolerance {
  double relative;
  double absolute;
  bool equal_nan;

  bool operator()(double u, double v) const {
    const double apart = std::abs(u - v);
    return u == v || (std::isfinite(apart) && apart <= absolute + relative * std::abs(v)) ||
           (equal_nan && std::isnan(u) && std::isnan(v));
  }
  bool operator()(std::int64_t u, std::int64_t v) const {
    const std::uint64_t apart = kernels::modular(std::max(u, v)) - kernels::modular(std::min(u, v));
    return apart == 0 ||
           static_cast<double>(apart) <= absolute + relative * std::abs(static_cast<double>(v));
  }
};

}  // namespace

Tensor isnan(const Tensor& x) {
  return asked("isnan", x, false, [](auto v) { return v != v; });
}
Tensor isinf(const Tensor& x) {
  return asked("isinf", x, false, [](auto v) { return std::abs(v) == infinity<decltype(v)>; });
}
Tensor isfinite(const Tensor& x) {
  return asked("isfinite", x, true, [](auto v) { return std::abs(v) < infinity<decltype(v)>; });
}

Tensor isclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  const detail::Running running("isclose", a, b);
  require<ValueError>(rtol >= 0 && atol >= 0,
                      "isclose: rtol is {} and atol {}; neither may be negative", rtol, atol);
  const Formula is_close{Tolerance{rtol, atol, equal_nan}};
  if (is_floating(promote(a.dtype(), b.dtype())))
    return map<Types::floating, bool>("isclose", is_close, detail::converted(a, float64),
                                      detail::converted(b, float64));
  return map<Types::whole, bool>("isclose", is_close, detail::converted(a, int64),
                                 detail::converted(b, int64));
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  const detail::Running running("allclose", a, b);
  require<ShapeError>(a.shape() == b.shape(), "allclose: shapes {} and {}", a.shape(), b.shape());
  const auto all_close = [&]<class T>(T) {
    const Tensor x = in_rows(to(a, dtype_of<T>()));
    const Tensor y = in_rows(to(b, dtype_of<T>()));
    return std::equal(x.data<T>(), x.data<T>() + x.numel(), y.data<T>(),
                      Tolerance{rtol, atol, equal_nan});
  };
  return is_floating(promote(a.dtype(), b.dtype())) ? all_close(double{})
                                                    : all_close(std::int64_t{});
}

namespace {

/// A bool tensor: x itself where it is one.
Tensor truth(const Tensor& x) { return x.dtype() == boolean ? x : x != 0; }
Tensor truth(const Operand& x) {
  return x.is_tensor() ? truth(x.tensor()) : full({}, x.scalar()->to<bool>());
}

/// Whether one of the values is `wanted`, along the axes; over all axes it stops at the first.
Tensor has(bool wanted, const char* operation, const Tensor& x, const Axes& axes, bool keepdim) {
  const detail::Running running(operation, x);
  normalize_axes(axes, x.shape().size(), operation);
  if (!axes.empty()) return sum(wanted ? truth(x) : logical_not(x), axes, keepdim) != 0;
  const Tensor rows = in_rows(x);
  const bool found = dispatch(x.dtype(), [&]<class T>() {
    return std::any_of(rows.data<T>(), rows.data<T>() + rows.numel(),
                       [wanted](T value) { return (value != 0) == wanted; });
  });
  Shape shape;
  for (std::size_t i = 0; keepdim && i < x.shape().size(); ++i) shape.push_back(1);
  return full(shape, found);
}

}  // namespace

Tensor any(const Tensor& x, const Axes& axes, bool keepdim) {
  return has(true, "any", x, axes, keepdim);
}
Tensor all(const Tensor& x, const Axes& axes, bool keepdim) {
  return logical_not(has(false, "all", x, axes, keepdim));
}

Tensor count_nonzero(const Tensor& x, const Axes& axes) {
  const detail::Running running("count_nonzero", x);
  normalize_axes(axes, x.shape().size(), "count_nonzero");
  return sum(truth(x), axes);
}

namespace {

/// f of the truth of both sides, which broadcast.
template <class F>
Tensor logical(const char* operation, const Operand& x, const Operand& y, F f) {
  if (x.is_undefined()) detail::throw_undefined_argument(operation, 1);
  if (y.is_undefined()) detail::throw_undefined_argument(operation, 2);
  const detail::Running running(operation);
  const Formula of_truths{
      [f](auto u, auto v) { return f(static_cast<bool>(u), static_cast<bool>(v)); }};
  return map<Types::all, bool>(operation, of_truths, truth(x), truth(y));
}

void require_bits(const char* operation, DType dtype) {
  require<DTypeError>(!is_floating(dtype),
                      "{}: takes integers and bools, got {}; of truth values that is logical_{}",
                      operation, dtype, operation + std::string_view("bitwise_").size());
}

/// DTypeError for a fractional number.
void require_whole(const char* operation, const Operand& side) {
  require<DTypeError>(side.is_tensor() || !is_floating(side.scalar()->kind()),
                      "{}: takes whole numbers, got {}", operation, side.scalar().value_or(0));
}

/// f(a, b) of types that are no fractions, which are refused before.
template <Types types, class F>
Tensor of_bits(const char* operation, const Tensor& a, const Tensor& b, F f) {
  return map<types>(operation, Formula{[f](auto u, auto v) {
                      if constexpr (std::is_integral_v<decltype(u)>)
                        return static_cast<decltype(u)>(f(u, v));
                      else
                        return u;
                    }},
                    a, b);
}

template <class F>
Tensor bitwise(const char* operation, const Operand& x, const Operand& y, F f) {
  require_whole(operation, x);
  require_whole(operation, y);
  const auto [a, b] = Operands(operation, x, y);
  require_bits(operation, a.dtype());
  return of_bits<Types::all>(operation, a, b, f);
}

template <class F>
Tensor shifted(const char* operation, const Tensor& x, const Operand& by, F f) {
  require_whole(operation, by);
  const auto [a, b] = Operands(operation, x, by);
  require<DTypeError>(is_integer(a.dtype()), "{}: takes integers, got {}", operation, a.dtype());
  return of_bits<Types::numeric>(operation, a, b, f);
}

/// How often a T can be halved before only its sign is left.
template <class T>
constexpr T halvings = static_cast<T>(8 * sizeof(T) - std::is_signed_v<T>);

}  // namespace

Tensor logical_and(const Operand& a, const Operand& b) {
  return logical("logical_and", a, b, std::logical_and());
}
Tensor logical_or(const Operand& a, const Operand& b) {
  return logical("logical_or", a, b, std::logical_or());
}
Tensor logical_xor(const Operand& a, const Operand& b) {
  return logical("logical_xor", a, b, std::not_equal_to());
}
Tensor logical_not(const Tensor& x) {
  return map<Types::all, bool>("logical_not", Formula{[](auto v) { return v == 0; }}, x);
}

Tensor bitwise_and(const Operand& a, const Operand& b) {
  return bitwise("bitwise_and", a, b, std::bit_and());
}
Tensor bitwise_or(const Operand& a, const Operand& b) {
  return bitwise("bitwise_or", a, b, std::bit_or());
}
Tensor bitwise_xor(const Operand& a, const Operand& b) {
  return bitwise("bitwise_xor", a, b, std::bit_xor());
}
Tensor bitwise_left_shift(const Tensor& a, const Operand& b) {
  return shifted("bitwise_left_shift", a, b, [](auto u, auto by) {
    using T = decltype(u);
    const bool leaves = by < T(0) || by >= static_cast<T>(8 * sizeof(T));
    return leaves ? T(0) : static_cast<T>(kernels::modular(u) << by);
  });
}
Tensor bitwise_right_shift(const Tensor& a, const Operand& b) {
  return shifted("bitwise_right_shift", a, b, [](auto u, auto by) {
    using T = decltype(u);
    const bool leaves = by < T(0) || by >= halvings<T>;
    return static_cast<T>(u >> (leaves ? halvings<T> : by));
  });
}

Tensor bitwise_not(const Tensor& x) {
  const detail::Running running("bitwise_not", x);
  require_bits("bitwise_not", x.dtype());
  return map<Types::all>("bitwise_not", Formula{[](auto v) {
                           using T = decltype(v);
                           if constexpr (std::is_same_v<T, bool>) {
                             return !v;
                           } else if constexpr (std::is_integral_v<T>) {
                             return static_cast<T>(~v);
                           } else {
                             return v;
                           }
                         }},
                         x);
}

}  // namespace xgrad
