// What random numbers are like: moments and frequencies from a fixed seed, with bounds of five
// deviations of what is measured.

#include <cmath>
#include <functional>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;

constexpr std::int64_t n = 100'000;
constexpr double deviations = 5;

/// Whether the mean of n numbers of that deviation is where it should be.
bool has_mean(const Tensor& x, double mean, double deviation) {
  const double off = std::abs(xgrad::mean(x.to(float64)).item() - mean);
  return off <= deviations * deviation / std::sqrt(static_cast<double>(x.numel()));
}

/// The same of the mean square off `mean`, for numbers of that fourth central moment.
bool has_variance(const Tensor& x, double mean, double variance, double fourth) {
  return has_mean(square(x.to(float64) - mean), variance, std::sqrt(fourth - variance * variance));
}

/// How often each whole number from 0 on comes.
Values counts(const Tensor& x, std::size_t numbers) {
  Values result(numbers);
  for (const auto value : x.to_vector<std::int64_t>()) ++result.at(static_cast<std::size_t>(value));
  return result;
}

/// Whether so many of `all` have this probability.
bool is_frequent(double count, double all, double p) {
  return std::abs(count - all * p) <= deviations * std::sqrt(all * p * (1 - p));
}

}  // namespace

TEST_CASE("uniform_, normal_ and exponential_ have their moments") {
  Generator generator(11);
  for (const DType dtype : {float32, float64}) {
    const Tensor x = zeros({n}, {.dtype = dtype});
    x.uniform_(-1, 3, &generator);
    CHECK(has_mean(x, 1, std::sqrt(16.0 / 12)));
    CHECK(has_variance(x, 1, 16.0 / 12, 256.0 / 80));
    x.normal_(2, 0.5, &generator);
    CHECK(has_mean(x, 2, 0.5));
    CHECK(has_variance(x, 2, 0.25, 3 * 0.0625));
    x.exponential_(4, &generator);
    CHECK(has_mean(x, 0.25, 0.25));
    CHECK(has_variance(x, 0.25, 1.0 / 16, 9.0 / 256));
    CHECK(min(x).item() > 0);
    CHECK(all_finite(x));
  }
  const Tensor half = zeros({1000}, {.dtype = bfloat16});
  CHECK(has_mean(half.normal_(1, 1, &generator), 1, 1));
}

TEST_CASE("what is filled may be a view, and is not what the tape needs") {
  const Tensor x = zeros({4, 6});
  Generator generator(1);
  x.slice(1, 0, 6, 2).normal_(0, 1, &generator);
  CHECK(sum(abs(x.slice(1, 1, 6, 2))).item() == 0);
  CHECK(min(abs(x.slice(1, 0, 6, 2))).item() > 0);
  generator.manual_seed(1);
  CHECK(equal(zeros({4, 3}).normal_(0, 1, &generator), x.slice(1, 0, 6, 2).contiguous()));
  const Tensor leaf = zeros({2}, {.requires_grad = true});
  for (const auto& fill : std::vector<std::function<void()>>{
           [&] { leaf.uniform_(); }, [&] { leaf.normal_(); }, [&] { leaf.exponential_(); },
           [&] { leaf.bernoulli_(); }, [&] { leaf.bernoulli_(zeros({2})); }}) {
    CHECK_THROWS_AS(fill(), GraphError);
    const NoGradGuard guard;
    CHECK_NOTHROW(fill());
  }
  CHECK(message_of<GraphError>([&] { leaf.exponential_(); }).starts_with("exponential_: would"));
}

TEST_CASE("bernoulli draws what stands at each place") {
  Generator generator(12);
  const Tensor p = tensor({0., 0.25, 1.}).expand({n, 3});
  const Tensor x = bernoulli(p, &generator);
  CHECK(x.dtype() == float32);
  CHECK(values(sum(x.select(1, 0))) == Values{0});
  CHECK(is_frequent(sum(x.select(1, 1)).item(), n, 0.25));
  CHECK(values(sum(x.select(1, 2))) == Values{n});
  const Tensor whole = bernoulli(zeros({n}, {.dtype = int64}), 0.5, &generator);
  CHECK(whole.dtype() == int64);
  CHECK(is_frequent(sum(whole).item(), n, 0.5));
  CHECK(sum(bernoulli(whole, 0)).item() == 0);
  CHECK(sum(bernoulli(whole, 1)).item() == n);
  const Tensor truth = zeros({n}, {.dtype = boolean});
  CHECK(is_frequent(sum(truth.bernoulli_(0.9, &generator)).item(), n, 0.9));
  const Tensor rows = zeros({2, 3}).bernoulli_(tensor({1., 0., 1.}));
  CHECK(values(rows) == Values{1, 0, 1, 1, 0, 1});
  const Tensor chances = full({3}, 0.5).requires_grad_();
  CHECK_FALSE(bernoulli(chances).requires_grad());
  CHECK(message_of<ValueError>([] {
          bernoulli(tensor({0.5, 1.5}));
        }) == "bernoulli: a probability is 1.5");
  CHECK(message_of<ValueError>([] { bernoulli(zeros({2}), -0.5); }) ==
        "bernoulli: p is -0.5, it must lie in [0, 1]");
  CHECK(message_of<DTypeError>([] {
          bernoulli(tensor({0, 1}));
        }) == "bernoulli: takes floating tensors, got int64");
  CHECK(message_of<ShapeError>([] {
          zeros({3}).bernoulli_(zeros({2, 3}));
        }) == "bernoulli_: probabilities [2, 3] for a tensor [3]");
}

