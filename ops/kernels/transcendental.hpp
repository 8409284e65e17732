#pragma once
// Internal: the transcendental functions, of one vector of values and in xtensor's expressions.
//
// Ours, because xsimd 8's are wrong where eˣ nears the ends of the range and up to 68 units in the
// last place off in float64's erf, and have no erfc that stays right in its tail. Here every value
// is worked out by the same steps, with selections in place of branches: a result depends on its
// argument alone. Vectors are those of GCC and Clang (vector.hpp), of the size of xsimd's. The
// coefficients are minimax polynomials by Remez's algorithm, lowest power first.

#include <xgrad/ops/kernels/vector.hpp>
#include <xgrad/ops/kernels/xtensor.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>
#include <utility>

namespace xgrad::kernels {
namespace detail {

template <class V>
using ValueOf = std::remove_cvref_t<decltype(std::declval<V&>()[0])>;

/// Integers of the width of V's values.
template <class V>
using BitsOf = Vector<std::conditional_t<sizeof(ValueOf<V>) == 4, std::int32_t, std::int64_t>,
                      sizeof(V) / sizeof(ValueOf<V>)>;

/// How T is laid out: sign, exponent, significand.
template <class T>
struct Format {
  using Bits = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  static constexpr int significand = std::numeric_limits<T>::digits - 1;
  static constexpr Bits bias = std::numeric_limits<T>::max_exponent - 1;
  static constexpr Bits magnitude = std::numeric_limits<Bits>::max();
  /// Added to a small value, its last bit counts ones: the sum's bits are a whole number.
  static constexpr T whole = T(3) * static_cast<T>(Bits{1} << (significand - 1));
};

template <class T>
struct Coefficients;

template <>
struct Coefficients<float> {
  // ln 2 = high + low; high times any exponent is exact.
  static constexpr float ln2_high = 0.693145752F;
  static constexpr float ln2_low = 1.42860677e-6F;
  // (eˣ − 1 − x) / x² for |x| ≤ ½ ln 2, relative error of eˣ 2⁻²⁷·⁹
  static constexpr std::array exponential{0.49999994F, 0.166665256F, 0.0416683406F, 0.00836824439F,
                                          0.00138148991F};
  // (ln((1 + s) / (1 − s)) / s − 2) / s² in s², for |s| ≤ (√2 − 1) / (√2 + 1), 2⁻³⁰
  static constexpr std::array logarithm{0.6666677F, 0.3997809F, 0.298592687F};
  // erf(x) / x in x², for |x| ≤ 1, 2⁻³⁴·⁸
  static constexpr std::array error_function{1.12837923F,    -0.376126379F,  0.112837821F,
                                             -0.0268654004F, 0.00522094592F, -0.000848283293F,
                                             0.0001125696F,  -9.64150695e-6F};
  // ln(erfc(x)) for 1 ≤ x ≤ 4, relative error of erf 2⁻²⁹·⁸
  static constexpr std::array log_complement{-0.000341746025F, -1.12708831F,  -0.63814646F,
                                             -0.103105314F,    0.0218373537F, -0.00294747623F,
                                             0.000186360194F};
  static constexpr float erf_end = 4;  // erf is 1 from here on
  // (x + 3) e^(x²) erfc(x) in (x − 3) / (x + 3), for 0 ≤ x ≤ 10.35, 2⁻²⁸·⁷
  static constexpr std::array scaled_complement{
      1.07400692F,    -0.88339448F,    0.59022826F,    -0.310465962F,    0.119529225F,
      -0.0268401783F, -0.00122735428F, 0.00308069843F, -0.000481408613F, -0.000324414461F};
  static constexpr float least_exponent = -104;  // e to it is less than half the least denormal
  static constexpr float largest_exponent = 89;
  static constexpr float gaussian_end = 10.3F;  // e^(−x²) is 0 from here on
};

template <>
struct Coefficients<double> {
  static constexpr double ln2_high = 0.69314718055989033;
  static constexpr double ln2_low = 5.4979230187083712e-14;
  // 2⁻⁵⁷·⁵
  static constexpr std::array exponential{
      0.50000000000000078,   0.16666666666666435,    0.041666666666548724,  0.0083333333334876924,
      0.0013888888939180145, 0.00019841269509927184, 2.4801497359014469e-5, 2.7557590884869357e-6,
      2.7628830652011051e-7, 2.4996804144619059e-8};
  // 2⁻⁵⁹
  static constexpr std::array logarithm{
      0.66666666666667151, 0.39999999999520991, 0.28571428721928799, 0.22222200450441598,
      0.1818347523013249,  0.15316162835678376, 0.14776154817538867};
  // 2⁻⁶²
  static constexpr std::array error_function{
      1.1283791670955126,     -0.37612638903183748,   0.11283791670954858,
      -0.026866170645072959,  0.0052239776247813702,  -0.00085483269787651485,
      0.00012055331037551108, -1.4925593518728226e-5, 1.6460972954153765e-6,
      -1.6350026192077269e-7, 1.4657883530919653e-8,  -1.136567067182716e-9,
      5.945255584223488e-11};
  // for 1 ≤ x ≤ 6, 2⁻⁵⁷
  static constexpr std::array log_complement{
      -5.0292812812690656e-07, -1.1283740887217641,     -0.63664363146284486,
      -0.10270343020164423,    0.01899016107276575,     0.00041065282448651304,
      -0.0019159699265722777,  0.00077066526615454255,  -0.00013506475833167329,
      -2.0259249955432116e-05, 2.2819494491560844e-05,  -8.6662076919192215e-06,
      2.1354419671274444e-06,  -3.7325889209747936e-07, 4.6416867573961554e-08,
      -3.9336922752386108e-09, 2.0446341424094446e-10,  -4.9277428036286581e-12};
  static constexpr double erf_end = 6;
  // for 0 ≤ x ≤ 27.55, 2⁻⁵⁷
  static constexpr std::array scaled_complement{
      1.0740069070883398,      -0.88339445316988352,   0.59022835710409949,
      -0.31046726190057394,    0.11952776128743586,    -0.026827234624308405,
      -0.0012124166306109174,  0.0030340619990356101,  -0.00054830965139423583,
      -0.00027677782932471824, 0.00010756121039532196, 3.0398067556688124e-5,
      -1.7469401892199833e-5,  -4.748824325223849e-6,  2.762281442224144e-6,
      9.9769027025634844e-7,   -4.0271894468616273e-7, -2.3107371020725925e-7,
      4.0706583686105586e-8,   4.7422974456784916e-8,  1.894518293676598e-9,
      -5.990177978386194e-9,   -1.4024395007115706e-9};
  static constexpr double least_exponent = -746;
  static constexpr double largest_exponent = 710;
  static constexpr double gaussian_end = 27.5;
};

template <class V>
V all(ValueOf<V> value) {
  return value - V{};  // to add 0 is not folded: it changes −0
}

template <class V, class T, std::size_t... I>
V polynomial(const V& x, const std::array<T, sizeof...(I) + 1>& c, std::index_sequence<I...>) {
  V sum = all<V>(c.back());
  ((sum = sum * x + c[sizeof...(I) - 1 - I]), ...);
  return sum;
}

template <class V, class T, std::size_t N>
V polynomial(const V& x, const std::array<T, N>& c) {
  return polynomial(x, c, std::make_index_sequence<N - 1>());
}

template <class V>
V magnitude(const V& x) {
  return (V)((BitsOf<V>)x & Format<ValueOf<V>>::magnitude);
}

template <class V>
V with_sign_of(const V& x, const V& y) {
  return (V)((BitsOf<V>)y | ((BitsOf<V>)x & ~Format<ValueOf<V>>::magnitude));
}

/// NaN stays NaN.
template <class V>
V at_most(const V& x, ValueOf<V> largest) {
  return all<V>(largest) < x ? all<V>(largest) : x;
}

template <class V>
V at_least(const V& x, ValueOf<V> least) {
  return all<V>(least) > x ? all<V>(least) : x;
}

/// eˣ = 2ⁿ eʳ with |r| ≤ ½ ln 2. NaN gives a NaN r.
template <class V>
class Exponential {
 public:
  explicit Exponential(const V& x)
      : counted_(counted(x)), r_(reduced(x)), curve_(polynomial(r_, C::exponential)) {}
  /// Of x + low, low being small beside x.
  Exponential(const V& x, const V& low)
      : counted_(counted(x + low)), r_(reduced(x) + low), curve_(polynomial(r_, C::exponential)) {}

