#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/random.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace xgrad {
namespace {

Generator& or_default(Generator* generator) { return generator ? *generator : default_generator(); }

/// Options with the dtype of x where they have none.
TensorOptions like(const Tensor& x, const TensorOptions& options) {
  TensorOptions result = options;
  if (!result.dtype) result.dtype = x.dtype();
  return result;
}

void require_floating(const char* operation, DType dtype) {
  require<DTypeError>(is_floating(dtype), "{}: makes floating numbers, not {}", operation, dtype);
}

/// The values of x as float64 in row-major order, all of which `is_right` takes.
template <class F>
Tensor checked(const char* operation, const Tensor& x, const char* wrong, const F& is_right) {
  require<DTypeError>(is_floating(x.dtype()), "{}: takes floating tensors, got {}", operation,
                      x.dtype());
  const Tensor wide = detail::in_rows(to(x.detach(), float64));
  const std::span values(wide.data<double>(), static_cast<std::size_t>(wide.numel()));
  const auto bad = std::ranges::find_if_not(values, is_right);
  if (bad != values.end()) raise<ValueError>("{}: {} is {}", operation, wrong, *bad);
  return wide;
}

/// float64 numbers in [0, 1).
Tensor draws(const Shape& shape, Generator* generator) {
  return rand(shape, {.dtype = float64, .generator = generator});
}

/// x = place(values that `fill` draws), place<T> giving what makes a T of each; of 16 bits what
/// float32 gives, rounded.
template <class Fill, class Place>
Tensor drawn(const char* name, const Tensor& x, const Fill& fill, const Place& place) {
  const detail::Running running(name, x);
  const char* const operation = detail::running_or(name);
  require_floating(operation, x.dtype());
  detail::require_changeable(x, operation);
  if (!x.is_contiguous() || is_half(x.dtype())) {
    const DType wide = is_half(x.dtype()) ? float32 : x.dtype();
    detail::copy_values(drawn(name, Tensor::empty(x.shape(), wide), fill, place), x);
    return x;
  }
  dispatch_floating(x.dtype(), operation, [&]<class T>() {
    const auto placed = place.template operator()<T>();
    const std::span values(x.mutable_data<T>(), static_cast<std::size_t>(x.numel()));
    fill(values);
    for (T& value : values) value = placed(static_cast<double>(value));
  });
  return x;
}

void require_probability(const char* operation, double p) {
  require<ValueError>(p >= 0 && p <= 1, "{}: p is {}, it must lie in [0, 1]", operation, p);
}

void require_deviation(const char* operation, double std) {
  require<ValueError>(std >= 0, "{}: a deviation of {}; it must not be negative", operation, std);
}

}  // namespace

Tensor rand_like(const Tensor& x, const TensorOptions& options) {
  const detail::Running running("rand_like", x);
  const TensorOptions own = like(x, options);
  require_floating("rand_like", *own.dtype);
  return rand(x.shape(), own);
}

Tensor randn_like(const Tensor& x, const TensorOptions& options) {
  const detail::Running running("randn_like", x);
  const TensorOptions own = like(x, options);
  require_floating("randn_like", *own.dtype);
  return randn(x.shape(), own);
}

Tensor randint_like(const Tensor& x, std::int64_t low, std::int64_t high,
                    const TensorOptions& options) {
  const detail::Running running("randint_like", x);
  return randint(low, high, x.shape(), like(x, options));
}

Tensor Tensor::uniform_(double from, double to, Generator* generator) const {
  const detail::Running running("uniform_", *this);
  const auto held = [this](double bound) { return Scalar(bound).as(dtype()).to<double>(); };
  if (is_floating(dtype()))
    require<ValueError>(std::isfinite(held(from)) && from <= to && std::isfinite(held(to)),
                        "{}: [{}, {}) is no interval of finite {}", detail::running_or("uniform_"),
                        from, to, dtype());
  return drawn(
      "uniform_", *this, [&](auto values) { or_default(generator).fill_uniform(values); },
      [&]<class T>() {
        // Where the width overflows, that of half the interval does not. To halve is exact.
        const double unit = std::isfinite(to - from) ? 1 : 0.5;
        const double start = from * unit;
        const double width = to * unit - start;
        // A sum rounds up to `to` where its values are further apart than those drawn.
        const T last = std::nextafter(static_cast<T>(to), static_cast<T>(from));
        return [start, width, back = 1 / unit, last](double value) {
          return std::min(static_cast<T>((start + width * value) * back), last);
        };
      });
}

