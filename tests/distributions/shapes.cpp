// Shapes, dtypes and streams of random numbers.

#include <xgrad/distributions/distributions.hpp>

#include <cmath>
#include <memory>
#include <vector>

#include "support.hpp"

using namespace support;
using namespace xgrad::distributions;

namespace {

using Made = std::vector<std::unique_ptr<Distribution>>;

/// One of each, of batch [2, 3], with parameters that broadcast to it.
Made one_of_each(DType dtype) {
  const Tensor a = full({2, 1}, 0.5, {.dtype = dtype});
  const Tensor b = full({3}, 0.75, {.dtype = dtype});
  const Tensor p = full({2, 3}, 0.25, {.dtype = dtype});
  const Tensor rows = full({2, 3, 4}, 1.5, {.dtype = dtype});
  Made made;
  const auto add = [&](auto distribution) {
    made.push_back(std::make_unique<decltype(distribution)>(std::move(distribution)));
  };
  add(Normal{a, b});
  add(LogNormal{a, b});
  add(HalfNormal{p});
  add(Uniform{a, b});
  add(Exponential{p});
  add(Laplace{a, b});
  add(Cauchy{a, b});
  add(Gumbel{a, b});
  add(Gamma{a, b});
  add(Chi2{p});
  add(Beta{a, b});
  add(StudentT{a, b});
  add(Bernoulli{p});
  add(Geometric{p});
  add(Binomial{5, p});
  add(Poisson{p});
  add(Categorical{rows});
  add(OneHotCategorical{rows});
  add(Multinomial{5, rows});
  add(Dirichlet{rows});
  add(MultivariateNormal{zeros({2, 1, 4}, {.dtype = dtype}),
                         {.scale_tril = expand(eye(4, {}, {.dtype = dtype}), {3, 4, 4})}});
  return made;
}

Shape joined(Shape shape, const Shape& more) {
  for (const std::int64_t extent : more) shape.push_back(extent);
  return shape;
}

}  // namespace

TEST_CASE("shapes are those of the samples, the batch and the event") {
  for (const DType dtype : {float32, float64})
    for (const auto& p : one_of_each(dtype)) {
      CAPTURE(std::string(p->name()));
      CHECK(p->batch_shape() == Shape{2, 3});
      const Shape own = joined({2, 3}, p->event_shape());
      const Tensor x = p->sample({4});
      CHECK(x.shape() == joined({4}, own));
      CHECK(p->sample().shape() == own);
      CHECK(p->sample({0}).shape() == joined({0}, own));
      CHECK(x.dtype() == p->dtype());
      const Tensor l = p->log_prob(x);
      CHECK(l.shape() == Shape{4, 2, 3});
      CHECK(l.dtype() == dtype);
      CHECK(all_finite(l));
      if (std::string(p->name()) == "Poisson") continue;
      CHECK(p->entropy().shape() == Shape{2, 3});
      CHECK(p->entropy().dtype() == dtype);
      if (std::string(p->name()) == "Categorical") continue;
      CHECK(p->mean().shape() == own);
      CHECK(p->variance().shape() == own);
      CHECK(p->mean().dtype() == dtype);
    }
}

TEST_CASE("each of a batch is drawn from its own chances") {
  const Tensor certain = tensor({{1., 0., 0.}, {0., 0., 1.}});
  const Tensor numbers = expand(tensor({0, 2}), {5, 2});
  CHECK(equal(Categorical{certain}.sample({5}), numbers));
  CHECK(equal(OneHotCategorical{certain}.sample({5}), expand(certain, {5, 2, 3})));
  CHECK(equal(Multinomial{4, certain}.sample({5}), expand(4 * certain, {5, 2, 3})));
  CHECK(equal(Categorical{certain}.log_prob(numbers), zeros({5, 2})));
  const Tensor concentration = tensor({1e-2, 1., 1e4}, {.dtype = float64});
  const Tensor x = Gamma{concentration, concentration}.sample({1000});
  CHECK(x.select(1, 2).std().item() < 0.02);
  CHECK(x.select(1, 1).std().item() < x.select(1, 0).std().item());
}

TEST_CASE("samples are off the tape, and rsample on it where there is one") {
  const Tensor mean = zeros({3}, {.requires_grad = true});
  const Normal normal{mean, 1};
  CHECK_FALSE(normal.sample().requires_grad());
  CHECK(normal.rsample().requires_grad());
  Generator one(4), two(4);
  CHECK(equal(normal.sample({2}, &one), normal.rsample({2}, &two).detach()));
  normal.rsample().sum().backward();
  CHECK(values(mean.grad()) == std::vector<double>{1, 1, 1});
}

TEST_CASE("the same seed gives the same bits on any number of threads, and goes on") {
  for (const auto& p : one_of_each(float64)) {
    CAPTURE(std::string(p->name()));
    const auto drawn = [&](int threads) {
      const Threads these(threads);
      Generator generator(6);
      const Tensor first = p->sample({2000}, &generator);
      const Tensor second = p->sample({2000}, &generator);
      CHECK_FALSE(equal(first, second));
      return std::vector{first, second};
    };
    const auto alone = drawn(1), together = drawn(4);
    CHECK(equal(alone[0], together[0]));
    CHECK(equal(alone[1], together[1]));
  }
}

