// Divergences, against integrals and sums over the values.

#include <xgrad/autograd/gradcheck.hpp>

#include <cmath>

#include "roster.hpp"

using namespace roster;

namespace {

const double inf = std::numeric_limits<double>::infinity();

double kl(const Distribution& p, const Distribution& q) { return kl_divergence(p, q).item(); }

/// ∫ p ln(p / q)
double integral(const Distribution& p, const Distribution& q, const Grid& grid) {
  return expected(p, grid, [&](const Tensor& x) { return p.log_prob(x) - q.log_prob(x); });
}

/// Of two of one family: the roster's, and one of other parameters.
struct Pair {
  std::string name;
  Parameters others;
};

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> pairs{
      {"Normal", {wide(0.5), wide(3)}},
      {"LogNormal", {wide(0.25), wide(1)}},
      {"HalfNormal", {wide(1.5)}},
      {"Uniform", {wide(-2), wide(3.5)}},
      {"Exponential", {wide(1.25)}},
      {"Laplace", {wide(-0.5), wide(1.5)}},
      {"Cauchy", {wide(-1), wide(3)}},
      {"Gumbel", {wide(1.5), wide(2.5)}},
      {"Gamma", {wide(3.5), wide(0.75)}},
      {"Chi2", {wide(4.5)}},
      {"Beta", {wide(1.5), wide(3)}},
      {"Bernoulli", {wide(0.6)}},
      {"Geometric", {wide(0.4)}},
      {"Binomial", {wide(0.5)}},
      {"Poisson", {wide(5)}},
      {"Categorical", {wide({3, 1, 2})}},
  };
  return pairs;
}

const Entry& entry_of(const std::string& name) {
  static const std::vector<Entry> entries = all();
  for (const Entry& entry : entries)
    if (entry.name == name) return entry;
  FAIL("no such entry: " << name);
  return entries.front();
}

}  // namespace

TEST_CASE("the divergence of two of a family is the integral, and 0 of equal ones") {
  for (const auto& [name, others] : pairs()) {
    const Entry& entry = entry_of(name);
    CAPTURE(entry.name);
    const auto p = entry.get(), q = entry.make(others);
    CHECK(kl(*p, *q) == doctest::Approx(integral(*p, *q, entry.grid())).epsilon(1e-6));
    CHECK(std::abs(kl(*p, *p)) < 1e-14);
  }
}

TEST_CASE("divergences have first and second derivatives in all parameters") {
  for (const auto& [name, others] : pairs()) {
    const Entry& entry = entry_of(name);
    CAPTURE(entry.name);
    std::vector<Tensor> inputs;
    for (const Parameters& parameters : {entry.parameters, others})
      for (const Tensor& parameter : parameters)
        inputs.push_back(parameter.clone().requires_grad_());
    const auto half = static_cast<std::ptrdiff_t>(others.size());
    const auto f = [&](const std::vector<Tensor>& x) {
      return kl_divergence(*entry.make(Parameters(x.begin(), x.begin() + half)),
                           *entry.make(Parameters(x.begin() + half, x.end())));
    };
    CHECK(gradcheck(f, inputs));
    CHECK(gradgradcheck(f, inputs));
  }
}

TEST_CASE("the divergence of two different ones is the integral") {
  const Normal normal{wide(0.25), wide(1.75)};
  for (const std::string name : {"LogNormal", "HalfNormal", "Uniform", "Exponential", "Laplace",
                                 "Gumbel", "Gamma", "Chi2", "Beta"}) {
    CAPTURE(name);
    const auto p = get(name);
    CHECK(kl(*p, normal) ==
          doctest::Approx(integral(*p, normal, entry_of(name).grid())).epsilon(1e-6));
  }
  const Exponential exponential{wide(0.75)};
  for (const std::string name : {"LogNormal", "HalfNormal", "Gamma", "Chi2", "Beta"}) {
    CAPTURE(name);
    const auto p = get(name);
    CHECK(kl(*p, exponential) ==
          doctest::Approx(integral(*p, exponential, entry_of(name).grid())).epsilon(1e-6));
  }
  const Gamma gamma{wide(1.5), wide(0.5)};
  for (const std::string name : {"LogNormal", "Exponential", "Beta"}) {
    CAPTURE(name);
    const auto p = get(name);
    CHECK(kl(*p, gamma) ==
          doctest::Approx(integral(*p, gamma, entry_of(name).grid())).epsilon(1e-6));
  }
  const Uniform uniform{wide(0), wide(2)};
  CHECK(kl(uniform, exponential) ==
        doctest::Approx(integral(uniform, exponential, between(0, 2))).epsilon(1e-9));
  CHECK(kl(*get("Beta"), uniform) ==
        doctest::Approx(integral(*get("Beta"), uniform, between(0, 1))).epsilon(1e-6));
  const Laplace laplace{wide(1), wide(2)};
  CHECK(kl(normal, laplace) ==
        doctest::Approx(integral(normal, laplace, whole_line())).epsilon(1e-6));
}