TEST_CASE("multinomial draws with replacement as often as weights say") {
  Generator generator(13);
  const Tensor weights = tensor({{0., 1., 3., 0.}, {5., 0., 0., 5.}});
  const Tensor x = multinomial(weights, n, true, &generator);
  CHECK(x.shape() == Shape{2, n});
  CHECK(x.dtype() == int64);
  const Values first = counts(x[0], 4);
  const Values second = counts(x[1], 4);
  CHECK(first[0] + first[3] + second[1] + second[2] == 0);
  CHECK(is_frequent(first[1], n, 0.25));
  CHECK(is_frequent(second[0], n, 0.5));
  CHECK(multinomial(tensor({1., 1.}), 5, true).shape() == Shape{5});
  CHECK(multinomial(zeros({0, 3}), 2).shape() == Shape{0, 2});
}

TEST_CASE("multinomial without replacement draws one after the other from what is left") {
  Generator generator(14);
  constexpr std::int64_t rows = 20'000;
  const Tensor weights = tensor({1., 2., 0., 5.}).expand({rows, 4});
  const Tensor x = multinomial(weights, 3, false, &generator);
  CHECK(equal(x.sort(1).values, tensor({0, 1, 3}).expand({rows, 3}).contiguous()));
  // First 3 with probability 5/8, then 1 with 2/3.
  const Tensor three = x.select(1, 0) == 3;
  CHECK(is_frequent(sum(three).item(), rows, 5.0 / 8));
  CHECK(is_frequent(sum(three.to(int64) * (x.select(1, 1) == 1).to(int64)).item(), rows,
                    5.0 / 8 * 2 / 3));
  CHECK(is_frequent(sum(x.select(1, 0) == 0).item(), rows, 1.0 / 8));
}

TEST_CASE("multinomial says what cannot be drawn") {
  CHECK(message_of<ShapeError>([] {
          multinomial(zeros({1, 1, 2}), 1);
        }) == "multinomial: weights [1, 1, 2] must be [categories] or [rows, categories]");
  CHECK(message_of<ValueError>([] { multinomial(ones({2}), 0); }) ==
        "multinomial: 0 samples; there must be one or more");
  CHECK(message_of<ValueError>([] { multinomial(ones({2}), 3); }) ==
        "multinomial: 3 samples of 2 categories without replacement");
  CHECK(message_of<ValueError>([] {
          multinomial(tensor({{1., 1.}, {1., 0.}}), 2);
        }) == "multinomial: row 1 has 1 positive weights, too few for 2 samples");
  CHECK(message_of<ValueError>([] { multinomial(zeros({2}), 1, true); }) ==
        "multinomial: row 0 has 0 positive weights, too few for 1 samples");
  CHECK(message_of<ValueError>([] {
          multinomial(tensor({1., -1.}), 1);
        }) == "multinomial: a weight is -1");
  CHECK(message_of<ValueError>([] {
          multinomial(tensor({1., NAN}), 1);
        }) == "multinomial: a weight is nan");
  CHECK(message_of<DTypeError>([] {
          multinomial(tensor({1, 2}), 1);
        }) == "multinomial: takes floating tensors, got int64");
}

TEST_CASE("normal takes means and deviations, each a number or a tensor") {
  Generator generator(15);
  const Tensor mean = tensor({-10., 0., 10.});
  const Tensor x = normal(mean.expand({n, 3}), tensor({0., 1., 2.}), &generator);
  CHECK(values(x.select(1, 0).max()) == Values{-10});
  CHECK(has_mean(x.select(1, 1), 0, 1));
  CHECK(has_mean(x.select(1, 2), 10, 2));
  CHECK(has_variance(x.select(1, 2), 10, 4, 3 * 16));
  CHECK(equal(normal(mean, 0), mean));
  CHECK(equal(normal(3, zeros({2})), full({2}, 3.)));
  CHECK(has_mean(normal(1, 2, {n}, {.dtype = float64, .generator = &generator}), 1, 2));
  CHECK(normal(1, 2, {3}, {.requires_grad = true}).requires_grad());
  CHECK_FALSE(normal(zeros({2}).requires_grad_(), 1).requires_grad());
  CHECK(message_of<ValueError>([&] {
          normal(mean, tensor({1., -1., 1.}));
        }) == "normal: a deviation is -1");
  CHECK(message_of<ValueError>([&] { normal(mean, -2); }) ==
        "normal: a deviation of -2; it must not be negative");
  CHECK(message_of<ValueError>([] { normal(0, -2, {2}); }) ==
        "normal: a deviation of -2; it must not be negative");
  CHECK(message_of<DTypeError>([] {
          normal(tensor({1, 2}), 1);
        }) == "normal: makes floating numbers, not int64");
}