TEST_CASE("numbers take on the dtype of the tensors beside them") {
  CHECK(Normal{0, 1}.sample().dtype() == float32);
  CHECK(Normal{0, 1}.batch_shape() == Shape{});
  CHECK(Normal{full({}, 0, {.dtype = float64}), 1}.sample().dtype() == float64);
  CHECK(Normal{tensor({1, 2}), 2}.sample().dtype() == float32);
  CHECK(Normal{0, 1}.log_prob(0).item() ==
        doctest::Approx(-0.5 * std::log(2 * std::numbers::pi)).epsilon(1e-7));
  CHECK(Poisson{full({}, 2, {.dtype = float64})}.log_prob(tensor({3})).dtype() == float64);
}

TEST_CASE("a function takes any distribution") {
  const auto score = [](const Distribution& p, const Tensor& x) { return p.log_prob(x).sum(); };
  const Tensor x = tensor({0., 1., 1.});
  CHECK(score(Bernoulli{0.5}, x).item() == doctest::Approx(3 * std::log(0.5)));
  CHECK(score(Poisson{1}, x).item() == doctest::Approx(-3));
}

TEST_CASE("Independent makes axes of the batch one event") {
  const Normal normal{zeros({2, 3, 4}), 2};
  const Independent pictures{normal, 2};
  CHECK(pictures.batch_shape() == Shape{2});
  CHECK(pictures.event_shape() == Shape{3, 4});
  const Tensor x = pictures.sample({5});
  CHECK(x.shape() == Shape{5, 2, 3, 4});
  CHECK(equal(pictures.log_prob(x), normal.log_prob(x).sum(-1).sum(-1)));
  CHECK(equal(pictures.entropy(), normal.entropy().sum(-1).sum(-1)));
  CHECK(equal(pictures.variance(), normal.variance()));
  CHECK(pictures.has_rsample());
  const Independent coins{Bernoulli({.logits = zeros({3})}), 1};
  CHECK_FALSE(coins.has_rsample());
  CHECK(coins.log_prob(tensor({1., 0., 1.})).item() == doctest::Approx(3 * std::log(0.5)));
  const Independent rows{Dirichlet{ones({2, 3, 4})}, 1};
  CHECK(rows.event_shape() == Shape{3, 4});
  CHECK(rows.log_prob(rows.sample()).shape() == Shape{2});
}

TEST_CASE("chances at their ends, and logits far out, give numbers") {
  const Tensor p = tensor({0., 1.}, {.requires_grad = true});
  const Bernoulli bernoulli{p};
  CHECK(values(bernoulli.sample()) == std::vector<double>{0, 1});
  CHECK(allclose(bernoulli.log_prob(tensor({0., 1.})), zeros({2}), 0, 1e-7));
  CHECK(all_finite(bernoulli.log_prob(tensor({1., 0.}))));
  CHECK(all_finite(bernoulli.entropy()));
  (bernoulli.log_prob(tensor({1., 0.})) + bernoulli.entropy()).sum().backward();
  CHECK(all_finite(p.grad()));
  const Bernoulli far({.logits = tensor({-1000., 1000.})});
  CHECK(values(far.log_prob(tensor({1., 0.}))) == std::vector<double>{-1000, -1000});
  CHECK(values(far.entropy()) == std::vector<double>{0, 0});
  CHECK(Geometric{1.0}.sample({1000}).sum().item() == 0);
  CHECK(Binomial{4, 0.0}.sample({100}).sum().item() == 0);
  CHECK(Binomial{0, 0.5}.log_prob(0).item() == 0);
  CHECK(values(Multinomial{0, ones({2})}.sample()) == std::vector<double>{0, 0});

  const Tensor logits = tensor({0., 0., -std::numeric_limits<double>::infinity()});
  const Tensor masked = logits.clone().requires_grad_();
  const Categorical categorical({.logits = masked});
  CHECK(categorical.entropy().item() == doctest::Approx(std::log(2)));
  CHECK(all(categorical.sample({1000}) < 2).item<bool>());
  CHECK(std::isinf(categorical.log_prob(2).item()));
  (categorical.entropy() + categorical.log_prob(0)).backward();
  CHECK(all_finite(masked.grad()));
  CHECK(Multinomial(3, {.logits = logits}).log_prob(tensor({1., 2., 0.})).item() ==
        doctest::Approx(std::log(3.0 / 8)));
}

TEST_CASE("one set of chances is given by logits or probs alike") {
  const Tensor p = tensor({0.25, 0.5}, {.dtype = float64});
  const Tensor logits = logit(p);
  CHECK(allclose(Bernoulli({.logits = logits}).probs(), p, 1e-15));
  CHECK(allclose(Bernoulli({.probs = p}).logits(), logits, 1e-15));
  const Tensor weights = tensor({1., 2., 5.}, {.dtype = float64});
  const Categorical by_probs({.probs = weights}), by_logits({.logits = log(weights)});
  CHECK(allclose(by_probs.probs(), weights / 8, 1e-15));
  CHECK(allclose(by_logits.probs(), weights / 8, 1e-15));
  CHECK(allclose(by_probs.logits(), by_logits.logits(), 1e-14));
  CHECK(by_probs.mode().item() == 2);
}