  V value() const {
    // In two steps, each with a normal number, so that a denormal result is rounded once.
    const Bits half = (Bits)counted_ >> 1;
    const V first = (V)((Bits)(1 + r_ * (1 + r_ * curve_)) + (half << F::significand));
    return first * power((Bits)counted_ - half);
  }

  /// eˣ − 1 for x ≥ 0 far from overflow.
  V value_less_one() const {
    const V scale = power((Bits)counted_);
    return scale * (r_ + r_ * r_ * curve_) + (scale - 1);
  }

 private:
  using T = ValueOf<V>;
  using C = Coefficients<T>;
  using F = Format<T>;
  using Bits = BitsOf<V>;

  static V counted(const V& x) { return x * std::numbers::log2e_v<T> + F::whole; }
  V reduced(const V& x) const {
    const V n = counted_ - F::whole;
    return (x - n * C::ln2_high) - n * C::ln2_low;
  }
  // The bits of F::whole, and their half, are shifted out.
  static V power(const Bits& n) { return (V)((n << F::significand) + (Bits)all<V>(1)); }

  V counted_;
  V r_;
  V curve_;  // (eʳ − 1 − r) / r²
};

/// e^(−x²) or e^(−x²/2) for 0 ≤ x ≤ gaussian_end; the square is not rounded, whose error would
/// count x² times.
template <class V>
V gaussian(const V& x, ValueOf<V> factor) {
  using F = Format<ValueOf<V>>;
  constexpr auto leading = ~((typename F::Bits{1} << ((F::significand + 2) / 2)) - 1);
  const V high = (V)((BitsOf<V>)x & leading);
  return Exponential<V>(high * high * -factor, (x - high) * (x + high) * -factor).value();
}

/// e^(x²) erfc(x) for 0 ≤ x ≤ gaussian_end
template <class V>
V scaled_complement(const V& x) {
  const V inverse = 1 / (x + 3);
  return inverse * polynomial<V>((x - 3) * inverse, Coefficients<ValueOf<V>>::scaled_complement);
}

/// Of the normal distribution at −|x|: its density and its cumulative function over e^(−x²/2).
template <class V>
struct NormalTail {
  V x;
  V decay;
  V share;

