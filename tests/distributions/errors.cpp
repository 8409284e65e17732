// What distributions refuse, and how they say it.

#include <xgrad/distributions/distributions.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;
using namespace xgrad::distributions;

namespace {

template <class F>
std::string said(F f) {
  return message_of<ValueError>(f);
}

const double undefined = std::nan("");

}  // namespace

TEST_CASE("parameters outside of their range are named, with the first that is") {
  CHECK(said([] {
          Normal{tensor({0., 1.}), tensor({{1., 2.}, {3., -0.1}})};
        }) == "Normal: scale must be positive: -0.1 at [1, 1]");
  CHECK(said([] { Normal{undefined, 1}; }) == "Normal: loc must be a number: nan");
  CHECK(said([] { Normal{0, undefined}; }) == "Normal: scale must be positive: nan");
  CHECK(said([] { LogNormal{0, 0}; }) == "LogNormal: scale must be positive: 0");
  CHECK(said([] { HalfNormal{-1}; }) == "HalfNormal: scale must be positive: -1");
  CHECK(said([] { Uniform{tensor({0., 3.}), 2}; }) == "Uniform: low must be below high: 3 at [1]");
  CHECK(said([] { Uniform{0, INFINITY}; }) == "Uniform: high must be finite: inf");
  CHECK(said([] { Exponential{0}; }) == "Exponential: rate must be positive: 0");
  CHECK(said([] { Laplace{0, 0}; }) == "Laplace: scale must be positive: 0");
  CHECK(said([] { Cauchy{0, -2}; }) == "Cauchy: scale must be positive: -2");
  CHECK(said([] { Gumbel{0, -2}; }) == "Gumbel: scale must be positive: -2");
  CHECK(said([] {
          Gamma{INFINITY, 1};
        }) == "Gamma: concentration must be positive and finite: inf");
  CHECK(said([] { Gamma{1, 0}; }) == "Gamma: rate must be positive: 0");
  CHECK(said([] { Chi2{0}; }) == "Chi2: df must be positive and finite: 0");
  CHECK(said([] { Beta{1, -1}; }) == "Beta: concentration0 must be positive and finite: -1");
  CHECK(said([] {
          Dirichlet{tensor({1., 0.})};
        }) == "Dirichlet: concentration must be positive and finite: 0 at [1]");
  CHECK(said([] { StudentT{0}; }) == "StudentT: df must be positive and finite: 0");
  CHECK(said([] { Bernoulli{1.5}; }) == "Bernoulli: probs must lie in [0, 1]: 1.5");
  CHECK(said([] { Bernoulli({.logits = INFINITY}); }) == "Bernoulli: logits must be finite: inf");
  CHECK(said([] { Geometric{0}; }) == "Geometric: probs must lie in (0, 1]: 0");
  CHECK(said([] { Binomial{-1, 0.5}; }) == "Binomial: total_count must be 0 or more: -1");
  CHECK(said([] {
          Binomial{(std::int64_t{1} << 53) + 1, 0.5};
        }) == "Binomial: total_count must be at most 2^53: 9007199254740993");
  CHECK(said([] { Binomial((1 << 24) + 1, 0.5).sample(); }) ==
        "Binomial: samples of a total_count above 2^24 would take too long: 16777217");
  CHECK(message_of<ShapeError>([] {
          Normal{0, 1}.sample({2, -1});
        }) == "Normal: samples of shape [2, -1]: no extent may be negative");
  CHECK(said([] {
          Multinomial{-1, ones({2})};
        }) == "Multinomial: total_count must be 0 or more: -1");
  CHECK(said([] { Poisson{-1}; }) == "Poisson: rate must be 0 or more and finite: -1");
  CHECK(said([] {
          Categorical{tensor({1., -1.})};
        }) == "Categorical: probs must be 0 or more and finite: -1 at [1]");
  CHECK(said([] {
          Categorical{tensor({{1., 1.}, {0., 0.}})};
        }) == "Categorical: the largest of the probs must be positive: 0 at [1]");
  CHECK(said([] {
          Categorical({.logits = tensor({0., undefined})});
        }) == "Categorical: logits must be below infinity: nan at [1]");
  CHECK(said([] { Categorical({.logits = full({2}, -INFINITY)}); }) ==
        "Categorical: the largest of the logits must be finite: -inf");
}

