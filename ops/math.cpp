#include <xgrad/ops/kernels/modular.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/pointwise.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <numbers>
#include <type_traits>

namespace xgrad {

using detail::function;
using detail::function_by_result;
using kernels::Formula;

// y = 1 / x;  dL/dx = −y² dL/dy
Tensor reciprocal(const Tensor& x) {
  return function_by_result(
      Op::reciprocal, x, [](auto v) { return 1 / v; },
      [](const Tensor& dy, const Tensor& y) { return -dy * square(y); });
}

// y = 1 / √x;  dL/dx = −½ y³ dL/dy
Tensor rsqrt(const Tensor& x) {
  return function_by_result(
      Op::rsqrt, x, [](auto v) { return 1 / std::sqrt(v); },
      [](const Tensor& dy, const Tensor& y) { return -0.5 * dy * (square(y) * y); });
}

// y = 2ˣ;  dL/dx = y ln 2 dL/dy
Tensor exp2(const Tensor& x) {
  return function_by_result(
      Op::exp2, x, [](auto v) { return std::exp2(v); },
      [](const Tensor& dy, const Tensor& y) { return dy * y * std::numbers::ln2; });
}

// y = eˣ − 1;  dL/dx = (y + 1) dL/dy
Tensor expm1(const Tensor& x) {
  return function_by_result(
      Op::expm1, x, [](auto v) { return std::expm1(v); },
      [](const Tensor& dy, const Tensor& y) { return dy * (y + 1); });
}

// y = log₂ x;  dL/dx = dL/dy / (x ln 2)
Tensor log2(const Tensor& x) {
  return function(
      Op::log2, x, [](auto v) { return std::log2(v); },
      [](const Tensor& dy, const Tensor& u) { return dy / (u * std::numbers::ln2); });
}

// y = log₁₀ x;  dL/dx = dL/dy / (x ln 10)
Tensor log10(const Tensor& x) {
  return function(
      Op::log10, x, [](auto v) { return std::log10(v); },
      [](const Tensor& dy, const Tensor& u) { return dy / (u * std::numbers::ln10); });
}

// y = ln(1 + x);  dL/dx = dL/dy / (1 + x)
Tensor log1p(const Tensor& x) {
  return function(
      Op::log1p, x, [](auto v) { return std::log1p(v); },
      [](const Tensor& dy, const Tensor& u) { return dy / (1 + u); });
}

Tensor frac(const Tensor& given) {
  const detail::Running running("frac", given);
  const Tensor x = detail::fractional(given);
  return x - trunc(x);
}

namespace {

// y = f(x), which is constant between its steps;  dL/dx = 0
template <class F>
Tensor stepwise(Op op, const Tensor& x, F f) {
  const detail::Running running(name(op), x);
  if (!is_floating(x.dtype())) return x;
  return record(op, map<Types::floating>(op, Formula{f}, x), wrt(x, elementwise(zero_of)));
}

}  // namespace

Tensor floor(const Tensor& x) {
  return stepwise(Op::floor, x, [](auto v) { return std::floor(v); });
}
Tensor ceil(const Tensor& x) {
  return stepwise(Op::ceil, x, [](auto v) { return std::ceil(v); });
}
Tensor round(const Tensor& x) {
  return stepwise(Op::round, x, [](auto v) { return std::nearbyint(v); });
}
Tensor trunc(const Tensor& x) {
  return stepwise(Op::trunc, x, [](auto v) { return std::trunc(v); });
}

namespace {

/// v to a multiple of p where p is a whole number of units, of 1 / p otherwise. A number without
/// such digits stays as it is.
template <class T>
T to_multiple(T v, T p, bool whole) {
  const T count = whole ? v / p : v * p;
  if (!std::isfinite(count)) return v;
  const T nearest = std::nearbyint(count);
  if (nearest == 0) return std::copysign(T(0), v);
  return whole ? nearest * p : nearest / p;
}

}  // namespace

Tensor round(const Tensor& x, std::int64_t decimals) {
  const detail::Running running("round", x);
  if (decimals == 0) return round(x);
  require<DTypeError>(is_floating(x.dtype()),
                      "round: {} to {} decimals; convert with x.to(xgrad::float32)", x.dtype(),
                      decimals);
  const double power = std::pow(10, std::abs(static_cast<double>(decimals)));
  return stepwise(Op::round, x, [power, whole = decimals < 0](auto v) {
    return to_multiple(v, static_cast<decltype(v)>(power), whole);
  });
}

namespace {

/// f of both sides, as float32 where they are integers or bools.
template <class F>
Tensor of_fractions(const char* operation, const Operand& x, const Operand& y, const F& f) {
  const auto [a, b] = Operands(operation, x, y);
  const detail::Running running(operation);
  return is_floating(a.dtype()) ? f(a, b) : f(to(a, float32), to(b, float32));
}

template <Types types, class F>
Tensor of_both(Op op, F f, const Tensor& a, const Tensor& b) {
  return map<types>(op, Formula{f, detail::libm_nanoseconds}, a, b);
}

}  // namespace

// θ = arctan(a / b), r² = a² + b²;  dL/da = b / r² dL/dθ, dL/db = −a / r² dL/dθ
Tensor atan2(const Operand& y, const Operand& x) {
  return of_fractions("atan2", y, x, [](const Tensor& a, const Tensor& b) {
    const Tensor angle = of_both<Types::floating>(
        Op::atan2, [](auto u, auto v) { return std::atan2(u, v); }, a, b);
    return record(Op::atan2, angle,
                  wrt(a, elementwise_to(a,
                                        [a = saved(a), b = saved(b)](const Tensor& dy) {
                                          const Tensor r = hypot(a(), b());
                                          return dy * (b() / r) / r;
                                        })),
                  wrt(b, elementwise_to(b, [a = saved(a), b = saved(b)](const Tensor& dy) {
                        const Tensor r = hypot(a(), b());
                        return -dy * (a() / r) / r;
                      })));
  });
}

// r = √(a² + b²);  dL/da = a / r dL/dr, dL/db = b / r dL/dr, 0 where r is
Tensor hypot(const Operand& x, const Operand& y) {
  return of_fractions("hypot", x, y, [](const Tensor& a, const Tensor& b) {
    const Tensor r = of_both<Types::floating>(
        Op::hypot, [](auto u, auto v) { return std::hypot(u, v); }, a, b);
    const auto towards = [&](const Tensor& side) {
      return elementwise_to(side, [x = saved(side), r = saved_result(r)](const Tensor& dy) {
        return dy * (x() / where(r() == 0, 1, r()));
      });
    };
    return record(Op::hypot, r, wrt(a, towards(a)), wrt(b, towards(b)));
  });
}

namespace {

/// y = log(baseᵃ + baseᵇ) = max + added(−|a − b|) in units of `scale`, which is ln base;
/// dL/da = dL/dy / (1 + base^(b − a)), dL/db likewise
template <class F>
Tensor log_of_sum(Op op, const Operand& x, const Operand& y, double scale, F added) {
  return of_fractions(name(op), x, y, [=](const Tensor& a, const Tensor& b) {
    // Equal infinities have no difference.
    const Tensor sum = of_both<Types::floating>(
        op,
        [added](auto u, auto v) {
          if (u == v) return u + added(decltype(u)(0));
          return (u > v ? u : v) + added(-std::abs(u - v));
        },
        a, b);
    return record(op, sum,
                  wrt(a, elementwise_to(a,
                                        [a = saved(a), b = saved(b), scale](const Tensor& dy) {
                                          return dy * sigmoid((a() - b()) * scale);
                                        })),
                  wrt(b, elementwise_to(b, [a = saved(a), b = saved(b), scale](const Tensor& dy) {
                        return dy * sigmoid((b() - a()) * scale);
                      })));
  });
}

}  // namespace

Tensor logaddexp(const Operand& x, const Operand& y) {
  return log_of_sum(Op::logaddexp, x, y, 1, [](auto d) { return std::log1p(std::exp(d)); });
}

Tensor logaddexp2(const Operand& x, const Operand& y) {
  return log_of_sum(Op::logaddexp2, x, y, std::numbers::ln2, [](auto d) {
    return std::log1p(std::exp2(d)) * std::numbers::log2e_v<decltype(d)>;
  });
}

namespace {

/// Where a ln b is 0 and ln b no number.
Tensor without_log(const Tensor& a, const Tensor& b) {
  return map<Types::floating, bool>("xlogy",
                                    Formula{[](auto u, auto v) { return u == 0 && v <= 0; }}, a, b);
}

}  // namespace

// y = a ln b;  dL/da = ln b dL/dy, 0 where a is and b ≤ 0; dL/db = a / b dL/dy
Tensor xlogy(const Operand& x, const Operand& y) {
  return of_fractions("xlogy", x, y, [](const Tensor& a, const Tensor& b) {
    const Tensor product = of_both<Types::floating>(
        Op::xlogy,
        [](auto u, auto v) { return u == 0 && v == v ? decltype(u)(0) : u * std::log(v); }, a, b);
    return record(Op::xlogy, product,
                  wrt(a, elementwise_to(a,
                                        [a = saved(a), b = saved(b)](const Tensor& dy) {
                                          return xlogy(dy, where(without_log(a(), b()), 1, b()));
                                        })),
                  wrt(b, elementwise_to(b, [a = saved(a), b = saved(b)](const Tensor& dy) {
                        return dy * a() / b();
                      })));
  });
}

// y = |a| sign b;  dL/da = sign a sign b dL/dy, dL/db = 0
Tensor copysign(const Operand& x, const Operand& y) {
  return of_fractions("copysign", x, y, [](const Tensor& a, const Tensor& b) {
    const Tensor with_sign = of_both<Types::floating>(
        Op::copysign, [](auto u, auto v) { return std::copysign(u, v); }, a, b);
    return record(Op::copysign, with_sign,
                  wrt(a, elementwise_to(a,
                                        [a = saved(a), b = saved(b)](const Tensor& dy) {
                                          return dy * (sign(a()) * copysign(1, b()));
                                        })),
                  wrt(b, elementwise_to(b, zero_of)));
  });
}

namespace {

/// Of integers the least has no opposite: −1 is left out of what divides.
template <class T>
bool is_minus_one(T v) {
  return std::is_signed_v<T> && v == static_cast<T>(-1);
}

// Of the sign of a.
template <class T>
T left_over(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::fmod(a, b);
  } else {
    return is_minus_one(b) ? T(0) : static_cast<T>(a % b);
  }
}

/// Whether what is left over is on the other side of 0 than b.
template <class T>
bool lies_across(T left, T b) {
  return left != 0 && (left < 0) != (b < 0);
}

// Of the sign of b.
template <class T>
T python_remainder(T a, T b) {
  const T left = left_over(a, b);
  return lies_across(left, b) ? static_cast<T>(left + b) : left;
}

/// ⌊a / b⌋ by what is left over: the quotient itself may round up to a whole number.
template <class T>
T floored_quotient(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (b == 0) return a / b;
    const T left = std::fmod(a, b);
    const T whole = (a - left) / b;  // but for rounding
    const T nearest = std::nearbyint(whole - (lies_across(left, b) ? T(1) : T(0)));
    return nearest == 0 ? std::copysign(T(0), a / b) : nearest;
  } else {
    if (is_minus_one(b)) return kernels::wrapping(std::negate(), a);
    const bool across = lies_across(static_cast<T>(a % b), b);
    return static_cast<T>(a / b - (across ? 1 : 0));
  }
}

