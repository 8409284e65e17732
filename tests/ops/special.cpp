// Special functions: values worked out to 30 digits, sweeps against the C library's long double,
// poles and gradients by hand.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;
using Function = std::function<Tensor(const Tensor&)>;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

/// Units in the last place of `right` that `found` is off by.
double units_off(double found, long double right) {
  if (static_cast<long double>(found) == right) return 0;
  const double near = std::abs(static_cast<double>(right));
  const double unit = std::nextafter(near, infinity) - near;
  return static_cast<double>(std::abs(static_cast<long double>(found) - right) /
                             static_cast<long double>(unit));
}

double at(const Function& f, double x) { return f(full({}, x, {.dtype = float64})).item(); }

struct Known {
  double x, y;
};

/// The literals are rounded themselves, by half a unit.
void check_known(const Function& f, double units, const std::vector<Known>& points) {
  for (const Known& known : points) {
    CAPTURE(known.x);
    CHECK(units_off(at(f, known.x), static_cast<long double>(known.y)) <= units + 0.5);
  }
}

/// The largest error of f beside `right` on n values from low to high.
double worst(const Function& f, long double (*right)(long double), double low, double high) {
  const Tensor x = uniform({is_long() ? 200000 : 4000}, low, high, 5);
  const Values given = values(x);
  const Values found = values(f(x));
  double most = 0;
  for (std::size_t i = 0; i < given.size(); ++i)
    most = std::max(most, units_off(found[i], right(static_cast<long double>(given[i]))));
  return most;
}

/// Equal, where NaN is NaN and zeros have signs.
void check_same(const Tensor& found, const Values& expected) {
  const Values given = values(found);
  REQUIRE(given.size() == expected.size());
  for (std::size_t i = 0; i < given.size(); ++i) {
    CAPTURE(i);
    if (std::isnan(expected[i])) {
      CHECK(std::isnan(given[i]));
    } else {
      CHECK(given[i] == expected[i]);
      CHECK(std::signbit(given[i]) == std::signbit(expected[i]));
    }
  }
}

Values slope(const Function& f, const Values& points) {
  const Tensor x = from_vector(points).requires_grad_();
  f(x).sum().backward();
  return values(x.grad());
}

Tensor plain_logit(const Tensor& x) { return logit(x); }
/// The C library has an lgamma as well.
Tensor log_gamma(const Tensor& x) { return lgamma(x); }
Function order(std::int64_t n) {
  return [n](const Tensor& x) { return polygamma(n, x); };
}

}  // namespace

TEST_CASE("special functions at known points, to the units that the header states") {
  check_known(plain_logit, 2,
              {{0.125, -1.9459101490553132},
               {0.5, 0},
               {0.5625, 0.25131442828090605},
               {0.875, 1.9459101490553132},
               {1e-300, -690.7755278982137}});
  check_known(erfinv, 2,
              {{-0.5, -0.4769362762044699},
               {0.125, 0.11123545184094996},
               {0.96875, 1.523019401996956},
               {1e-300, 8.86226925452758e-301},
               {1 - 0x1p-53, 5.8635847487551676}});
  check_known(log_gamma, 1,
              {{0.5, 0.5723649429247001},
               {5, 3.1780538303479458},
               {-0.5, 1.2655121234846454},
               {-2.5, -0.056243716497674054},
               {1.125, -0.06002318412603958}});
  check_known(digamma, 1,
              {{1, -0.5772156649015329},
               {0.5, -1.9635100260214235},
               {1.5, 0.03648997397857652},
               {20, 2.970523992242149},
               {1e-5, -100000.57719921567},
               {1.4375, -0.023613544005297898},
               {1.46875, 0.006865411470735777}});
  // Each of its two terms by reflection is of the size of 1.
  CHECK(std::abs(at(digamma, -0.5) - 0.03648997397857652) <= 0x1p-52);
  check_known(order(1), 1,
              {{1, 1.6449340668482264}, {0.5, 4.934802200544679}, {-0.5, 8.934802200544679}});
  check_known(order(2), 1, {{1, -2.4041138063191885}, {-1.25, 123.72136678366236}});
  check_known(order(3), 1, {{2.5, 0.22390584881725206}});
  check_known(order(5), 1, {{30, 1.0726994936161623e-06}});
  check_known(order(100), 1, {{2, -3.6810701397980478e+127}});
  check_known(order(200), 2, {{40, -7.68917391988395e+52}});
  check_known(i0, 1,
              {{0.5, 1.0634833707413236},
               {3, 4.8807925858650245},
               {-19.5, 26760525.339838766},
               {20.5, 70922869.83431701},
               {700, 1.5295933476718737e+302}});
  check_known(i0e, 1,
              {{-0.5, 0.6450352704491501},
               {3, 0.2430003541618254},
               {19.5, 0.09093943209515648},
               {20.5, 0.08866442901574524},
               {1e4, 0.003989472674604732}});
  check_known(i1, 1,
              {{0.5, 0.2578943053908963},
               {-3, -3.9533702174026093},
               {19.5, 26065069.264457166},
               {20.5, 69170831.67918438},
               {-700, -1.5285003902339006e+302}});
  check_known(i1e, 1,
              {{0.5, 0.1564208031848717},
               {3, 0.19682671329730086},
               {-19.5, -0.08857608609431485},
               {20.5, 0.08647411349408725},
               {1e4, 0.003989273195983662}});
  check_known(sinc, 2.5,
              {{0.5, 0.6366197723675814},
               {1.25, -0.18006326323142122},
               {-2.75, 0.08184693783246419},
               {1000000.5, 3.1830972702892714e-07},
               {1 + 0x1p-40, -9.094947017721011e-13}});
}