Tensor Tensor::normal_(double mean, double std, Generator* generator) const {
  const detail::Running running("normal_", *this);
  require_deviation(detail::running_or("normal_"), std);
  return drawn(
      "normal_", *this, [&](auto values) { or_default(generator).fill_normal(values); },
      [&]<class T>() {
        return [mean, std](double value) { return static_cast<T>(mean + std * value); };
      });
}

// P(x > t) = e^(−λ t): x = −ln(1 − u) / λ, with u > 0 so that x is
Tensor Tensor::exponential_(double lambd, Generator* generator) const {
  const detail::Running running("exponential_", *this);
  require<ValueError>(lambd > 0, "exponential_: lambd is {}, it must be positive", lambd);
  return drawn(
      "exponential_", *this, [&](auto values) { or_default(generator).fill_uniform(values); },
      [&]<class T>() {
        constexpr double least = std::is_same_v<T, float> ? 0x1p-25 : 0x1p-54;
        return [lambd, least](double value) {
          return static_cast<T>(-std::log1p(-std::max(value, least)) / lambd);
        };
      });
}

Tensor Tensor::bernoulli_(double p, Generator* generator) const {
  const detail::Running running("bernoulli_", *this);
  require_probability("bernoulli_", p);
  detail::require_changeable(*this, "bernoulli_");
  detail::copy_values(draws(shape(), generator) < p, *this);
  return *this;
}

Tensor Tensor::bernoulli_(const Tensor& p, Generator* generator) const {
  const detail::Running running("bernoulli_", *this, p);
  detail::require_changeable(*this, "bernoulli_");
  const Tensor ones = xgrad::bernoulli(p, generator);
  require<ShapeError>(xgrad::broadcast(shape(), p.shape(), "bernoulli_") == shape(),
                      "bernoulli_: probabilities {} for a tensor {}", p.shape(), shape());
  detail::copy_values(xgrad::expand(ones, shape()), *this);
  return *this;
}

Tensor bernoulli(const Tensor& p, Generator* generator) {
  const detail::Running running("bernoulli", p);
  const Tensor chances = checked(detail::running_or("bernoulli"), p, "a probability",
                                 [](double value) { return value >= 0 && value <= 1; });
  return to(draws(p.shape(), generator) < chances, p.dtype());
}

Tensor detail::bernoulli_of(const Tensor& x, double p, Generator* generator) {
  const Running running("bernoulli", x);
  require_probability("bernoulli", p);
  return to(draws(x.shape(), generator) < p, x.dtype());
}

namespace {

/// One row of categories.
using Weights = std::span<const double>;
using Choices = std::span<std::int64_t>;

/// Each number u of [0, 1) chooses the first category whose weights, added up to it, exceed u of
/// all.
void choose_again(Weights weights, Weights u, Choices chosen) {
  std::vector<double> sums(weights.size());
  double total = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    sums[i] = total += weights[i];
    if (weights[i] > 0) last = i;
  }
  std::ranges::transform(u, chosen.begin(), [&](double value) {
    const auto at = std::ranges::upper_bound(sums, value * total) - sums.begin();
    return std::min(at, static_cast<std::ptrdiff_t>(last));
  });
}

/// Exponential numbers of rate w arrive in the order in which categories of weight w are drawn one
/// after the other (Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006).
void choose_once(Weights weights, Weights u, Choices chosen) {
  std::vector<std::pair<double, std::int64_t>> arrivals;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (weights[i] > 0)
      arrivals.emplace_back(-std::log1p(-u[i]) / weights[i], static_cast<std::int64_t>(i));
  std::ranges::partial_sort(arrivals, arrivals.begin() + std::ssize(chosen));
  for (std::size_t i = 0; i < chosen.size(); ++i) chosen[i] = arrivals[i].second;
}

}  // namespace

