#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/modular.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace xgrad {

using kernels::Expression;
using kernels::Formula;
using kernels::wrapping;

namespace {

Tensor scalar_like(Scalar value, DType dtype) { return Tensor::empty({}, dtype).fill_(value); }

/// `first` is the number of argument a.
void require_defined(const char* operation, const Operand& a, const Operand& b,
                     std::size_t first = 1) {
  if (a.is_undefined()) detail::throw_undefined_argument(operation, first);
  if (b.is_undefined()) detail::throw_undefined_argument(operation, first + 1);
}

/// Where a tensor meets what takes on its dtype unless that is of a higher kind: a number, and
/// beside a tensor of axes one of none.
DType dtype_beside(DType own, DType other) {
  if (is_floating(own)) return own;
  return own == boolean || is_floating(other) ? promote(own, other) : own;
}
DType dtype_beside(const Tensor& x, Scalar number) {
  return dtype_beside(x.dtype(), number.natural_dtype());
}

/// As PyTorch's torch.result_type has it: tensors of axes come before those of none, and numbers
/// last.
DType common_dtype(const Operand& a, const Operand& b) {
  const auto rank = [](const Operand& x) {
    return !x.is_tensor() ? 0 : x.tensor().dim() == 0 ? 1 : 2;
  };
  const auto dtype = [](const Operand& x) {
    return x.is_tensor() ? x.tensor().dtype() : x.scalar()->natural_dtype();
  };
  if (rank(a) == rank(b)) return promote(dtype(a), dtype(b));
  return rank(a) > rank(b) ? dtype_beside(dtype(a), dtype(b)) : dtype_beside(dtype(b), dtype(a));
}

}  // namespace

void require_number(const char* operation, const char* option, double value) {
  require<ValueError>(!std::isnan(value), "{}: {} is {}; it must be a number", operation, option,
                      value);
}

Operands::Operands(const char* operation, const Operand& a, const Operand& b, std::size_t first) {
  require_defined(operation, a, b, first);
  const detail::Running running(operation);
  const DType dtype = common_dtype(a, b);
  const std::array given{&a, &b};
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Operand& x = *given[i];
    const bool fits = x.is_tensor() && x.tensor().dtype() == dtype;
    if (!fits) made_[i] = x.is_tensor() ? to(x.tensor(), dtype) : scalar_like(*x.scalar(), dtype);
    sides_[i] = fits ? &x.tensor() : &made_[i];
  }
}

namespace {

const Formula plus{[](auto u, auto v) { return wrapping(std::plus(), u, v); }};
const Formula minus{[](auto u, auto v) { return wrapping(std::minus(), u, v); }};
const Formula times{[](auto u, auto v) { return wrapping(std::multiplies(), u, v); }};
const Formula squared{[](auto v) { return wrapping(std::multiplies(), v, v); }};
const Formula negated{[](auto v) { return wrapping(std::negate(), v); }};

DType dtype_of_operand(const Operand& x) {
  return x.is_tensor() ? x.tensor().dtype() : x.scalar()->kind();
}

/// f(x, number) without rounding the whole numbers of x to a floating type.
template <class F>
Tensor compare_whole(const char* operation, const Tensor& x, double number, F f) {
  constexpr auto least = static_cast<double>(std::numeric_limits<std::int64_t>::min());
  const double floor = std::floor(number);
  const bool inside = floor >= least && floor < -least;
  const std::int64_t bound = inside ? static_cast<std::int64_t>(floor) : 0;
  // What f says where x − number has this sign; outside of int64, all x are on one side.
  const auto answer = [&](double sign) { return f(inside ? sign : -number, 0.0); };
  const bool less = answer(-1), same = answer(floor - number), more = answer(1);
  return map<Types::whole, bool>(
      operation, Formula{[=](std::int64_t v) {
        return bool(((v < bound) & less) | ((v == bound) & same) | ((v > bound) & more));
      }},
      x);
}

bool is_fractional(const Operand& x) { return !x.is_tensor() && x.scalar()->kind() == float64; }
bool is_whole(const Operand& x) { return x.is_tensor() && is_integer(x.tensor().dtype()); }

/// f(a, b), broadcast, where f compares; not recorded.
template <class F>
Tensor compare(const char* operation, const Operand& x, const Operand& y, F f) {
  require_defined(operation, x, y);
  const detail::Running running(operation);
  if (is_whole(x) && is_fractional(y))
    return compare_whole(operation, to(x.tensor(), int64), y.scalar()->to<double>(), f);
  if (is_fractional(x) && is_whole(y))
    return compare_whole(operation, to(y.tensor(), int64), x.scalar()->to<double>(),
                         [f](auto u, auto v) { return f(v, u); });
  const auto [a, b] = Operands(operation, x, y);
  return map<Types::all, bool>(operation, Formula{f}, a, b);
}

}  // namespace