  explicit NormalTail(const V& signed_x) {
    using T = ValueOf<V>;
    constexpr T half_root = std::numbers::sqrt2_v<T> / 2;
    x = at_most(magnitude(signed_x), Coefficients<T>::gaussian_end / half_root);
    decay = gaussian(x, T(0.5));
    share = T(0.5) * scaled_complement<V>(x * half_root);
  }
};

}  // namespace detail

namespace functions {

/// Denormal results included.
struct Exp {
  template <class V>
  V operator()(const V& x) const {
    using C = detail::Coefficients<detail::ValueOf<V>>;
    const V bounded = detail::at_most(x, C::largest_exponent);
    return detail::Exponential<V>(detail::at_least(bounded, C::least_exponent)).value();
  }
};

struct Log {
  template <class V>
  V operator()(const V& x) const {
    using T = detail::ValueOf<V>;
    using C = detail::Coefficients<T>;
    using F = detail::Format<T>;
    using I = detail::BitsOf<V>;
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const I denormal = (I)(x < std::numeric_limits<T>::min());
    const I bits = (I)detail::magnitude<V>(
        denormal ? x * static_cast<T>(typename F::Bits{1} << F::significand) : x);
    // x = 2ᵉ (1 + f), with 1 + f between √½ and √2
    const I above = bits - (I)detail::all<V>(std::numbers::sqrt2_v<T> / 2);
    const I exponent = above >> F::significand;
    const V f = (V)(bits - (exponent << F::significand)) - 1;
    const V whole = detail::all<V>(F::whole);
    const V e = (V)((I)whole + exponent - (denormal & F::significand)) - whole;
    // ln(1 + f) = f − f²/2 + s (f²/2 + R(s²))
    const V s = f / (2 + f);
    const V square = s * s;
    const V half = f * f * T(0.5);
    const V rest = s * (half + square * detail::polynomial(square, C::logarithm));
    const V y = e * C::ln2_high - ((half - (rest + e * C::ln2_low)) - f);
    const V defined = x < infinity ? y : x;
    return x > 0    ? defined
           : x == 0 ? detail::all<V>(-infinity)
                    : detail::all<V>(std::numeric_limits<T>::quiet_NaN());
  }
};

// (e²ˣ − 1) / (e²ˣ + 1)
struct Tanh {
  template <class V>
  V operator()(const V& x) const {
    // From 20 on the result is 1, in float64 too.
    const V less_one =
        detail::Exponential<V>(2 * detail::at_most(detail::magnitude(x), 20)).value_less_one();
    return detail::with_sign_of<V>(x, less_one / (less_one + 2));
  }
};

// eˣ / (1 + eˣ) for negative x: e⁻ˣ would overflow where the result does not.
struct Sigmoid {
  template <class V>
  V operator()(const V& x) const {
    using C = detail::Coefficients<detail::ValueOf<V>>;
    const V below = detail::at_least<V>(-detail::magnitude(x), C::least_exponent);
    const V e = detail::Exponential<V>(below).value();
    return (x < 0 ? e : detail::all<V>(1)) / (1 + e);
  }
};

struct Erfc {
  template <class V>
  V operator()(const V& x) const {
    using T = detail::ValueOf<V>;
    const V a = detail::at_most(detail::magnitude(x), detail::Coefficients<T>::gaussian_end);
    const V tail = detail::scaled_complement(a) * detail::gaussian(a, T(1));
    return x < 0 ? 2 - tail : tail;
  }
};

struct Erf {
  template <class V>
  V operator()(const V& x) const {
    using C = detail::Coefficients<detail::ValueOf<V>>;
    const V a = detail::magnitude(x);
    const V near = a * detail::polynomial<V>(x * x, C::error_function);
    const V log_tail = detail::polynomial(detail::at_most(a, C::erf_end), C::log_complement);
    const V tail = detail::Exponential<V>(log_tail).value();
    return detail::with_sign_of<V>(x, a < 1 ? near : 1 - tail);
  }
};

// x Φ(x) = x − x Φ(−x): of the two, the one that does not cancel.
struct Gelu {
  template <class V>
  V operator()(const V& x) const {
    const detail::NormalTail<V> t(x);
    const V tail = t.x * t.share * t.decay;
    return x < 0 ? -tail : x - tail;
  }
};

// Φ(x) + x φ(x) = 1 − (Φ(−x) − x φ(x))
struct GeluSlope {
  template <class V>
  V operator()(const V& x) const {
    using T = detail::ValueOf<V>;
    constexpr T density_at_0 = std::numbers::inv_sqrtpi_v<T> * std::numbers::sqrt2_v<T> / 2;
    const detail::NormalTail<V> t(x);
    const V tail = (t.share - t.x * density_at_0) * t.decay;
    return x < 0 ? tail : 1 - tail;
  }
};

}  // namespace functions

namespace detail {

/// A function of vectors as one of xtensor's values and of xsimd's registers.
template <class F>
struct Registers {
  [[no_unique_address]] F f;

