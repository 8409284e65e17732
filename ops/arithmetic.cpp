#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>

#include <cmath>
#include <limits>

namespace xgrad {

using kernels::Expression;
using kernels::Formula;

namespace {

Tensor scalar_like(Scalar value, DType dtype) { return Tensor::empty({}, dtype).fill_(value); }

DType dtype_beside(const Tensor& x, Scalar number) {
  if (is_floating(x.dtype())) return x.dtype();
  return promote(x.dtype(), number.kind() == float64 ? float32 : number.kind());
}

}  // namespace

Operands resolve(const Operand& a, const Operand& b) {
  if (!a.is_tensor() && !b.is_tensor())
    return {scalar_like(*a.scalar(), float32), scalar_like(*b.scalar(), float32)};
  if (!b.is_tensor()) {
    const DType dtype = dtype_beside(a.tensor(), *b.scalar());
    return {to(a.tensor(), dtype), scalar_like(*b.scalar(), dtype)};
  }
  if (!a.is_tensor()) {
    const DType dtype = dtype_beside(b.tensor(), *a.scalar());
    return {scalar_like(*a.scalar(), dtype), to(b.tensor(), dtype)};
  }
  const DType dtype = promote(a.tensor().dtype(), b.tensor().dtype());
  return {to(a.tensor(), dtype), to(b.tensor(), dtype)};
}

// y = a + b;  dL/da = dL/dy, dL/db = dL/dy
Tensor add(const Operand& x, const Operand& y) {
  const auto [a, b] = resolve(x, y);
  const Tensor sum = combine("add", a, b, Formula{[](auto u, auto v) { return u + v; }});
  return record(Op::add, sum,
                wrt(a, [shape = a.shape()](const Tensor& dy) { return sum_to(dy, shape); }),
                wrt(b, [shape = b.shape()](const Tensor& dy) { return sum_to(dy, shape); }));
}

// y = a − b;  dL/da = dL/dy, dL/db = −dL/dy
Tensor sub(const Operand& x, const Operand& y) {
  const auto [a, b] = resolve(x, y);
  const Tensor difference = combine("sub", a, b, Formula{[](auto u, auto v) { return u - v; }});
  return record(Op::sub, difference,
                wrt(a, [shape = a.shape()](const Tensor& dy) { return sum_to(dy, shape); }),
                wrt(b, [shape = b.shape()](const Tensor& dy) { return sum_to(-dy, shape); }));
}

// y = a b;  dL/da = b dL/dy, dL/db = a dL/dy
Tensor mul(const Operand& x, const Operand& y) {
  const auto [a, b] = resolve(x, y);
  const Tensor product = combine("mul", a, b, Formula{[](auto u, auto v) { return u * v; }});
  return record(Op::mul, product,
                wrt(a, [shape = a.shape(),
                        b = saved(b)](const Tensor& dy) { return sum_to(dy * b(), shape); }),
                wrt(b, [shape = b.shape(), a = saved(a)](const Tensor& dy) {
                  return sum_to(dy * a(), shape);
                }));
}

// y = a / b;  dL/da = dL/dy / b, dL/db = −dL/dy a / b²
Tensor div(const Operand& x, const Operand& y) {
  auto [a, b] = resolve(x, y);
  if (!is_floating(a.dtype())) {
    a = to(a, float32);
    b = to(b, float32);
  }
  const Tensor quotient = combine("div", a, b, Formula{[](auto u, auto v) { return u / v; }});
  return record(Op::div, quotient,
                wrt(a, [shape = a.shape(),
                        b = saved(b)](const Tensor& dy) { return sum_to(dy / b(), shape); }),
                wrt(b, [shape = b.shape(), a = saved(a), b = saved(b)](const Tensor& dy) {
                  return sum_to(-dy * a() / square(b()), shape);
                }));
}

namespace {

// std::pow, because xsimd's loses denormals and its last digits for large results.
const Formula power{
    [](auto base, auto exponent) { return static_cast<decltype(base)>(std::pow(base, exponent)); }};

// y = xᵖ;  dL/dx = p xᵖ⁻¹ dL/dy, which ends at 0 after p derivatives where p is whole
Tensor pow_scalar(const Tensor& x, double p) {
  const Tensor y = p == 2 ? map_numeric("pow", x, Formula{[](auto v) { return v * v; }})
                          : combine("pow", x, scalar_like(p, x.dtype()), power);
  return record(Op::pow, y, wrt(x, [x = saved(x), p](const Tensor& dy) {
                  return p == 0 ? dy * 0 : dy * p * pow(x(), p - 1);
                }));
}

}  // namespace

// y = aᵇ;  dL/da = b aᵇ⁻¹ dL/dy, dL/db = aᵇ ln a dL/dy
Tensor pow(const Operand& x, const Operand& y) {
  const auto [a, b] = resolve(x, y);
  if (!y.is_tensor() && !b.requires_grad() && is_floating(a.dtype()))
    return pow_scalar(a, y.scalar()->value());
  const Tensor result = combine("pow", a, b, power);
  return record(Op::pow, result,
                wrt(a,
                    [shape = a.shape(), a = saved(a), b = saved(b)](const Tensor& dy) {
                      const Tensor slope = where(b() == 0, 0, b() * pow(a(), b() - 1));
                      return sum_to(dy * slope, shape);
                    }),
                wrt(b, [shape = b.shape(), a = saved(a), b = saved(b)](const Tensor& dy) {
                  const Tensor base = where(a() == 0, 1, a());
                  return sum_to(dy * pow(a(), b()) * log(base), shape);
                }));
}

namespace {

// How much of the gradient goes to `a` where the larger (or smaller) of a and b was taken.
Tensor share(const Tensor& a, const Tensor& b) { return where(a == b, 0.5, to(a > b, a.dtype())); }

}  // namespace

// y = max(a, b);  dL/da = dL/dy where a > b, half of it where equal
Tensor maximum(const Operand& x, const Operand& y) {
  const auto [a, b] = resolve(x, y);
  const Tensor larger =
      combine("maximum", a, b, Formula{[](auto u, auto v) { return u > v || u != u ? u : v; }});
  return record(Op::maximum, larger,
                wrt(a, [shape = a.shape(), a = saved(a), b = saved(b)](
                           const Tensor& dy) { return sum_to(dy * share(a(), b()), shape); }),
                wrt(b, [shape = b.shape(), a = saved(a), b = saved(b)](const Tensor& dy) {
                  return sum_to(dy * share(b(), a()), shape);
                }));
}

// y = min(a, b);  dL/da = dL/dy where a < b, half of it where equal
Tensor minimum(const Operand& x, const Operand& y) {
  const auto [a, b] = resolve(x, y);
  const Tensor smaller =
      combine("minimum", a, b, Formula{[](auto u, auto v) { return u < v || u != u ? u : v; }});
  return record(Op::minimum, smaller,
                wrt(a, [shape = a.shape(), a = saved(a), b = saved(b)](
                           const Tensor& dy) { return sum_to(dy * share(b(), a()), shape); }),
                wrt(b, [shape = b.shape(), a = saved(a), b = saved(b)](const Tensor& dy) {
                  return sum_to(dy * share(a(), b()), shape);
                }));
}

// y = a where c, b elsewhere;  dL/da = dL/dy where c, dL/db = dL/dy elsewhere, 0 otherwise
Tensor where(const Tensor& condition, const Operand& x, const Operand& y) {
  require<DTypeError>(condition.dtype() == boolean,
                      "where: the condition is {}, it must be bool; compare, as in where(x > 0, …)",
                      condition.dtype());
  const auto [a, b] = resolve(x, y);
  const Shape shape =
      broadcast(condition.shape(), broadcast(a.shape(), b.shape(), "where"), "where");
  Tensor chosen = Tensor::empty(shape, a.dtype());
  const profiler::Scope scope("where", [&, &left = a, &right = b] {
    return profiler::work_on({&condition, &left, &right, &chosen});
  });
  dispatch(a.dtype(), [&, &left = a, &right = b]<class T>() {
    kernels::map([](bool c, T u, T v) { return c ? u : v; }, shape, chosen.mutable_data<T>(),
                 condition.data<bool>(), condition.shape(), left.template data<T>(), left.shape(),
                 right.template data<T>(), right.shape());
  });
  return record(Op::where, chosen,
                wrt(a, [shape = a.shape(), c = saved(condition)](
                           const Tensor& dy) { return sum_to(where(c(), dy, 0), shape); }),
                wrt(b, [shape = b.shape(), c = saved(condition)](const Tensor& dy) {
                  return sum_to(where(c(), 0, dy), shape);
                }));
}

// y = −x;  dL/dx = −dL/dy
Tensor neg(const Tensor& x) {
  return record(Op::neg, map_numeric("neg", x, Formula{[](auto v) { return -v; }}),
                wrt(x, [](const Tensor& dy) { return -dy; }));
}

// y = |x|;  dL/dx = sign(x) dL/dy
Tensor abs(const Tensor& x) {
  const Tensor y = map_numeric("abs", x, Formula{[](auto v) { return std::abs(v); }});
  return record(Op::abs, y, wrt(x, [x = saved(x)](const Tensor& dy) { return dy * sign(x()); }));
}

// y = eˣ;  dL/dx = y dL/dy
Tensor exp(const Tensor& x) {
  const Tensor y = map_floating("exp", x, Expression{[](const auto& v) { return xt::exp(v); }});
  return record(Op::exp, y, wrt(x, [y = saved_result(y)](const Tensor& dy) { return dy * y(); }));
}

namespace {

// xsimd takes denormals for negative numbers and gives NaN for them.
template <class T>
void mend_log_of_denormals(const T* x, T* y, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    if (x[i] > 0 && x[i] < std::numeric_limits<T>::min()) y[i] = std::log(x[i]);
}

}  // namespace

// y = ln x;  dL/dx = dL/dy / x
Tensor log(const Tensor& x) {
  Tensor y = map_floating("log", x, Expression{[](const auto& v) { return xt::log(v); }});
  dispatch_floating(x.dtype(), "log", [&]<class T>() {
    mend_log_of_denormals(x.data<T>(), y.mutable_data<T>(), x.numel());
  });
  return record(Op::log, y, wrt(x, [x = saved(x)](const Tensor& dy) { return dy / x(); }));
}

// y = √x;  dL/dx = dL/dy / 2y
Tensor sqrt(const Tensor& x) {
  const Tensor y = map_floating("sqrt", x, Expression{[](const auto& v) { return xt::sqrt(v); }});
  return record(Op::sqrt, y,
                wrt(x, [y = saved_result(y)](const Tensor& dy) { return dy / (2 * y()); }));
}

// y = x²;  dL/dx = 2x dL/dy
Tensor square(const Tensor& x) {
  const Tensor y = map_numeric("square", x, Formula{[](auto v) { return v * v; }});
  return record(Op::square, y, wrt(x, [x = saved(x)](const Tensor& dy) { return 2 * dy * x(); }));
}

// y = tanh x;  dL/dx = (1 − y²) dL/dy
Tensor tanh(const Tensor& x) {
  const Tensor y = map_floating("tanh", x, Expression{[](const auto& v) { return xt::tanh(v); }});
  return record(Op::tanh, y,
                wrt(x, [y = saved_result(y)](const Tensor& dy) { return dy * (1 - square(y())); }));
}

// y = erf x;  dL/dx = 2/√π e^(−x²) dL/dy
Tensor erf(const Tensor& x) {
  const Tensor y = map_floating("erf", x, Expression{[](const auto& v) { return xt::erf(v); }});
  return record(Op::erf, y, wrt(x, [x = saved(x)](const Tensor& dy) {
                  return dy * (2 * std::numbers::inv_sqrtpi) * exp(-square(x()));
                }));
}

// y = 1 / (1 + e⁻ˣ);  dL/dx = y (1 − y) dL/dy
Tensor sigmoid(const Tensor& x) {
  const Tensor y = map_floating("sigmoid", x, Expression{[](const auto& v) {
                                  using T = typename std::decay_t<decltype(v)>::value_type;
                                  return T(1) / (T(1) + xt::exp(-v));
                                }});
  return record(Op::sigmoid, y,
                wrt(x, [y = saved_result(y)](const Tensor& dy) { return dy * y() * (1 - y()); }));
}

// y = min(max(x, lo), hi);  dL/dx = dL/dy where lo ≤ x ≤ hi, else 0
Tensor clamp(const Tensor& x, std::optional<double> min, std::optional<double> max) {
  require<ValueError>(min || max, "clamp: neither a minimum nor a maximum was given");
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const double low = min.value_or(-infinity);
  const double high = max.value_or(infinity);
  const Tensor y = map_numeric(
      "clamp", x, Formula{[low, high](auto v) {
        using T = decltype(v);
        const auto wide = static_cast<double>(v);
        return wide < low ? static_cast<T>(low) : wide > high ? static_cast<T>(high) : v;
      }});
  return record(Op::clamp, y, wrt(x, [x = saved(x), low, high](const Tensor& dy) {
                  return where(x() < low, 0, where(x() > high, 0, dy));
                }));
}

// y = x in another dtype;  dL/dx = dL/dy in x's dtype
Tensor to(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::empty(x.shape(), dtype);
  detail::copy_values(x, y);
  if (!is_floating(dtype)) return y;
  return record(Op::to, y, wrt(x, [dtype = x.dtype()](const Tensor& dy) { return to(dy, dtype); }));
}

Tensor clone(const Tensor& x) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  detail::copy_values(x, y);
  return record(Op::clone, y, wrt(x, [](const Tensor& dy) { return dy; }));
}