TEST_CASE("special functions on sweeps, beside the C library's in long double") {
  // Away from ½, where the logarithms cancel.
  const auto log_odds = [](long double x) { return std::log(x) - std::log1p(-x); };
  CHECK(worst(plain_logit, log_odds, 0, 0.49) <= 2);
  CHECK(worst(plain_logit, log_odds, 0.51, 1) <= 2);
  // One step of Newton's method from what is right to double's last digits.
  const auto inverse = [](long double y) {
    long double x = static_cast<long double>(at(erfinv, static_cast<double>(y)));
    const long double half_root = std::sqrt(std::numbers::pi_v<long double>) / 2;
    const long double off = y > 0 ? (1 - y) - std::erfc(x) : std::erfc(-x) - (1 + y);
    return x - off * half_root * std::exp(x * x);
  };
  CHECK(worst(erfinv, inverse, 0.5, 1) <= 2);
  CHECK(worst(erfinv, inverse, -1, -0.5) <= 2);
  // The C library's of double is off by up to 6 units below 0.
  const auto library = [](long double x) {
    return static_cast<long double>(std::lgamma(static_cast<double>(x)));
  };
  CHECK(worst(log_gamma, library, 0, 40) <= 3);
  CHECK(worst(log_gamma, library, -10, 0) <= 7);
  // ψ(2x) = ψ(x)/2 + ψ(x + ½)/2 + ln 2 (DLMF 5.5.8), whose terms round once each.
  const Tensor x = uniform({2000}, 0.25, 30, 6);
  CHECK(allclose(digamma(2 * x), (digamma(x) + digamma(x + 0.5)) / 2 + std::numbers::ln2, 0,
                 4 * 0x1p-52 * 5));
  // ψ⁽ⁿ⁾(x) − ψ⁽ⁿ⁾(x + 1) = (−1)ⁿ⁺¹ n! / xⁿ⁺¹ (DLMF 5.15.5): some roundings of the first term.
  const Tensor whole = polygamma(3, x);
  CHECK(max(abs((whole - polygamma(3, x + 1) - 6 / pow(x, 4)) / whole)).item() <= 4 * 0x1p-52);
}

