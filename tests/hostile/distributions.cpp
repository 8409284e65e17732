// Distributions, made of any parameters, and what they are asked.

#include <xgrad/distributions/distributions.hpp>

#include <memory>

#include "hostile.hpp"

using namespace hostile;
using namespace xgrad::distributions;

namespace {

using Made = std::shared_ptr<const Distribution>;
using Maker = std::function<Made(Arguments&, const Options&)>;

struct Kind {
  std::string names;  ///< what its messages may begin with
  Maker of_tensors;
  Maker of_numbers;  ///< empty where an event is a vector
  bool is_positive = false;
};

// ---- parameters

struct Range {
  std::int64_t shift = 0;  ///< of usual tensors, which begin at 0
  int number = 1;
  int divisor = 1;  ///< of them, then
};
constexpr Range real_line{}, above_zero{.shift = 1, .number = 2};

Tensor given_tensor(Arguments& from, Range range) {
  const Tensor x = from.tensor({2});
  if (!x.defined() || x.dtype() == boolean) return x;
  const Tensor y = range.shift != 0 ? x + range.shift : x;
  return range.divisor != 1 ? y / range.divisor : y;
}
Scalar given_number(Arguments& from, Range range) { return from.scalar(range.number); }

template <class D, auto given>
Maker of(std::initializer_list<Range> ranges) {
  return [ranges = std::vector<Range>(ranges)](Arguments& from, const Options& options) -> Made {
    std::vector<Value> values;
    for (const Range& range : ranges) values.emplace_back(given(from, range));
    if constexpr (std::is_constructible_v<D, Value, Value, Value, Options>)
      return std::make_shared<const D>(values[0], values[1], values[2], options);
    else if constexpr (std::is_constructible_v<D, Value, Value, Options>)
      return std::make_shared<const D>(values[0], values[1], options);
    else
      return std::make_shared<const D>(values[0], options);
  };
}
template <class D>
Kind of_ranges(const std::string& name, std::initializer_list<Range> ranges,
               bool is_positive = false) {
  return {name, of<D, given_tensor>(ranges), of<D, given_number>(ranges), is_positive};
}

/// Of either chances or logits, or both where the flag is hostile.
template <class D, auto given, bool is_counted>
Maker of_chances(Range range) {
  return [range](Arguments& from, const Options& options) -> Made {
    ProbsOrLogits either{.probs = given(from, range)};
    if (from.flag()) std::swap(either.probs, either.logits);
    if (from.flag()) either.probs = either.logits;
    if constexpr (is_counted)
      return std::make_shared<const D>(from.size(1), either, options);
    else
      return std::make_shared<const D>(either, options);
  };
}
template <class D, bool is_counted = false>
Kind of_one_chance(const std::string& name, Range range = real_line) {
  const Range certain{.shift = range.shift, .number = 1, .divisor = range.divisor};
  return {name, of_chances<D, given_tensor, is_counted>(certain),
          of_chances<D, given_number, is_counted>(certain)};
}
template <class D, bool is_counted = false>
Kind of_categories(const std::string& name) {
  return {name, of_chances<D, given_tensor, is_counted>(real_line), {}};
}

Made normal_vectors(Arguments& from, const Options& options) {
  const Tensor loc = from.tensor({2});
  const Tensor made = from.tensor({2, 2});
  const bool fits = made.defined() && made.dtype() == float32 && made.shape() == Shape{2, 2};
  const Tensor matrix = fits ? made * eye(2) + eye(2) : made;
  Covariance covariance{.covariance_matrix = matrix};
  if (from.flag()) std::swap(covariance.covariance_matrix, covariance.precision_matrix);
  if (from.flag()) std::swap(covariance.covariance_matrix, covariance.scale_tril);
  return std::make_shared<const MultivariateNormal>(loc, covariance, options);
}

Made independent(Arguments& from, const Options& options) {
  const Made base = of<Normal, given_tensor>({real_line, above_zero})(from, options);
  const bool is_missing = from.flag();
  return std::make_shared<const Independent>(is_missing ? Made() : base, from.size(1), options);
}

std::vector<Kind> every_kind() {
  return {of_ranges<Normal>("Normal", {real_line, above_zero}),
          of_ranges<LogNormal>("LogNormal", {real_line, above_zero}, true),
          of_ranges<HalfNormal>("HalfNormal", {above_zero}),
          of_ranges<Uniform>("Uniform", {real_line, above_zero}),
          of_ranges<Exponential>("Exponential", {above_zero}),
          of_ranges<Laplace>("Laplace", {real_line, above_zero}),
          of_ranges<Cauchy>("Cauchy", {real_line, above_zero}),
          of_ranges<Gumbel>("Gumbel", {real_line, above_zero}),
          of_ranges<Gamma>("Gamma", {above_zero, above_zero}),
          of_ranges<Chi2>("Chi2", {above_zero}),
          of_ranges<Beta>("Beta|stack", {above_zero, above_zero}),
          of_ranges<StudentT>("StudentT", {above_zero, real_line, above_zero}),
          of_ranges<Poisson>("Poisson|poisson", {real_line}),
          of_one_chance<Bernoulli>("Bernoulli"),
          of_one_chance<Geometric>("Geometric", {.shift = 1, .divisor = 2}),
          of_one_chance<Binomial, true>("Binomial"),
          {"Dirichlet", of<Dirichlet, given_tensor>({above_zero}), {}},
          of_categories<Categorical>("Categorical|multinomial"),
          of_categories<OneHotCategorical>("OneHotCategorical|Categorical|multinomial"),
          of_categories<Multinomial, true>("Multinomial|Categorical|Binomial|multinomial"),
          {"MultivariateNormal|cholesky", normal_vectors, {}},
          {"Independent|Normal|sum", independent, {}}};
}

// ---- what they are asked

/// What there is not in closed form, a distribution says.
template <class F>
void use_if_there(const F& f) {
  try {
    Arguments::use(f());
  } catch (const ValueError& error) {
    if (std::string(error.what()).find("there is no") == std::string::npos) throw;
  }
}

void use_all(const Distribution& d) {
  for (const auto f : {&Distribution::mean, &Distribution::mode, &Distribution::variance,
                       &Distribution::stddev, &Distribution::entropy})
    use_if_there([&] { return (d.*f)(); });
  const Tensor x = d.sample({3});
  Arguments::use(x);
  if (!d.has_rsample()) return;
  const Tensor y = d.rsample();
  if (y.requires_grad()) y.sum().backward();
}

}  // namespace

