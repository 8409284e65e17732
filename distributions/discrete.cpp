#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/distributions/discrete.hpp>
#include <xgrad/distributions/parameters.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/random.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/special.hpp>

#include <cmath>
#include <limits>

namespace xgrad::distributions {

using xgrad::detail::Running;

namespace detail {

OfChance::OfChance(const char* name, const ProbsOrLogits& given, bool may_be_zero,
                   const Options& options)
    : Distribution(name, options), is_logits_(given.logits.is_given()) {
  require_one(name, given);
  if (is_logits_)
    take({{"logits", given.logits, given_, finite}});
  else
    take({{"probs", given.probs, given_, may_be_zero ? probability : positive_probability}});
}

Tensor OfChance::probs() const { return is_logits_ ? sigmoid(given_) : given_; }
Tensor OfChance::logits() const {
  return is_logits_ ? given_ : logit(clamp(given_, smallest(dtype()), below_one(dtype())));
}
Tensor OfChance::log_probs() const { return logsigmoid(logits()); }
Tensor OfChance::log_others() const { return logsigmoid(-logits()); }

}  // namespace detail

namespace {

/// −p ln p − (1 − p) ln(1 − p)
Tensor binary_entropy(const Tensor& logits) {
  // As of the less likely of the two, where nothing cancels. abs() would have no second derivative
  // at 0.
  const Tensor l = where(logits < 0, logits, -logits);
  return -logsigmoid(-l) - l * sigmoid(l);
}

}  // namespace

Bernoulli::Bernoulli(const ProbsOrLogits& given, const Options& options)
    : OfChance("Bernoulli", given, true, options) {}

Tensor Bernoulli::mean() const { return probs(); }
Tensor Bernoulli::mode() const {
  const Tensor p = probs();
  return where(p == 0.5, std::numeric_limits<double>::quiet_NaN(), to(p > 0.5, dtype()));
}
Tensor Bernoulli::variance() const {
  const Tensor p = probs();
  return p * (1 - p);
}
Tensor Bernoulli::entropy() const { return binary_entropy(logits()); }

void Bernoulli::check_support(const Tensor& x) const { require_all(name(), a_value, x, binary); }
Tensor Bernoulli::draw(const Shape& shape, Generator* generator) const {
  return bernoulli(expand(probs(), shape), generator);
}
Tensor Bernoulli::log_density(const Tensor& x) const {
  return x * log_probs() + (1 - x) * log_others();
}

Geometric::Geometric(const ProbsOrLogits& given, const Options& options)
    : OfChance("Geometric", given, false, options) {}

Tensor Geometric::mean() const { return reciprocal(probs()) - 1; }
Tensor Geometric::mode() const { return zeros_like(given()); }
Tensor Geometric::variance() const { return (1 - probs()) / square(probs()); }
Tensor Geometric::entropy() const { return binary_entropy(logits()) / probs(); }

void Geometric::check_support(const Tensor& x) const { require_all(name(), a_value, x, count); }
Tensor Geometric::draw(const Shape& shape, Generator* generator) const {
  const Tensor u = open_uniform(shape, float64, generator);
  return to(floor(log(u) / log1p(-to(probs(), float64))), dtype());
}
Tensor Geometric::log_density(const Tensor& x) const { return x * log_others() + log_probs(); }

Binomial::Binomial(std::int64_t total_count, const ProbsOrLogits& given, const Options& options)
    : OfChance("Binomial", given, true, options), total_count_(total_count) {
  require_total_count("Binomial", total_count);
}

Tensor Binomial::mean() const { return total_count_ * probs(); }
Tensor Binomial::mode() const {
  return clamp_max(floor((total_count_ + 1) * probs()), total_count_);
}
Tensor Binomial::variance() const {
  const Tensor p = probs();
  return total_count_ * p * (1 - p);
}
Tensor Binomial::entropy() const {
  const Running running(name());
  Shape counts = batch_shape();
  for (std::int64_t& extent : counts) extent = 1;
  const Tensor x = arange(total_count_ + 1, {.dtype = dtype()});
  const Tensor l = log_density(reshape(x, joined({total_count_ + 1}, counts)));
  return -(exp(l) * l).sum(0);
}

void Binomial::check_support(const Tensor& x) const {
  require_all(name(), a_value, count.holds(x) & (x <= total_count_),
              fmt::format("be a whole number from 0 to {}", total_count_), x);
}
Tensor Binomial::draw(const Shape& shape, Generator* generator) const {
  require_few(name(), total_count_);
  const Tensor p = to(probs(), float64);
  const Tensor times = zeros(shape, {.dtype = dtype()});
  for (std::int64_t i = 0; i < total_count_; ++i)
    times += to(rand(shape, {.dtype = float64, .generator = generator}) < p, dtype());
  return times;
}
Tensor Binomial::log_density(const Tensor& x) const {
  const auto n = static_cast<double>(total_count_);
  return in_float64(
      [n](const Tensor& l, const Tensor& y) {
        return std::lgamma(n + 1) - lgamma(y + 1) - lgamma(n - y + 1) + y * logsigmoid(l) +
               (n - y) * logsigmoid(-l);
      },
      logits(), x);
}

Poisson::Poisson(const Value& rate, const Options& options) : Distribution("Poisson", options) {
  take({{"rate", rate, rate_, nonnegative_finite}});
}

Tensor Poisson::mode() const { return floor(rate_); }

void Poisson::check_support(const Tensor& x) const { require_all(name(), a_value, x, count); }
Tensor Poisson::draw(const Shape& shape, Generator* generator) const {
  return poisson(expand(rate_, shape), generator);
}
Tensor Poisson::log_density(const Tensor& x) const {
  return in_float64(
      [](const Tensor& rate, const Tensor& y) { return xlogy(y, rate) - rate - lgamma(y + 1); },
      rate_, x);
}

}  // namespace xgrad::distributions