// y = a + b;  dL/da = dL/dy, dL/db = dL/dy
Tensor add(const Operand& x, const Operand& y) {
  const auto [a, b] = Operands("add", x, y);
  return record(Op::add, map<Types::numeric>(Op::add, plus, a, b),
                wrt(a, elementwise_to(a, [](const Tensor& dy) { return dy; })),
                wrt(b, elementwise_to(b, [](const Tensor& dy) { return dy; })));
}

// y = a − b;  dL/da = dL/dy, dL/db = −dL/dy
Tensor sub(const Operand& x, const Operand& y) {
  require_defined("sub", x, y);
  for (const Operand* side : {&x, &y})
    require<DTypeError>(dtype_of_operand(*side) != boolean,
                        "sub: {} minus {}; bools are not subtracted: compare them with !=, or "
                        "convert with x.to(xgrad::int64)",
                        dtype_of_operand(x), dtype_of_operand(y));
  const auto [a, b] = Operands("sub", x, y);
  return record(Op::sub, map<Types::numeric>(Op::sub, minus, a, b),
                wrt(a, elementwise_to(a, [](const Tensor& dy) { return dy; })),
                wrt(b, elementwise_to(b, [](const Tensor& dy) { return -dy; })));
}

// y = a b;  dL/da = b dL/dy, dL/db = a dL/dy
Tensor mul(const Operand& x, const Operand& y) {
  const auto [a, b] = Operands("mul", x, y);
  return record(Op::mul, map<Types::numeric>(Op::mul, times, a, b),
                wrt(a, elementwise_to(a, [b = saved(b)](const Tensor& dy) { return dy * b(); })),
                wrt(b, elementwise_to(b, [a = saved(a)](const Tensor& dy) { return dy * a(); })));
}

// y = a / b;  dL/da = dL/dy / b, dL/db = −dL/dy a / b / b: b² may be 0 or ∞ where b is not
Tensor div(const Operand& x, const Operand& y) {
  const auto [a, b] = Operands("div", x, y);
  if (!is_floating(a.dtype())) return div(to(a, float32), to(b, float32));
  const Tensor quotient =
      map<Types::floating>(Op::div, Formula{[](auto u, auto v) { return u / v; }}, a, b);
  return record(Op::div, quotient,
                wrt(a, elementwise_to(a, [b = saved(b)](const Tensor& dy) { return dy / b(); })),
                wrt(b, elementwise_to(b, [a = saved(a), b = saved(b)](const Tensor& dy) {
                      return -dy * (a() / b() / b());
                    })));
}

namespace {

// std::pow, because xsimd's loses denormals and its last digits for large results.
template <class T>
T raised(T base, T exponent) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::pow(base, exponent);
  } else {
    return static_cast<T>(kernels::whole_power(base, exponent));
  }
}

const Formula power{[](auto base, auto exponent) { return raised(base, exponent); }, 6};