void require_no_zero(const char* operation, const Tensor& a, const Tensor& b) {
  if (!is_integer(b.dtype()) || a.numel() == 0) return;
  const Tensor rows = in_rows(to(b, int64));
  const auto* values = rows.data<std::int64_t>();
  if (std::find(values, values + b.numel(), 0) != values + b.numel())
    raise<ValueError>(
        "{}: an integer divided by 0; convert with x.to(xgrad::float32) where NaN or infinity are "
        "meant",
        operation);
}

/// y = f(a, b), which is a − n b;  dL/da = dL/dy, dL/db = −n dL/dy
template <class F, class Whole>
Tensor rest(Op op, const Operand& x, const Operand& y, F f, Whole n) {
  const auto [a, b] = Operands(name(op), x, y);
  require_no_zero(name(op), a, b);
  return record(op, of_both<Types::numeric>(op, f, a, b),
                wrt(a, elementwise_to(a, [](const Tensor& dy) { return dy; })),
                wrt(b, elementwise_to(b, [a = saved(a), b = saved(b), n](const Tensor& dy) {
                      return -dy * n(a(), b());
                    })));
}

}  // namespace

Tensor fmod(const Operand& x, const Operand& y) {
  return rest(
      Op::fmod, x, y, [](auto a, auto b) { return left_over(a, b); },
      [](const Tensor& a, const Tensor& b) {
        // Not trunc(a / b), whose derivative would be that of a / b times 0, NaN where b is 0.
        return record(Op::floor_divide, no_grad([&] { return trunc(a / b); }),
                      wrt(a, elementwise_to(a, zero_of)), wrt(b, elementwise_to(b, zero_of)));
      });
}

