#pragma once
// What the tests of optimisers share: trainings whose numbers a loop can follow.

#include <xgrad/optim/optim.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support.hpp"

namespace training {

using namespace support;  // NOLINT

inline double rounding_of(DType dtype) { return dtype == float32 ? 0x1p-24 : 0x1p-53; }

/// How far an optimiser is, after `steps` steps, from a `Number` for each number, which has an x
/// and step(options, g): in roundings of the dtype.
template <class Optimizer, class Number, class Options>
double off(const Options& options, const DType dtype, int steps = 6, std::int64_t size = 67) {
  const Tensor x = normal({size}, 7).to(dtype).requires_grad_();
  std::vector<Number> numbers;
  for (const double value : values(x.detach())) {
    numbers.emplace_back();
    numbers.back().x = value;
  }
  Optimizer optimizer({x}, options);
  for (int i = 0; i < steps; ++i) {
    const Tensor g = normal({size}, 100 + static_cast<std::uint64_t>(i)).to(dtype);
    x.set_grad(g);
    optimizer.step();
    const auto slopes = values(g);
    for (std::size_t k = 0; k < numbers.size(); ++k)
      numbers[k].step(options, options.maximize ? -slopes[k] : slopes[k]);
  }
  double most = 0;
  const auto found = values(x.detach());
  for (std::size_t k = 0; k < numbers.size(); ++k)
    most = std::max(most, std::abs(found[k] - numbers[k].x) / (1 + std::abs(numbers[k].x)));
  return std::isnan(most) ? INFINITY : most / rounding_of(dtype);
}

/// Where 50 steps lead from a fixed start with fixed gradients: those of fifty_steps.py.
template <class Optimizer, class Options>
std::vector<double> after_50_steps(const Options& options, const Shape& shape = {4}) {
  const Tensor x =
      from_vector<double>({1., -2., 3., 0.5}, shape, {.dtype = float64}).requires_grad_();
  Optimizer optimizer({x}, options);
  for (int t = 1; t <= 50; ++t) {
    const Tensor g = Tensor::empty(shape, float64);
    for (int i = 0; i < 4; ++i) g.mutable_data<double>()[i] = std::sin(0.7 * t * (i + 1)) + 0.1 * i;
    x.set_grad(g);
    optimizer.step();
  }
  return values(x.detach());
}

inline void check_near(const std::vector<double>& found, const std::vector<double>& right) {
  REQUIRE(found.size() == right.size());
  for (std::size_t i = 0; i < right.size(); ++i)
    CHECK(std::abs(found[i] - right[i]) <= 1e-13 * (1 + std::abs(right[i])));
}

}  // namespace training