TEST_CASE("poisson counts events, few and many") {
  Generator generator(16);
  for (const double rate : {0.0, 0.3, 3.0, 9.9, 10.1, 50.0, 1e6}) {
    CAPTURE(rate);
    const Tensor x = poisson(full({n}, rate, {.dtype = float64}), &generator);
    CHECK(has_mean(x, rate, std::sqrt(rate)));
    CHECK(has_variance(x, rate, rate, rate + 3 * rate * rate));
    CHECK(equal(floor(x), x));
  }
  // P(0) = e⁻², P(3) = 8/6 e⁻².
  const Values few = counts(poisson(full({n}, 2.), &generator), 40);
  CHECK(is_frequent(few[0], n, std::exp(-2)));
  CHECK(is_frequent(few[3], n, std::exp(-2) * 8 / 6));
  // P(12) of 12 is 12¹² e⁻¹² / 12!.
  const Values more = counts(poisson(full({n}, 12.), &generator), 80);
  CHECK(is_frequent(more[12], n, std::exp(12 * std::log(12) - 12 - std::lgamma(13))));
  CHECK(all_finite(poisson(full({10}, 1e300, {.dtype = float64}), &generator)));
  CHECK(message_of<ValueError>([] { poisson(tensor({1., -0.5})); }) == "poisson: a rate is -0.5");
  CHECK(message_of<ValueError>([] { poisson(tensor({std::nan("")})); }) ==
        "poisson: a rate is nan");
}

TEST_CASE("like another tensor") {
  const Tensor x = zeros({2, 3}, {.dtype = float64});
  CHECK(rand_like(x).dtype() == float64);
  CHECK(randn_like(x, {.dtype = float32}).dtype() == float32);
  CHECK(randint_like(x, 5).shape() == Shape{2, 3});
  CHECK(randint_like(x, -3, -2).to_vector<int>() == std::vector<int>(6, -3));
  CHECK(empty_like(x).shape() == x.shape());
  CHECK(empty_like(x.to(int64)).dtype() == int64);
  manual_seed(5);
  const Tensor drawn = rand_like(x);
  manual_seed(5);
  CHECK(equal(rand({2, 3}, {.dtype = float64}), drawn));
  CHECK(randn_like(x, {.requires_grad = true}).requires_grad());
  CHECK(message_of<DTypeError>([] { rand_like(tensor({1})); }) ==
        "rand_like: makes floating numbers, not int64");
  CHECK(message_of<ValueError>([&] { randint_like(x, 0); }) ==
        "randint_like: no whole number lies in [0, 0)");
}

TEST_CASE("the same seed gives the same bits on any number of threads") {
  const Tensor weights = uniform({50, 20}, 0.1, 1);
  const auto all = [&] {
    manual_seed(9);
    std::vector<Tensor> drawn;
    drawn.push_back(bernoulli(weights));
    drawn.push_back(multinomial(weights, 7));
    drawn.push_back(multinomial(weights, 30, true));
    drawn.push_back(normal(weights, weights));
    drawn.push_back(poisson(weights * 20));
    drawn.push_back(zeros({1000}).exponential_());
    drawn.push_back(rand_like(weights));
    return drawn;
  };
  const Threads guard(1);
  const auto alone = all();
  set_num_threads(3);
  const auto shared = all();
  for (std::size_t i = 0; i < alone.size(); ++i) {
    CAPTURE(i);
    CHECK(equal(alone[i], shared[i]));
  }
}

TEST_CASE("fills refuse what they cannot draw from") {
  const Tensor x = zeros({2});
  CHECK(message_of<ValueError>([&] { x.uniform_(1, 0); }) ==
        "uniform_: [1, 0) is no interval of finite float32");
  CHECK(message_of<ValueError>([&] { x.to(float16).uniform_(0, 1e5); }) ==
        "uniform_: [0, 100000) is no interval of finite float16");
  CHECK(message_of<ValueError>([&] { x.normal_(0, -1); }) ==
        "normal_: a deviation of -1; it must not be negative");
  CHECK(message_of<ValueError>([&] { x.exponential_(0); }) ==
        "exponential_: lambd is 0, it must be positive");
  CHECK(message_of<ValueError>([&] { x.bernoulli_(2); }) ==
        "bernoulli_: p is 2, it must lie in [0, 1]");
  CHECK(message_of<DTypeError>([] { tensor({1}).normal_(); }) ==
        "normal_: makes floating numbers, not int64");
}