TEST_CASE("special functions at poles and ends") {
  const Values ends{0., -0., 1, infinity, -infinity, undefined};
  const Tensor x = from_vector(ends);
  check_same(plain_logit(x), {-infinity, -infinity, infinity, undefined, undefined, undefined});
  constexpr double log3 = 1.0986122886681098F;
  check_same(logit(tensor({-1., 2., 0.25, undefined}), 0.25), {-log3, log3, -log3, undefined});
  check_same(erfinv(x), {0, -0., infinity, undefined, undefined, undefined});
  check_same(erfinv(tensor({-1., 1.5})), {-infinity, undefined});
  check_same(lgamma(x), {infinity, infinity, 0, infinity, infinity, undefined});
  check_same(lgamma(tensor({-3., 2.})), {infinity, 0});
  check_same(digamma(tensor({0., -0., -2., infinity, -infinity, undefined})),
             {-infinity, infinity, undefined, infinity, undefined, undefined});
  check_same(polygamma(1, tensor({0., -0., -2., infinity, -infinity, undefined})),
             {infinity, infinity, infinity, 0, undefined, undefined});
  check_same(polygamma(2, tensor({0., -2., infinity})), {-infinity, -infinity, -0.});
  check_same(i0(tensor({0., infinity, -infinity, undefined})), {1, infinity, infinity, undefined});
  check_same(i0e(tensor({0., infinity, -infinity, undefined})), {1, 0, 0, undefined});
  check_same(i1(tensor({0., -0., infinity, -infinity, undefined})),
             {0, -0., infinity, -infinity, undefined});
  check_same(i1e(tensor({0., -0., infinity, -infinity, undefined})), {0, -0., 0, -0., undefined});
  check_same(abs(sinc(x)), {1, 1, 0, undefined, undefined, undefined});
  check_same(abs(sinc(tensor({-3., 1e6, 0.}))), {0, 0, 1});
}

TEST_CASE("gradients of special functions at awkward places") {
  CHECK(slope(erfinv, {1, -1, 0}) == Values{infinity, infinity, 0.5 / std::numbers::inv_sqrtpi});
  const Values outside = slope(plain_logit, {-1, 2, 0.5, 0, 1});
  CHECK(std::isnan(outside[0]));
  CHECK(std::isnan(outside[1]));
  CHECK(outside[2] == 4);
  CHECK(outside[3] == infinity);
  CHECK(outside[4] == infinity);
  CHECK(slope([](const Tensor& x) { return logit(x, 0.25); }, {-1, 0.2, 0.25, 0.5, 0.75, 0.8}) ==
        Values{0, 0, 1 / 0.1875, 4, 1 / 0.1875, 0});
  CHECK(slope(sinc, {0, -0.}) == Values{0, 0});
  CHECK(slope(i0, {0}) == Values{0});
  CHECK(slope(i1, {0, 1e-9}) == Values{0.5, 0.5});
  CHECK(slope(i1e, {0}) == Values{0.5});
  CHECK(slope(i0e, {0}) == Values{0});
  // Of terms of 0.09 there is left less than 0.002.
  CHECK(std::abs(slope(i0e, {25})[0] - -0.0016206602281439364) <= 0x1p-54);
  CHECK(std::abs(slope(i1e, {25})[0] - -0.0015223843046277745) <= 2 * 0x1p-54);
  // By the series, and where the two terms of cos πx − sinc x are each off by half a unit of 1.
  CHECK(slope(sinc, {0x1p-11})[0] ==
        doctest::Approx(-0.0016063805466594802).epsilon(8 * 0x1p-53).scale(0));
  CHECK(std::abs(slope(sinc, {0x1p-9})[0] - -0.00642549950684896) <= 4 * 0x1p-53 * 0x1p9);
  CHECK(slope(sinc, {3})[0] == doctest::Approx(-1.0 / 3).epsilon(4 * 0x1p-53).scale(0));
  CHECK(slope(log_gamma, {1})[0] ==
        doctest::Approx(-std::numbers::egamma).epsilon(4 * 0x1p-53).scale(0));
  CHECK(slope(order(0), {1}) == slope(digamma, {1}));
}

TEST_CASE("integers become float32, and float32 is the rounded float64") {
  for (const Function& f : std::vector<Function>{plain_logit, erfinv, log_gamma, digamma, order(2),
                                                 i0, i0e, i1, i1e, sinc}) {
    CHECK(f(tensor({1, 2})).dtype() == float32);
    CHECK(f(tensor({true})).dtype() == float32);
    CHECK(f(zeros({0, 3})).shape() == Shape{0, 3});
    const Tensor x = uniform({100}, 0.1, 0.9).to(float32);
    CHECK(equal(f(x), f(x.to(float64)).to(float32)));
  }
}

TEST_CASE("orders that polygamma does not take") {
  CHECK(message_of<ValueError>([] { polygamma(-1, ones({2})); }) ==
        "polygamma: n = -1; the order of the derivative is from 0 to 2^53");
  CHECK(message_of<ValueError>([] {
          digamma(Tensor());
        }).starts_with("digamma: argument 1 is undefined"));
}