TEST_CASE("values outside of the support are named, with the first that is") {
  CHECK(said([] { Normal{0, 1}.log_prob(undefined); }) == "Normal: a value must be a number: nan");
  CHECK(said([] { LogNormal{0, 1}.log_prob(0); }) == "LogNormal: a value must be positive: 0");
  CHECK(said([] { HalfNormal{1}.cdf(-1); }) == "HalfNormal: a value must be 0 or more: -1");
  CHECK(said([] {
          Uniform{0, 2}.log_prob(tensor({1., 2.5}));
        }) == "Uniform: a value must lie in [low, high]: 2.5 at [1]");
  CHECK(said([] { Exponential{1}.log_prob(-0.5); }) ==
        "Exponential: a value must be 0 or more: -0.5");
  CHECK(said([] { Gamma{1, 1}.log_prob(-2); }) == "Gamma: a value must be 0 or more: -2");
  CHECK(said([] { Beta{1, 1}.log_prob(1.25); }) == "Beta: a value must lie in [0, 1]: 1.25");
  CHECK(said([] {
          Dirichlet{ones({2})}.log_prob(tensor({0.5, 0.25}));
        }) == "Dirichlet: the sum of a value must be 1: 0.75");
  CHECK(said([] {
          Dirichlet{ones({2})}.log_prob(tensor({1.5, -0.5}));
        }) == "Dirichlet: a value must be 0 or more: -0.5 at [1]");
  CHECK(said([] { Bernoulli{0.5}.log_prob(0.5); }) == "Bernoulli: a value must be 0 or 1: 0.5");
  CHECK(said([] { Geometric{0.5}.log_prob(1.5); }) ==
        "Geometric: a value must be a whole number from 0 on: 1.5");
  CHECK(said([] {
          Binomial{3, 0.5}.log_prob(tensor({3, 4}));
        }) == "Binomial: a value must be a whole number from 0 to 3: 4 at [1]");
  CHECK(said([] { Poisson{1}.log_prob(-1); }) ==
        "Poisson: a value must be a whole number from 0 on: -1");
  CHECK(said([] { Categorical{ones({3})}.log_prob(3); }) ==
        "Categorical: a value must be a category from 0 to 2: 3");
  CHECK(said([] { Categorical{ones({3})}.log_prob(0.5); }) ==
        "Categorical: a value must be a category from 0 to 2: 0.5");
  CHECK(said([] {
          OneHotCategorical{ones({2})}.log_prob(tensor({1., 1.}));
        }) == "OneHotCategorical: the sum of a value must be 1: 2");
  CHECK(said([] {
          Multinomial{3, ones({2})}.log_prob(tensor({1., 1.}));
        }) == "Multinomial: the sum of a value must be total_count, 3: 2");
  CHECK(said([] { Normal{0, 1}.icdf(1.5); }) == "Normal: a probability must lie in [0, 1]: 1.5");
}

TEST_CASE("without validate_args they pass, as densities of 0 where there are such") {
  constexpr Options unchecked{.validate_args = false};
  CHECK(Normal{0, -1, unchecked}.loc().item() == 0);
  CHECK(std::isinf(Uniform{0, 1, unchecked}.log_prob(2).item()));
  CHECK(std::isinf(Exponential{1, unchecked}.log_prob(-1).item()));
  CHECK(std::isinf(HalfNormal{1, unchecked}.log_prob(-1).item()));
  CHECK(Uniform{0, 1, unchecked}.cdf(2).item() == 1);
  CHECK(Exponential{1, unchecked}.cdf(-1).item() == 0);
  CHECK(HalfNormal{1, unchecked}.cdf(-1).item() == 0);
}

TEST_CASE("what is not there is said") {
  CHECK(said([] { Poisson{1}.entropy(); }) == "Poisson: there is no entropy() in closed form");
  CHECK(said([] { Poisson{1}.cdf(1); }) == "Poisson: there is no cdf() in closed form");
  CHECK(said([] { Gamma{1, 1}.icdf(0.5); }) == "Gamma: there is no icdf() in closed form");
  CHECK(said([] { Categorical{ones({2})}.mean(); }) ==
        "Categorical: there is no mean() in closed form");
  CHECK(said([] { Uniform{0, 1}.mode(); }) == "Uniform: there is no mode() in closed form");
  CHECK(said([] { Bernoulli{0.5}.rsample(); }) ==
        "Bernoulli: there is no rsample(): samples have no gradient; use sample() and log_prob()");
}