TEST_CASE("vectors") {
  CHECK(kl(Dirichlet{wide({1.5, 2, 3.5})}, Dirichlet{wide({2, 0.5, 1})}) ==
        doctest::Approx(1.6895291323027833).epsilon(1e-14));
  const auto normal = [](std::initializer_list<double> loc, const NestedList& covariance) {
    return MultivariateNormal{wide(loc),
                              {.covariance_matrix = tensor(covariance, {.dtype = float64})}};
  };
  // d = (1, ½)
  CHECK(kl(normal({1, 0.5}, {{2, 0.5}, {0.5, 1}}), normal({0, 0}, {{1, -0.25}, {-0.25, 1.5}})) ==
        doctest::Approx(1.0755578963552338).epsilon(1e-14));
  CHECK(kl(OneHotCategorical{wide({1, 1})}, OneHotCategorical{wide({1, 3})}) ==
        doctest::Approx(0.5 * std::log(4.0 / 3)).epsilon(1e-14));
  const auto of_two = [](double a, double b) { return Independent{Exponential{wide({a, b})}, 1}; };
  CHECK(kl(of_two(1, 2), of_two(3, 4)) ==
        doctest::Approx(kl(Exponential{wide(1)}, Exponential{wide(3)}) +
                        kl(Exponential{wide(2)}, Exponential{wide(4)}))
            .epsilon(1e-14));
}

TEST_CASE("what q never gives costs everything, and what p never gives nothing") {
  CHECK(kl(Bernoulli{wide(0.5)}, Bernoulli{wide(0)}) == inf);
  CHECK(kl(Bernoulli{wide(0.5)}, Bernoulli{wide(1)}) == inf);
  CHECK(kl(Bernoulli{wide(0)}, Bernoulli{wide(0)}) == 0);
  CHECK(kl(Bernoulli{wide(1)}, Bernoulli{wide(1)}) == 0);
  CHECK(kl(Bernoulli{wide(0)}, Bernoulli{wide(0.5)}) == doctest::Approx(std::log(2)));
  CHECK(kl(Categorical{wide({0, 1, 1})}, Categorical{wide({0, 1, 1})}) == 0);
  CHECK(kl(Categorical{wide({0, 1, 1})}, Categorical{wide({1, 0, 1})}) == inf);
  const Categorical masked({.logits = wide({-inf, 0, 0})});
  CHECK(kl(masked, masked) == 0);
  CHECK(kl(masked, Categorical{wide({1, 1, 2})}) ==
        doctest::Approx(0.5 * std::log(2.0)).epsilon(1e-14));
  CHECK(kl(Categorical{wide({1, 1, 2})}, masked) == inf);
  CHECK(kl(Poisson{wide(2)}, Poisson{wide(0)}) == inf);
  CHECK(kl(Poisson{wide(0)}, Poisson{wide(2)}) == 2);
  CHECK(kl(Uniform{wide(0), wide(2)}, Uniform{wide(0), wide(1)}) == inf);
  CHECK(kl(Uniform{wide(-1), wide(2)}, Exponential{wide(1)}) == inf);
  CHECK(kl(Beta{wide(2), wide(2)}, Uniform{wide(0.5), wide(2)}) == inf);
  const Tensor p = wide({0, 0.5, 1}).requires_grad_();
  kl_divergence(Bernoulli{p}, Bernoulli{wide({0.5, 0.25, 0.5})}).sum().backward();
  CHECK(all_finite(p.grad()));
}

TEST_CASE("batches broadcast") {
  const Normal p{zeros({3, 1}), 1}, q{zeros({2}), 2};
  CHECK(kl_divergence(p, q).shape() == Shape{3, 2});
  const Categorical c{ones({4, 1, 3})}, d{ones({2, 3})};
  CHECK(kl_divergence(c, d).shape() == Shape{4, 2});
  const MultivariateNormal m{zeros({4, 1, 2}), {.scale_tril = eye(2)}};
  const MultivariateNormal n{zeros({5, 2}), {.scale_tril = eye(2)}};
  CHECK(kl_divergence(m, n).shape() == Shape{4, 5});
}

TEST_CASE("a pair that is not there, and pairs that do not fit") {
  CHECK(message_of<ValueError>([] {
          kl_divergence(Poisson{1}, Normal{0, 1});
        }) == "kl_divergence: there is no closed form for Poisson and Normal");
  CHECK(message_of<ValueError>([] {
          kl_divergence(Binomial{3, 0.5}, Binomial{4, 0.5});
        }) == "kl_divergence: two Binomial must have one total_count: 3 and 4");
  CHECK(message_of<ValueError>([] {
          const Normal normal{zeros({2, 3}), 1};
          kl_divergence(Independent{normal, 1}, Independent{normal, 2});
        }) == "kl_divergence: two Independent must be of as many axes: 1 and 2");
  // Nothing broadcasts within an event.
  const auto misfit = [](const Distribution& p, const Distribution& q) {
    return message_of<ShapeError>([&] { kl_divergence(p, q); });
  };
  CHECK(misfit(Dirichlet{ones({3})}, Dirichlet{ones({1})}) ==
        "kl_divergence: events must be of one shape: Dirichlet [3] and Dirichlet [1]");
  CHECK(misfit(Independent{Normal{zeros({3}), 1}, 1}, Independent{Normal{zeros({1}), 1}, 1}) ==
        "kl_divergence: events must be of one shape: Independent [3] and Independent [1]");
  CHECK(misfit(OneHotCategorical{ones({3})}, OneHotCategorical{ones({1})}) ==
        "kl_divergence: events must be of one shape: OneHotCategorical [3] and OneHotCategorical "
        "[1]");
  CHECK(misfit(Categorical{ones({2, 3})}, Categorical{ones({1})}) ==
        "kl_divergence: two Categorical must have as many categories: 3 and 1");
}