// y = xᵖ;  dL/dx = p xᵖ⁻¹ dL/dy, which ends at 0 after p derivatives where p is whole
Tensor pow_scalar(const Tensor& x, double p) {
  const Tensor y = p == 2 ? map<Types::numeric>(Op::pow, squared, x)
                          : map<Types::numeric>(Op::pow, power, x, scalar_like(p, x.dtype()));
  return record(Op::pow, y, wrt(x, elementwise([x = saved(x), p](const Tensor& dy) {
                                  return p == 0 ? zero_of(dy) : dy * p * pow(x(), p - 1);
                                })));
}

/// Where f(a, b) holds.
template <class F>
Tensor marked(const Tensor& a, const Tensor& b, F f) {
  return map<Types::floating, bool>(Op::pow, Formula{f}, a, b);
}

// b aᵇ⁻¹, which is 0 where b is 0, even where a⁻¹ is infinite
const Formula base_slope{
    [](auto a, auto b) { return b == 0 ? b : b * raised(a, static_cast<decltype(b)>(b - 1)); }};
Tensor slope_of_base(const Tensor& a, const Tensor& b) {
  const Tensor apart = marked(a, b, [](auto u, auto v) { return v == 0 && !std::isfinite(1 / u); });
  // Kept from the power too: its own slopes are infinite there, and 0 times them NaN.
  return where(apart, 0, b * pow(where(apart, 1, a), b - 1));
}

// aᵇ ln a, which is 0 where a is 0 and b ≥ 0
Tensor slope_of_exponent(const Tensor& a, const Tensor& b) {
  const Tensor apart = marked(a, b, [](auto u, auto v) { return u == 0 && v >= 0; });
  const Tensor base = where(apart, 1, a);
  return pow(base, b) * log(base);
}

void require_no_negative(const Tensor& exponent) {
  if (!is_integer(exponent.dtype())) return;
  const Tensor rows = in_rows(to(exponent, int64));
  const auto* values = rows.data<std::int64_t>();
  const auto* bad = std::find_if(values, values + exponent.numel(), [](auto v) { return v < 0; });
  if (bad != values + exponent.numel())
    raise<ValueError>(
        "pow: an integer to the power {}; integers have no negative powers: convert with "
        "x.to(xgrad::float32)",
        *bad);
}

}  // namespace

// y = aᵇ;  dL/da = b aᵇ⁻¹ dL/dy, dL/db = aᵇ ln a dL/dy
Tensor pow(const Operand& x, const Operand& y) {
  const auto [a, b] = Operands("pow", x, y);
  if (!y.is_tensor() && !b.requires_grad() && is_floating(a.dtype()))
    return pow_scalar(a, y.scalar()->to<double>());
  require_no_negative(b);
  const Tensor result = map<Types::numeric>(Op::pow, power, a, b);
  return record(Op::pow, result,
                wrt(a, elementwise_to(a, fused(
                                             [a = saved(a), b = saved(b)](const Tensor& dy) {
                                               return dy * map<Types::floating>(Op::pow, base_slope,
                                                                                a(), b());
                                             },
                                             [a = saved(a), b = saved(b)](const Tensor& dy) {
                                               return dy * slope_of_base(a(), b());
                                             }))),
                wrt(b, elementwise_to(b, [a = saved(a), b = saved(b)](const Tensor& dy) {
                      return dy * slope_of_exponent(a(), b());
                    })));
}

namespace {

// What of dy goes to a: nothing where b was taken, half where both are equal, and all elsewhere,
// NaN included.
template <class F>
auto shared(Op op, const Tensor& a, const Tensor& b, F other_taken) {
  const auto share = [other_taken](auto slope, auto u, auto v) {
    const auto half = slope / 2;
    const auto own = u == v ? half : slope;
    return other_taken(u, v) ? decltype(own)(0) : own;
  };
  return elementwise_to(a, fused(
                               [op, share, a = saved(a), b = saved(b)](const Tensor& dy) {
                                 return map<Types::floating>(op, Formula{share}, dy, a(), b());
                               },
                               [op, other_taken, a = saved(a), b = saved(b)](const Tensor& dy) {
                                 return where(compare(name(op), a(), b(), other_taken), 0,
                                              where(a() == b(), dy / 2, dy));
                               }));
}

constexpr auto is_less = [](auto u, auto v) { return u < v; };
constexpr auto is_greater = [](auto u, auto v) { return u > v; };

}  // namespace