TEST_CASE("arguments that are missing, or too many") {
  CHECK(said([] { Normal{Tensor(), 1}; }) == "Normal: loc is undefined");
  CHECK(said([] { Normal{0, 1}.log_prob(Tensor()); }) == "Normal: the value is undefined");
  CHECK(said([] { Bernoulli{ProbsOrLogits{}}; }) == "Bernoulli: give either probs or logits");
  CHECK(said([] { Categorical({.probs = ones({2}), .logits = ones({2})}); }) ==
        "Categorical: give either probs or logits");
  CHECK(said([] { MultivariateNormal(zeros({2}), {}); }) ==
        "MultivariateNormal: give covariance_matrix, precision_matrix or scale_tril");
  CHECK(said([] {
          MultivariateNormal(zeros({2}), {.covariance_matrix = eye(2), .scale_tril = eye(2)});
        }) ==
        "MultivariateNormal: covariance_matrix and scale_tril are given: one of them is enough");
  CHECK(said([] {
          Independent{std::shared_ptr<const Distribution>(), 0};
        }) == "Independent: the base is missing");
}

TEST_CASE("shapes that do not fit") {
  const auto shape_error = [](auto f) { return message_of<ShapeError>(f); };
  CHECK(shape_error([] {
          Normal{zeros({2}), ones({3})};
        }) ==
        "Normal: shapes [2] and [3] do not broadcast: axis 0 has 2 and 3; they must be equal, or "
        "one of them 1");
  CHECK(shape_error([] {
          Normal{zeros({2}), 1}.log_prob(zeros({3}));
        }) ==
        "Normal: shapes [3] and [2] do not broadcast: axis 0 has 3 and 2; they must be equal, or "
        "one of them 1");
  CHECK(shape_error([] { Dirichlet{1}; }) ==
        "Dirichlet: parameters must be [..., n], one for each place of an event: []");
  CHECK(shape_error([] { Categorical{zeros({0})}; }) ==
        "Categorical: there must be one or more categories: [0]");
  CHECK(shape_error([] { Dirichlet{ones({3})}.log_prob(ones({2})); }) ==
        "Dirichlet: a value [2] must end in the event's shape [3]");
  CHECK(shape_error([] { MultivariateNormal(zeros({2}), {.scale_tril = eye(3)}); }) ==
        "MultivariateNormal: loc [2] and scale_tril [3, 3] must be [..., n] and [..., n, n]");
  CHECK(shape_error([] {
          Dirichlet{zeros({3, 0})};
        }) == "Dirichlet: there must be one or more numbers: [3, 0]");
  CHECK(shape_error([] {
          Independent{Normal{zeros({2}), 1}, 2};
        }) == "Independent: 2 axes of a Normal whose batch is [2]");
  CHECK(shape_error([] {
          kl_divergence(Normal{zeros({2}), 1}, Normal{zeros({3}), 1});
        }) ==
        "kl_divergence: shapes [2] and [3] do not broadcast: axis 0 has 2 and 3; they must be "
        "equal, or one of them 1");
}

TEST_CASE("numbers of 16 bits have too few digits") {
  CHECK(message_of<DTypeError>([] {
          Normal{zeros({2}, {.dtype = bfloat16}), 1};
        }) == "Normal: takes float32 and float64, not bfloat16");
  CHECK(message_of<DTypeError>([] {
          MultivariateNormal(zeros({2}), {.scale_tril = eye(2, {}, {.dtype = float16})});
        }) == "MultivariateNormal: takes float32 and float64, not float16");
}

TEST_CASE("matrices that are no covariance") {
  const Tensor loc = zeros({2});
  CHECK(said([&] {
          MultivariateNormal(loc, {.covariance_matrix = tensor({{1., 0.5}, {0.25, 1.}})});
        }) == "MultivariateNormal: covariance_matrix must be symmetric: 0.5 at [0, 1]");
  CHECK(said([&] {
          MultivariateNormal(loc, {.scale_tril = tensor({{1., 0.5}, {0., 1.}})});
        }) == "MultivariateNormal: scale_tril must be 0 above its diagonal: 0.5 at [0, 1]");
  CHECK(said([&] {
          MultivariateNormal(loc, {.scale_tril = tensor({{1., 0.}, {0.5, 0.}})});
        }) == "MultivariateNormal: the diagonal of scale_tril must be positive: 0 at [1]");
  CHECK(said([&] {
          MultivariateNormal(loc, {.covariance_matrix = tensor({{1., 2.}, {2., 1.}})});
        }) ==
        "cholesky: the matrix is not positive definite: its leading minor of order 2 is not "
        "positive");
}