  template <std::floating_point T>
  T operator()(const T& x) const {
    return f(all<Vector<T, 16 / sizeof(T)>>(x))[0];
  }
  template <class T, class Processor>
  xsimd::batch<T, Processor> operator()(const xsimd::batch<T, Processor>& x) const {
    constexpr std::size_t size = xsimd::batch<T, Processor>::size;
    alignas(64) std::array<T, size> values;
    x.store_aligned(values.data());
    Vector<T, size> v;
    load(values.data(), v);
    store(f(v), values.data());
    return xsimd::batch<T, Processor>::load_aligned(values.data());
  }
};

template <class F>
struct OfExpression {
  [[no_unique_address]] F f = {};  ///< may hold parameters

  template <class E>
  auto operator()(E&& x) const {
    return xt::make_lambda_xfunction(Registers<F>{f}, std::forward<E>(x));
  }
};
template <class F>
OfExpression(F) -> OfExpression<F>;

}  // namespace detail

/// A function of vectors, with parameters or without, of xtensor expressions of float or double.
template <class F>
detail::OfExpression<F> of_expression(const F& f) {
  return {f};
}

// Of xtensor expressions of float or double.

inline constexpr detail::OfExpression<functions::Exp> exp;
inline constexpr detail::OfExpression<functions::Log> log;
inline constexpr detail::OfExpression<functions::Tanh> tanh;
inline constexpr detail::OfExpression<functions::Sigmoid> sigmoid;
inline constexpr detail::OfExpression<functions::Erf> erf;
inline constexpr detail::OfExpression<functions::Erfc> erfc;
/// x Φ(x), Φ being the normal distribution's cumulative function.
inline constexpr detail::OfExpression<functions::Gelu> gelu;
/// gelu's derivative, Φ(x) + x φ(x).
inline constexpr detail::OfExpression<functions::GeluSlope> gelu_slope;

}  // namespace xgrad::kernels