TEST_CASE("hostile: parameters of distributions") {
  std::vector<Row> rows;
  for (const Kind& kind : every_kind())
    for (const bool is_checked : {true, false})
      for (const Maker& make : {kind.of_tensors, kind.of_numbers}) {
        if (!make) continue;
        const auto call = [=](Arguments& from) {
          use_all(*make(from, {.validate_args = is_checked}));
        };
        rows.push_back({.names = kind.names, .call = call, .computes = true});
      }
  sweep(rows);
}

TEST_CASE("hostile: samples and values of distributions") {
  std::vector<Row> rows;
  for (const Kind& kind : every_kind()) {
    rows.push_back({kind.names, [=](Arguments& from) {
                      Arguments usual;
                      const Made d = kind.of_tensors(usual, {});
                      const Shape shape = from.shape({2});
                      Arguments::use(from.flag(d->has_rsample()) ? d->rsample(shape)
                                                                 : d->sample(shape));
                    }});
    for (const bool is_checked : {true, false})
      for (const bool is_number : {false, true}) {
        if (is_number && !kind.of_numbers) continue;
        const auto usual_one = [=] {
          Arguments usual;
          return kind.of_tensors(usual, {.validate_args = is_checked});
        };
        const auto given = [=](Arguments& from, Range range) {
          return is_number ? Value(from.scalar(1)) : Value(given_tensor(from, range));
        };
        const auto densities = [=](Arguments& from) {
          const Made d = usual_one();
          const Value x = given(from, kind.is_positive ? above_zero : real_line);
          Arguments::use(d->log_prob(x));
          use_if_there([&] { return d->cdf(x); });
        };
        const auto quantiles = [=](Arguments& from) {
          const Made d = usual_one();
          const Value p = given(from, real_line);
          use_if_there([&] { return d->icdf(p); });
        };
        // A number is told as the float32 that it becomes.
        rows.push_back({.names = kind.names, .call = densities, .computes = is_number});
        rows.push_back({.names = kind.names, .call = quantiles, .computes = is_number});
      }
  }
  sweep(rows);
}

TEST_CASE("hostile: divergences of any two distributions") {
  std::vector<Made> made;
  for (const Kind& kind : every_kind()) {
    Arguments usual;
    made.push_back(kind.of_tensors(usual, {}));
  }
  std::vector<Row> rows;
  for (const Kind& kind : every_kind())
    rows.push_back({kind.names + "|kl_divergence", [=](Arguments& from) {
                      const Made p = kind.of_tensors(from, {});
                      for (const Made& q : made)
                        use_if_there([&] { return kl_divergence(*p, *q); });
                    }});
  sweep(rows);
}