Tensor remainder(const Operand& x, const Operand& y) {
  return rest(
      Op::remainder, x, y, [](auto a, auto b) { return python_remainder(a, b); },
      [](const Tensor& a, const Tensor& b) { return floor_divide(a, b); });
}

// y = ⌊a / b⌋;  dL/da = dL/db = 0
Tensor floor_divide(const Operand& x, const Operand& y) {
  const auto [a, b] = Operands("floor_divide", x, y);
  require_no_zero("floor_divide", a, b);
  return record(Op::floor_divide,
                of_both<Types::numeric>(
                    Op::floor_divide, [](auto u, auto v) { return floored_quotient(u, v); }, a, b),
                wrt(a, elementwise_to(a, zero_of)), wrt(b, elementwise_to(b, zero_of)));
}

namespace {

/// The one that is a number, f(a, b) of two.
template <class F>
Tensor of_numbers(const char* operation, const Operand& x, const Operand& y, F f) {
  const auto [a, b] = Operands(operation, x, y);
  const detail::Running running(operation);
  broadcast(a.shape(), b.shape(), operation);
  return where(b != b, a, where(a != a, b, f(a, b)));
}

}  // namespace

Tensor fmax(const Operand& x, const Operand& y) {
  return of_numbers("fmax", x, y, [](const Tensor& a, const Tensor& b) { return maximum(a, b); });
}

