#pragma once
// Internal: activations and their slopes, of one vector of values, as transcendental.hpp has the
// functions they are made of. Each is worked out from u = e^(−|x|), which cannot overflow, and from
// terms that do not cancel. What multiplies x is 0 long before x is infinite, so that x is bounded
// first: ∞ · 0 would be NaN.

#include <xgrad/ops/kernels/transcendental.hpp>

#include <limits>

namespace xgrad::kernels {
namespace detail {

/// e^(−|x|), and x where both it and that are numbers; NaN stays.
template <class V>
struct Decay {
  using C = Coefficients<ValueOf<V>>;

  V x;
  V u;

  explicit Decay(const V& given)
      : x(at_most(at_least(given, C::least_exponent), -C::least_exponent)),
        u(Exponential<V>(-magnitude(x)).value()) {}
};

/// ln(1 + u) for 0 ≤ u ≤ 1: the logarithm of the rounded sum, and what was rounded away.
template <class V>
V log_above_one(const V& u) {
  const V sum = 1 + u;
  return functions::Log()(sum) + (u - (sum - 1)) / sum;
}

}  // namespace detail

namespace functions {

// x σ(x) = x / (1 + u), times u where x < 0
struct Silu {
  template <class V>
  V operator()(const V& x) const {
    const detail::Decay<V> d(x);
    return x < 0 ? d.x * d.u / (1 + d.u) : x / (1 + d.u);
  }
};

// σ(x) (1 + x σ(−x))
struct SiluSlope {
  template <class V>
  V operator()(const V& x) const {
    const detail::Decay<V> d(x);
    const V share = 1 / (1 + d.u);
    return x < 0 ? d.u * share * (1 + d.x * share) : share * (1 + d.x * d.u * share);
  }
};

// tanh ln(1 + eˣ) = ((1 + eˣ)² − 1) / ((1 + eˣ)² + 1)
struct Mish {
  template <class V>
  V operator()(const V& x) const {
    const detail::Decay<V> d(x);
    const V above = d.u * (d.u + 2);
    const V below = 1 + 2 * d.u;
    return x < 0 ? d.x * (above / (above + 2)) : x * (below / (below + 2 * d.u * d.u));
  }
};

// t + x t' with t' = 4u (1 + u) / (…)², and once more u where x > 0
struct MishSlope {
  template <class V>
  V operator()(const V& x) const {
    const detail::Decay<V> d(x);
    const V square = d.u * d.u;
    const V over = 1 / (x < 0 ? square + 2 * d.u + 2 : 2 * square + 2 * d.u + 1);
    const V top = x < 0 ? square + 2 * d.u : 1 + 2 * d.u;
    const V change = 4 * d.u * (1 + d.u) * over * over;
    return top * over + d.x * (x < 0 ? change : change * d.u);
  }
};

/// x σ(z(x)) with z = 2 √(2/π) (x + 0.044715 x³), which is ½ x (1 + tanh(z / 2)).
struct GeluTanh {
  static constexpr double end = 22;  ///< of x: e^(−|z|) is 0 from here on, in float64 too
  static constexpr double linear = std::numbers::inv_sqrtpi * std::numbers::sqrt2 * 2;
  static constexpr double cubic = 0.044715;

  template <class V>
  struct Gate {
    using T = detail::ValueOf<V>;
    V x;
    V u;  // e^(−|z|)
    V slope;

    explicit Gate(const V& given)
        : x(detail::at_most(detail::at_least(given, T(-end)), T(end))),
          u(Exp()(-detail::magnitude<V>(x * (T(linear) + T(linear * cubic) * x * x)))),
          slope(T(linear) + T(3 * linear * cubic) * x * x) {}
  };