Tensor multinomial(const Tensor& given, std::int64_t num_samples, bool replacement,
                   Generator* generator) {
  const detail::Running running("multinomial", given);
  require<ShapeError>(given.dim() == 1 || given.dim() == 2,
                      "multinomial: weights {} must be [categories] or [rows, categories]",
                      given.shape());
  require<ValueError>(num_samples > 0, "multinomial: {} samples; there must be one or more",
                      num_samples);
  const Tensor weights = checked("multinomial", given, "a weight",
                                 [](double value) { return value >= 0 && std::isfinite(value); });
  const std::int64_t categories = given.size(-1);
  const std::int64_t rows = given.dim() == 2 ? given.size(0) : 1;
  require<ValueError>(replacement || num_samples <= categories,
                      "multinomial: {} samples of {} categories without replacement", num_samples,
                      categories);
  Shape shape = given.shape();
  shape[shape.size() - 1] = num_samples;
  const Tensor chosen = Tensor::empty(shape, int64);
  const std::int64_t needed = replacement ? num_samples : categories;
  const Tensor u = draws({rows, needed}, generator);
  const auto row_of = [](auto* values, std::int64_t row, std::int64_t width) {
    return std::span(values + row * width, static_cast<std::size_t>(width));
  };
  std::int64_t* const out = chosen.mutable_data<std::int64_t>();
  for (std::int64_t row = 0; row < rows; ++row) {
    const Weights own = row_of(weights.data<double>(), row, categories);
    const auto positive = std::ranges::count_if(own, [](double value) { return value > 0; });
    require<ValueError>(positive >= (replacement ? 1 : num_samples),
                        "multinomial: row {} has {} positive weights, too few for {} samples", row,
                        positive, num_samples);
    const Weights numbers = row_of(u.data<double>(), row, needed);
    (replacement ? choose_again : choose_once)(own, numbers, row_of(out, row, num_samples));
  }
  return chosen;
}

Tensor detail::normal_of(const Tensor& mean, const Tensor& std, Generator* generator) {
  const Running running("normal", mean, std);
  const NoGradGuard guard;
  checked("normal", std, "a deviation", [](double value) { return value >= 0; });
  require_floating("normal", mean.dtype());
  const Shape shape = broadcast(mean.shape(), std.shape(), "normal");
  const Tensor z =
      randn(shape, {.dtype = promote(mean.dtype(), std.dtype()), .generator = generator});
  return z * std + mean;
}

Tensor detail::normal_of(const Tensor& mean, double std, Generator* generator) {
  const Running running("normal", mean);
  require_floating("normal", mean.dtype());
  require_deviation("normal", std);
  return normal_of(mean, full({}, std, {.dtype = mean.dtype()}), generator);
}

Tensor normal(double mean, const Tensor& std, Generator* generator) {
  const detail::Running running("normal", std);
  require_floating("normal", std.dtype());
  return detail::normal_of(full({}, mean, {.dtype = std.dtype()}), std, generator);
}

Tensor normal(double mean, double std, const Shape& shape, const TensorOptions& options) {
  const detail::Running running("normal");
  const Tensor x = Tensor::empty(shape, options.dtype.value_or(float32));
  x.normal_(mean, std, options.generator);
  return options.requires_grad ? x.requires_grad_() : x;
}

namespace {

/// A uniform number in (0, 1).
double open_unit(Generator& generator) {
  return (static_cast<double>(generator.next() >> 12) + 0.5) * 0x1p-52;
}

/// The events before exponential waiting times add up to `rate`.
double counted(double rate, Generator& generator) {
  const double least = std::exp(-rate);
  double product = open_unit(generator);
  double count = 0;
  for (; product > least; product *= open_unit(generator)) ++count;
  return count;
}

/// Hörmann's PTRS, for rates of 10 and more.
double transformed(double rate, Generator& generator) {
  const double b = 0.931 + 2.53 * std::sqrt(rate);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double accepted = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const double u = open_unit(generator) - 0.5;
    const double v = open_unit(generator);
    const double distance = 0.5 - std::abs(u);
    const double k = std::floor((2 * a / distance + b) * u + rate + 0.43);
    if (distance >= 0.07 && v <= accepted) return k;
    if (k < 0 || (distance < 0.013 && v > distance)) continue;
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (distance * distance) + b) <=
        k * std::log(rate) - rate - std::lgamma(k + 1))
      return k;
  }
}

}  // namespace

Tensor poisson(const Tensor& rates, Generator* given) {
  const detail::Running running("poisson", rates);
  const Tensor wide = checked("poisson", rates, "a rate",
                              [](double rate) { return rate >= 0 && std::isfinite(rate); });
  const Tensor y = Tensor::empty(rates.shape(), float64);
  Generator& generator = or_default(given);
  std::transform(wide.data<double>(), wide.data<double>() + wide.numel(), y.mutable_data<double>(),
                 [&](double rate) {
                   constexpr double large = 10;
                   return rate < large ? counted(rate, generator) : transformed(rate, generator);
                 });
  return to(y, rates.dtype());
}

}  // namespace xgrad