// y = max(a, b);  dL/da = dL/dy where a > b, half of it where equal
Tensor maximum(const Operand& x, const Operand& y) {
  const auto [a, b] = Operands("maximum", x, y);
  const Tensor larger = map<Types::numeric>(
      Op::maximum, Formula{[](auto u, auto v) { return u > v || u != u ? u : v; }}, a, b);
  return record(Op::maximum, larger, wrt(a, shared(Op::maximum, a, b, is_less)),
                wrt(b, shared(Op::maximum, b, a, is_less)));
}

// y = min(a, b);  dL/da = dL/dy where a < b, half of it where equal
Tensor minimum(const Operand& x, const Operand& y) {
  const auto [a, b] = Operands("minimum", x, y);
  const Tensor smaller = map<Types::numeric>(
      Op::minimum, Formula{[](auto u, auto v) { return u < v || u != u ? u : v; }}, a, b);
  return record(Op::minimum, smaller, wrt(a, shared(Op::minimum, a, b, is_greater)),
                wrt(b, shared(Op::minimum, b, a, is_greater)));
}

// y = a where c, b elsewhere;  dL/da = dL/dy where c, dL/db = dL/dy elsewhere, 0 otherwise
Tensor where(const Tensor& condition, const Operand& x, const Operand& y) {
  const detail::Running running("where", condition);
  require<DTypeError>(condition.dtype() == boolean,
                      "where: the condition is {}, it must be bool; compare, as in where(x > 0, …)",
                      condition.dtype());
  const auto [a, b] = Operands("where", x, y, 2);
  const Tensor chosen = map<Types::all>(
      Op::where, Formula{[](bool c, auto u, auto v) { return c ? u : v; }}, mask(condition), a, b);
  return record(
      Op::where, chosen,
      wrt(a, elementwise_to(
                 a, [c = saved(condition)](const Tensor& dy) { return where(c(), dy, 0); })),
      wrt(b, elementwise_to(
                 b, [c = saved(condition)](const Tensor& dy) { return where(c(), 0, dy); })));
}

// y = −x;  dL/dx = −dL/dy
Tensor neg(const Tensor& x) {
  return record(Op::neg, map<Types::numeric>(Op::neg, negated, x),
                wrt(x, elementwise([](const Tensor& dy) { return -dy; })));
}

// y = |x|;  dL/dx = sign(x) dL/dy
Tensor abs(const Tensor& x) {
  const Tensor y = map<Types::numeric>(Op::abs, Formula{[](auto v) {
                                         if constexpr (std::is_floating_point_v<decltype(v)>) {
                                           return std::abs(v);
                                         } else {
                                           return v < 0 ? wrapping(std::negate(), v) : v;
                                         }
                                       }},
                                       x);
  return record(Op::abs, y,
                wrt(x, elementwise([x = saved(x)](const Tensor& dy) { return dy * sign(x()); })));
}

// y = eˣ;  dL/dx = y dL/dy
Tensor exp(const Tensor& x) {
  const Tensor y =
      map<Types::floating>(Op::exp, Expression{[](const auto& v) { return kernels::exp(v); }}, x);
  return record(Op::exp, y,
                wrt(x, elementwise([y = saved_result(y)](const Tensor& dy) { return dy * y(); })));
}

// y = ln x;  dL/dx = dL/dy / x
Tensor log(const Tensor& x) {
  const Tensor y =
      map<Types::floating>(Op::log, Expression{[](const auto& v) { return kernels::log(v); }}, x);
  return record(Op::log, y,
                wrt(x, elementwise([x = saved(x)](const Tensor& dy) { return dy / x(); })));
}