  template <class V>
  V operator()(const V& x) const {
    const Gate<V> g(x);
    return x < 0 ? g.x * g.u / (1 + g.u) : x / (1 + g.u);
  }
};

// σ(z) + x z' σ(z) σ(−z)
struct GeluTanhSlope {
  template <class V>
  V operator()(const V& x) const {
    const GeluTanh::Gate<V> g(x);
    const V share = 1 / (1 + g.u);
    return (x < 0 ? g.u * share : share) + g.x * g.slope * g.u * share * share;
  }
};

// max(z, 0) + ln(1 + e^(−|z|)) with z = βx, over β
struct Softplus {
  double beta = 1;
  double threshold = std::numeric_limits<double>::infinity();

  template <class V>
  V operator()(const V& x) const {
    using T = detail::ValueOf<V>;
    const V z = x * static_cast<T>(beta);
    const V rest = detail::log_above_one(detail::Decay<V>(z).u);
    const V y = ((z < 0 ? detail::all<V>(0) : z) + rest) / static_cast<T>(beta);
    return z > static_cast<T>(threshold) ? x : y;
  }
};

// ln(1 + e^(−|x|))
struct SoftplusTail {
  template <class V>
  V operator()(const V& x) const {
    return detail::log_above_one(detail::Decay<V>(x).u);
  }
};

// σ(−|x|) with the sign of x
struct SignedTail {
  template <class V>
  V operator()(const V& x) const {
    const V u = detail::Decay<V>(x).u;
    return detail::with_sign_of<V>(x, u / (1 + u));
  }
};

/// 0 where x is negative, sign bit and all, else 1.
struct Step {
  template <class V>
  V operator()(const V& x) const {
    const V one = detail::all<V>(1);
    return (one + detail::with_sign_of<V>(x, one)) / 2;
  }
};

struct SoftplusSlope {
  double beta = 1;
  double threshold = std::numeric_limits<double>::infinity();

  template <class V>
  V operator()(const V& x) const {
    using T = detail::ValueOf<V>;
    const V z = x * static_cast<T>(beta);
    return z > static_cast<T>(threshold) ? detail::all<V>(1) : Sigmoid()(z);
  }
};

/// p x where x > 0, else n (e^(rx) − 1), for r > 0.
struct Elu {
  double negative = 1;
  double positive = 1;
  double rate = 1;

  /// r x where it is negative, and e to it less than 1 by more than its last place.
  template <class V>
  V exponent(const V& x) const {
    using T = detail::ValueOf<V>;
    return detail::at_least(detail::at_most(x, 0) * static_cast<T>(rate), T(-60));
  }
  template <class V>
  V operator()(const V& x) const {
    using T = detail::ValueOf<V>;
    const V below = detail::Exponential<V>(exponent(x)).value_less_one();
    return x > 0 ? x * static_cast<T>(positive) : below * static_cast<T>(negative);
  }
};

struct EluSlope : Elu {
  template <class V>
  V operator()(const V& x) const {
    using T = detail::ValueOf<V>;
    const V e = Exp()(detail::at_most(x, 0) * static_cast<T>(rate));
    return x > 0 ? detail::all<V>(static_cast<T>(positive)) : e * static_cast<T>(negative * rate);
  }
};

}  // namespace functions

// Of xtensor expressions of float or double; those with parameters by of_expression().

inline constexpr detail::OfExpression<functions::Silu> silu;
inline constexpr detail::OfExpression<functions::SiluSlope> silu_slope;
inline constexpr detail::OfExpression<functions::Mish> mish;
inline constexpr detail::OfExpression<functions::MishSlope> mish_slope;
inline constexpr detail::OfExpression<functions::GeluTanh> gelu_tanh;
inline constexpr detail::OfExpression<functions::GeluTanhSlope> gelu_tanh_slope;
inline constexpr detail::OfExpression<functions::SoftplusTail> softplus_tail;
inline constexpr detail::OfExpression<functions::SignedTail> signed_tail;
inline constexpr detail::OfExpression<functions::Step> step;

}  // namespace xgrad::kernels