Tensor sign(const Tensor& x) {
  return map_numeric("sign", x, Formula{[](auto v) {
                       using T = decltype(v);
                       return static_cast<T>(v > 0 ? 1 : v < 0 ? -1 : 0);
                     }});
}

namespace {

template <class F>
Tensor compare(const char* operation, const Operand& x, const Operand& y, F f) {
  const auto [a, b] = resolve(x, y);
  Tensor result = Tensor::empty(broadcast(a.shape(), b.shape(), operation), boolean);
  const profiler::Scope scope(operation, [&, &left = a, &right = b] {
    return profiler::work_on({&left, &right, &result}, 1);
  });
  dispatch(a.dtype(), [&, &left = a, &right = b]<class T>() {
    kernels::map(Formula{f}, result.shape(), result.mutable_data<bool>(), left.template data<T>(),
                 left.shape(), right.template data<T>(), right.shape());
  });
  return result;
}

}  // namespace

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
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  return dispatch(a.dtype(), [&]<class T>() {
    return std::equal(a.data<T>(), a.data<T>() + a.numel(), b.data<T>());
  });
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol) {
  require<ShapeError>(a.shape() == b.shape(), "allclose: shapes {} and {}", a.shape(), b.shape());
  const Tensor x = to(a, float64);
  const Tensor y = to(b, float64);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const double u = x.data<double>()[i];
    const double v = y.data<double>()[i];
    if (u != v && !(std::abs(u - v) <= atol + rtol * std::abs(v))) return false;
  }
  return true;
}

bool all_finite(const Tensor& x) {
  return dispatch(x.dtype(), [&]<class T>() {
    return std::all_of(x.data<T>(), x.data<T>() + x.numel(),
                       [](T v) { return std::isfinite(static_cast<double>(v)); });
  });
}

}  // namespace xgrad