// y = √x;  dL/dx = dL/dy / 2y
Tensor sqrt(const Tensor& x) {
  const Tensor y =
      map<Types::floating>(Op::sqrt, Expression{[](const auto& v) { return xt::sqrt(v); }}, x);
  return record(
      Op::sqrt, y,
      wrt(x, elementwise([y = saved_result(y)](const Tensor& dy) { return dy / (2 * y()); })));
}

// y = x²;  dL/dx = 2x dL/dy
Tensor square(const Tensor& x) {
  const Tensor y = map<Types::numeric>(Op::square, squared, x);
  return record(Op::square, y,
                wrt(x, elementwise([x = saved(x)](const Tensor& dy) { return 2 * dy * x(); })));
}

// y = tanh x;  dL/dx = (1 − y²) dL/dy
Tensor tanh(const Tensor& x) {
  const Tensor y =
      map<Types::floating>(Op::tanh, Expression{[](const auto& v) { return kernels::tanh(v); }}, x);
  return record(Op::tanh, y, wrt(x, elementwise([y = saved_result(y)](const Tensor& dy) {
                                   return dy * (1 - square(y()));
                                 })));
}

// y = erf x;  dL/dx = 2/√π e^(−x²) dL/dy
Tensor erf(const Tensor& x) {
  const Tensor y =
      map<Types::floating>(Op::erf, Expression{[](const auto& v) { return kernels::erf(v); }}, x);
  return record(Op::erf, y, wrt(x, elementwise([x = saved(x)](const Tensor& dy) {
                                  return dy * (2 * std::numbers::inv_sqrtpi) * exp(-square(x()));
                                })));
}

// y = erfc x;  dL/dx = −2/√π e^(−x²) dL/dy
Tensor erfc(const Tensor& x) {
  const Tensor y =
      map<Types::floating>(Op::erfc, Expression{[](const auto& v) { return kernels::erfc(v); }}, x);
  return record(Op::erfc, y, wrt(x, elementwise([x = saved(x)](const Tensor& dy) {
                                   return dy * (-2 * std::numbers::inv_sqrtpi) * exp(-square(x()));
                                 })));
}

// y = 1 / (1 + e⁻ˣ);  dL/dx = y (1 − y) dL/dy
Tensor sigmoid(const Tensor& x) {
  const Tensor y = map<Types::floating>(
      Op::sigmoid, Expression{[](const auto& v) { return kernels::sigmoid(v); }}, x);
  return record(Op::sigmoid, y, wrt(x, elementwise([y = saved_result(y)](const Tensor& dy) {
                                      return dy * y() * (1 - y());
                                    })));
}

namespace {

template <class T>
constexpr T highest = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                           : std::numeric_limits<T>::max();
template <class T>
constexpr T lowest = std::numeric_limits<T>::has_infinity ? -highest<T>
                                                          : std::numeric_limits<T>::min();

// dy where min ≤ x ≤ max, for floating x
Tensor passed_by_clamp(const Tensor& x, const Tensor& dy, const std::optional<Scalar>& min,
                       const std::optional<Scalar>& max) {
  const double low = min ? min->as(x.dtype()).to<double>() : lowest<double>;
  const double high = max ? max->as(x.dtype()).to<double>() : highest<double>;
  return map<Types::floating>(Op::clamp, Formula{[low, high](auto v, auto slope) {
                                using T = decltype(v);
                                const T above = v >= static_cast<T>(low) ? slope : T(0);
                                return v <= static_cast<T>(high) ? above : T(0);
                              }},
                              x, dy);
}

// min(max(x, low), high); all NaN where a bound is, NaN where x is
template <class T>
auto clamped_between(T low, T high) {
  const T nan = low != low ? low : high;
  const bool spoilt = nan != nan;
  return Formula{[=](T v) {
    const T above = v < low ? low : v;
    const T inside = above > high ? high : above;
    return spoilt ? nan : inside;
  }};
}

}  // namespace

