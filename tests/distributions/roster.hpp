#pragma once
// The distributions of one number, each with parameters and the range of its values, and integrals
// over that.

#include <xgrad/distributions/distributions.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "support.hpp"

namespace roster {

using namespace support;               // NOLINT
using namespace xgrad::distributions;  // NOLINT

inline Tensor wide(double number) { return full({}, number, {.dtype = float64}); }
inline Tensor wide(std::initializer_list<double> numbers) {
  return from_vector(std::vector<double>(numbers));
}

/// Points and weights: ∫ g(x) dx ≈ Σ g(points) weights, by the midpoint rule.
struct Grid {
  Tensor points, weights;
};

inline Tensor midpoints(double low, double high) {
  constexpr std::int64_t count = 200000;
  return low + (high - low) / count * (arange(count, {.dtype = float64}) + 0.5);
}
inline Grid between(double low, double high) {
  const Tensor x = midpoints(low, high);
  return {x, full_like(x, (high - low) / static_cast<double>(x.numel()))};
}
/// x = t / (1 − t)
inline Grid above_zero() {
  const Tensor t = midpoints(0, 1);
  return {t / (1 - t), 1 / square(1 - t) / static_cast<double>(t.numel())};
}
/// x = t / (1 − t²)
inline Grid whole_line() {
  const Tensor t = midpoints(-1, 1);
  return {t / (1 - square(t)),
          (1 + square(t)) / square(1 - square(t)) * 2 / static_cast<double>(t.numel())};
}
inline Grid counts(std::int64_t last) {
  const Tensor x = arange(last + 1, {.dtype = float64});
  return {x, ones_like(x)};
}

using Parameters = std::vector<Tensor>;

struct Entry {
  std::string name;
  Parameters parameters;
  std::function<std::unique_ptr<Distribution>(const Parameters&)> make;
  std::function<Grid()> grid;
  double value;  // and its log_prob(), worked out with 30 digits by mpmath
  double log_prob;

  std::unique_ptr<Distribution> get() const { return make(parameters); }
};

template <class D>
auto made_of_one() {
  return [](const Parameters& p) { return std::make_unique<D>(p[0]); };
}
template <class D>
auto made_of_two() {
  return [](const Parameters& p) { return std::make_unique<D>(p[0], p[1]); };
}

inline std::vector<Entry> all() {
  const auto unit = [] { return between(0, 1); };
  const auto some = [] { return counts(200); };
  return {
      {"Normal",
       {wide(1.5), wide(2)},
       made_of_two<Normal>(),
       whole_line,
       0.25,
       -1.8073982137646181},
      {"LogNormal",
       {wide(0.5), wide(0.75)},
       made_of_two<LogNormal>(),
       above_zero,
       2.5,
       -1.7015898356886644},
      {"HalfNormal", {wide(2)}, made_of_one<HalfNormal>(), above_zero, 1.25, -1.1142510332046727},
      {"Uniform",
       {wide(-1), wide(3)},
       made_of_two<Uniform>(),
       [] { return between(-1, 3); },
       0.5,
       -1.3862943611198906},
      {"Exponential",
       {wide(2.5)},
       made_of_one<Exponential>(),
       above_zero,
       0.75,
       -0.95870926812584493},
      {"Laplace",
       {wide(1), wide(2)},
       made_of_two<Laplace>(),
       whole_line,
       -0.5,
       -2.1362943611198906},
      {"Cauchy", {wide(0.5), wide(2)}, made_of_two<Cauchy>(), whole_line, 3, -2.778860410873872},
      {"Gumbel", {wide(1), wide(2)}, made_of_two<Gumbel>(), whole_line, 2.25, -1.8534086090789356},
      {"Gamma",
       {wide(2.5), wide(1.5)},
       made_of_two<Gamma>(),
       above_zero,
       0.75,
       -0.8275432088801796},
      {"Chi2", {wide(3)}, made_of_one<Chi2>(), above_zero, 1.25, -1.4323667575475679},
      {"Beta", {wide(2.5), wide(1.75)}, made_of_two<Beta>(), unit, 0.3, -0.1592902364450154},
      {"StudentT",
       {wide(4.5), wide(0.5), wide(1.5)},
       [](const Parameters& p) { return std::make_unique<StudentT>(p[0], p[1], p[2]); },
       whole_line,
       2.5,
       -2.2951071235081909},
      {"Bernoulli",
       {wide(0.25)},
       made_of_one<Bernoulli>(),
       [] { return counts(1); },
       1,
       -1.3862943611198906},
      {"Geometric", {wide(0.25)}, made_of_one<Geometric>(), some, 2, -1.9616585060234525},
      {"Binomial",
       {wide(0.25)},
       [](const Parameters& p) { return std::make_unique<Binomial>(7, p[0]); },
       [] { return counts(7); },
       3,
       -1.7542633116773819},
      {"Poisson", {wide(3.5)}, made_of_one<Poisson>(), some, 4, -1.6670019563664736},
      {"Categorical",
       {wide({1, 2, 5})},
       made_of_one<Categorical>(),
       [] { return counts(2); },
       1,
       -1.3862943611198906},
  };
}

/// Of that name, with its parameters.
inline std::unique_ptr<Distribution> get(const std::string& name) {
  for (const Entry& entry : all())
    if (entry.name == name) return entry.get();
  FAIL("no such entry: " << name);
  return nullptr;
}

/// ∫ f(x) p(x) dx
template <class F>
double expected(const Distribution& p, const Grid& grid, const F& f) {
  const Tensor density = exp(p.log_prob(grid.points));
  return where(density == 0, 0, f(grid.points) * density * grid.weights).sum().item();
}

}  // namespace roster
