#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/distributions/categorical.hpp>
#include <xgrad/distributions/parameters.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/lookup.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/random.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/softmax.hpp>
#include <xgrad/ops/special.hpp>

#include <cmath>

namespace xgrad::distributions {

using xgrad::detail::Running;

namespace {

const Constraint log_weight{"be below infinity", [](const Tensor& x) { return x < infinity; }};

}  // namespace

Categorical::Categorical(const ProbsOrLogits& given, const Options& options)
    : Distribution("Categorical", options), is_logits_(given.logits.is_given()) {
  require_one(name(), given);
  if (is_logits_)
    take({{"logits", given.logits, given_, log_weight}});
  else
    take({{"probs", given.probs, given_, nonnegative_finite}});
  shape_as_vectors();
  require<ShapeError>(categories() > 0, "Categorical: there must be one or more categories: {}",
                      given_.shape());
  if (validates()) {
    const Tensor largest = given_.detach().amax(-1);
    if (is_logits_)
      require_all(name(), "the largest of the logits", largest, finite);
    else
      require_all(name(), "the largest of the probs", largest, positive);
  }
  shape_as(batch_shape(), {}, int64);
}

Tensor Categorical::probs() const {
  return is_logits_ ? softmax(given_, -1) : given_ / given_.sum(-1, true);
}
Tensor Categorical::logits() const {
  return is_logits_ ? log_softmax(given_, -1) : log(clamp(probs(), smallest(given_.dtype())));
}
Tensor Categorical::mode() const { return argmax(given_, -1); }
Tensor Categorical::entropy() const { return -(probs() * bounded(logits())).sum(-1); }

void Categorical::check_support(const Tensor& x) const {
  require_all(name(), a_value, count.holds(x) & (x < categories()),
              fmt::format("be a category from 0 to {}", categories() - 1), x);
}
// multinomial() has the rows first and the samples of each behind them.
Tensor Categorical::draw(const Shape& shape, Generator* generator) const {
  const std::int64_t rows = batch_shape().numel();
  const std::int64_t all = shape.numel();
  if (all == 0) return empty(shape, {.dtype = int64});
  const Tensor weights = reshape(probs(), {rows, categories()});
  return reshape(transpose(multinomial(weights, all / rows, true, generator), 0, 1), shape);
}
Tensor Categorical::log_density(const Tensor& x) const {
  const Shape shape = broadcast(x.shape(), batch_shape(), name());
  const Tensor each = expand(logits(), joined(shape, {categories()}));
  return gather(each, -1, unsqueeze(expand(to(x, int64), shape), -1)).squeeze(-1);
}

OneHotCategorical::OneHotCategorical(const ProbsOrLogits& given, const Options& options)
    : Distribution("OneHotCategorical", options), categorical_(given, options) {
  shape_as(categorical_.batch_shape(), {categorical_.categories()}, probs().dtype());
}

Tensor OneHotCategorical::mean() const { return probs(); }
Tensor OneHotCategorical::mode() const {
  return to(one_hot(categorical_.mode(), categorical_.categories()), dtype());
}
Tensor OneHotCategorical::variance() const {
  const Tensor p = probs();
  return p * (1 - p);
}
Tensor OneHotCategorical::entropy() const { return categorical_.entropy(); }

void OneHotCategorical::check_support(const Tensor& x) const {
  require_all(name(), a_value, x, binary);
  const Tensor total = x.sum(-1);
  require_all(name(), "the sum of a value", total == 1, "be 1", total);
}
Tensor OneHotCategorical::draw(const Shape& shape, Generator* generator) const {
  const Shape numbers = part_of(shape, 0, shape.size() - 1 - batch_shape().size());
  return to(one_hot(categorical_.sample(numbers, generator), categorical_.categories()), dtype());
}
Tensor OneHotCategorical::log_density(const Tensor& x) const {
  return categorical_.log_prob(argmax(x, -1));
}

Multinomial::Multinomial(std::int64_t total_count, const ProbsOrLogits& given,
                         const Options& options)
    : Distribution("Multinomial", options),
      total_count_(total_count),
      categorical_(given, options) {
  require_total_count("Multinomial", total_count);
  shape_as(categorical_.batch_shape(), {categorical_.categories()}, probs().dtype());
}

Tensor Multinomial::mean() const { return total_count_ * probs(); }
Tensor Multinomial::variance() const {
  const Tensor p = probs();
  return total_count_ * p * (1 - p);
}
// Each x_i is Binomial, and of all x only those ln x_i! count that n ln p and ln n! leave.
Tensor Multinomial::entropy() const {
  const Running running(name());
  const auto n = static_cast<double>(total_count_);
  const Binomial times{total_count_, unsqueeze(probs(), -1), {.validate_args = false}};
  const Tensor x = arange(total_count_ + 1, {.dtype = dtype()});
  const Tensor expected = (exp(times.log_prob(x)) * lgamma(x + 1)).sum({-1, -2});
  return n * categorical_.entropy() - std::lgamma(n + 1) + expected;
}

void Multinomial::check_support(const Tensor& x) const {
  require_all(name(), a_value, x, count);
  const Tensor total = x.sum(-1);
  require_all(name(), "the sum of a value", total == total_count_,
              fmt::format("be total_count, {}", total_count_), total);
}
Tensor Multinomial::draw(const Shape& shape, Generator* generator) const {
  require_few(name(), total_count_);
  const std::int64_t all = shape.numel() / categorical_.categories();
  const Shape numbers = part_of(shape, 0, shape.size() - 1 - batch_shape().size());
  const Tensor chosen = categorical_.sample(joined({total_count_}, numbers), generator);
  const Tensor none = zeros({all, categorical_.categories()}, {.dtype = dtype()});
  const Tensor places = reshape(chosen, {total_count_, all}).t();
  return reshape(scatter_add(none, 1, places, ones({all, total_count_}, {.dtype = dtype()})),
                 shape);
}
Tensor Multinomial::log_density(const Tensor& x) const {
  const auto n = static_cast<double>(total_count_);
  return in_float64(
      [n](const Tensor& rounded, const Tensor& y) {
        // Made to add up to 1 again: n times what rounding left would count.
        const Tensor l = log_softmax(rounded, -1);
        return (where(y == 0, 0, y * l) - lgamma(y + 1)).sum(-1) + std::lgamma(n + 1);
      },
      logits(), x);
}

}  // namespace xgrad::distributions