// y = min(max(x, lo), hi);  dL/dx = dL/dy where lo ≤ x ≤ hi, else 0
Tensor clamp(const Tensor& given, std::optional<Scalar> min, std::optional<Scalar> max) {
  const detail::Running running("clamp", given);
  require<ValueError>(min || max, "clamp: neither a minimum nor a maximum was given");
  Tensor x = given;
  for (const auto& bound : {min, max})
    if (bound) x = to(x, dtype_beside(x, *bound));
  const auto between = [&]<class T>() {
    return clamped_between(min ? min->to<T>("clamp") : lowest<T>,
                           max ? max->to<T>("clamp") : highest<T>);
  };
  const Tensor y = map<Types::numeric>(Op::clamp, ForType{between}, x);
  return record(
      Op::clamp, y,
      wrt(x, elementwise(fused([x = saved(x), min, max](
                                   const Tensor& dy) { return passed_by_clamp(x(), dy, min, max); },
                               [x = saved(x), min, max](const Tensor& dy) {
                                 const Tensor below = max ? where(x() <= *max, dy, 0) : dy;
                                 return min ? where(x() >= *min, below, 0) : below;
                               }))));
}

// y = x in another dtype;  dL/dx = dL/dy in x's dtype
Tensor to(const Tensor& x, DType dtype) {
  const detail::Running running("to", x);
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::empty(x.shape(), dtype);
  detail::copy_values(x, y);
  if (!is_floating(dtype)) return y;
  return record(Op::to, y,
                wrt(x, linear_in([dtype = x.dtype()](const Tensor& dy) { return to(dy, dtype); },
                                 [dtype](const Tensor& v) { return to(v, dtype); })));
}

Tensor clone(const Tensor& x) {
  const detail::Running running("clone", x);
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  detail::copy_values(x, y);
  return record(Op::clone, y, wrt(x, elementwise([](const Tensor& dy) { return dy; })));
}

Tensor contiguous(const Tensor& x) {
  const detail::Running running("contiguous", x);
  return x.is_contiguous() ? x : clone(x);
}

Tensor sign(const Tensor& x) {
  const detail::Running running("sign", x);
  return map<Types::numeric>("sign", Formula{[](auto v) {
                               using T = decltype(v);
                               return static_cast<T>(v > 0 ? 1 : v < 0 ? -1 : 0);
                             }},
                             x);
}

Tensor eq(const Operand& a, const Operand& b) {
  return compare("eq", a, b, [](auto u, auto v) { return u == v; });
}
Tensor ne(const Operand& a, const Operand& b) {
  return compare("ne", a, b, [](auto u, auto v) { return u != v; });
}
Tensor lt(const Operand& a, const Operand& b) {
  return compare("lt", a, b, [](auto u, auto v) { return u < v; });
}
Tensor le(const Operand& a, const Operand& b) {
  return compare("le", a, b, [](auto u, auto v) { return u <= v; });
}
Tensor gt(const Operand& a, const Operand& b) {
  return compare("gt", a, b, [](auto u, auto v) { return u > v; });
}
Tensor ge(const Operand& a, const Operand& b) {
  return compare("ge", a, b, [](auto u, auto v) { return u >= v; });
}

bool equal(const Tensor& a, const Tensor& b) {
  const detail::Running running("equal", a, b);
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  const Tensor x = in_rows(a);
  const Tensor y = in_rows(b);
  return dispatch(a.dtype(), [&]<class T>() {
    return std::equal(x.data<T>(), x.data<T>() + x.numel(), y.data<T>(),
                      [](T u, T v) { return u == v; });
  });
}

bool all_finite(const Tensor& x) {
  const detail::Running running("all_finite", x);
  const Tensor rows = in_rows(x);
  return dispatch(x.dtype(), [&]<class T>() {
    return std::all_of(rows.data<T>(), rows.data<T>() + rows.numel(),
                       [](T v) { return std::isfinite(static_cast<double>(v)); });
  });
}

}  // namespace xgrad