Tensor fmin(const Operand& x, const Operand& y) {
  return of_numbers("fmin", x, y, [](const Tensor& a, const Tensor& b) { return minimum(a, b); });
}

Tensor addcmul(const Tensor& x, const Tensor& t1, const Tensor& t2, Scalar value) {
  const detail::Running running("addcmul", x, t1, t2);
  return x + value * (t1 * t2);
}

Tensor addcdiv(const Tensor& x, const Tensor& t1, const Tensor& t2, Scalar value) {
  const detail::Running running("addcdiv", x, t1, t2);
  return x + value * (t1 / t2);
}

// From the end that is nearer, so that both ends are exact.
Tensor lerp(const Tensor& start, const Tensor& end, const Operand& weight) {
  const detail::Running running("lerp", start, end);
  if (weight.is_undefined()) detail::throw_undefined_argument("lerp", 3);
  require<DTypeError>(start.dtype() != boolean && end.dtype() != boolean,
                      "lerp: takes numbers, got {} and {}", start.dtype(), end.dtype());
  const Shape shape = broadcast(start.shape(), end.shape(), "lerp");
  const Tensor way = end - start;
  if (!weight.is_tensor()) {
    const double w = weight.scalar()->to<double>();
    return w < 0.5 ? start + way * w : end - way * (1 - w);
  }
  const Tensor& w = weight.tensor();
  require<DTypeError>(w.dtype() != boolean, "lerp: the weight is bool; where() chooses by it");
  broadcast(shape, w.shape(), "lerp");
  // One product: the gradient of one that is not chosen would be 0 · ∞.
  const Tensor from_start = w < 0.5;
  return where(from_start, start, end) + way * where(from_start, w, w - 1);
}

namespace {

template <class T>
constexpr double greatest = std::numeric_limits<T>::max();
template <>
constexpr double greatest<BFloat16> = 0x1.FEp127;
template <>
constexpr double greatest<Float16> = 65504;

}  // namespace

Tensor nan_to_num(const Tensor& x, double nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  const detail::Running running("nan_to_num", x);
  if (!is_floating(x.dtype())) return x;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double most =
      dispatch_all_floating(x.dtype(), "nan_to_num", []<class T>() { return greatest<T>; });
  const Tensor finite =
      where(x == infinity, posinf.value_or(most), where(x == -infinity, neginf.value_or(-most), x));
  return where(x != x, nan, finite);
}

Tensor signbit(const Tensor& x) {
  return map<Types::all, bool>("signbit", Formula{[](auto v) {
                                 using T = decltype(v);
                                 if constexpr (std::is_floating_point_v<T>)
                                   return std::signbit(v);
                                 else
                                   return std::is_signed_v<T> && v < T(0);
                               }},
                               x);
}

}  // namespace xgrad
