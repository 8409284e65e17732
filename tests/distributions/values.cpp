// What each distribution says of itself, against numbers worked out elsewhere, integrals of its
// density, and its samples.

#include <xgrad/autograd/gradcheck.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "roster.hpp"

using namespace roster;

namespace {

bool has_moments(const Entry& entry) {
  return entry.name != "Cauchy" && entry.name != "Categorical";
}
bool has_entropy(const Entry& entry) { return entry.name != "Poisson"; }

}  // namespace

TEST_CASE("log_prob is what it is by an independent computation, in both dtypes") {
  for (const Entry& entry : all()) {
    CAPTURE(entry.name);
    CHECK(entry.get()->log_prob(wide(entry.value)).item() ==
          doctest::Approx(entry.log_prob).epsilon(1e-14));
    Parameters narrow;
    for (const Tensor& parameter : entry.parameters) narrow.push_back(parameter.to(float32));
    const Tensor found = entry.make(narrow)->log_prob(entry.value);
    CHECK(found.dtype() == float32);
    // A few roundings of terms that are no larger than 10.
    CHECK(found.item() == doctest::Approx(entry.log_prob).epsilon(3e-6));
  }
}

TEST_CASE("probabilities add up to 1, and moments and entropies are their integrals") {
  for (const Entry& entry : all()) {
    CAPTURE(entry.name);
    const auto p = entry.get();
    const Grid grid = entry.grid();
    CHECK(expected(*p, grid, [](const Tensor& x) { return ones_like(x); }) ==
          doctest::Approx(1).epsilon(1e-7));
    if (has_entropy(entry))
      CHECK(expected(*p, grid, [&](const Tensor& x) { return -p->log_prob(x); }) ==
            // Cauchy's integrand has the singularity of ln at both ends.
            doctest::Approx(p->entropy().item()).epsilon(entry.name == "Cauchy" ? 1e-5 : 1e-6));
    if (!has_moments(entry)) continue;
    const double mean = p->mean().item();
    CHECK(expected(*p, grid, [](const Tensor& x) { return x; }) ==
          doctest::Approx(mean).epsilon(1e-6));
    CHECK(expected(*p, grid, [&](const Tensor& x) { return square(x - mean); }) ==
          doctest::Approx(p->variance().item()).epsilon(1e-6));
    CHECK(p->stddev().item() == doctest::Approx(std::sqrt(p->variance().item())).epsilon(1e-14));
  }
}

TEST_CASE("nothing is likelier than the mode") {
  for (const Entry& entry : all()) {
    CAPTURE(entry.name);
    if (entry.name == "Uniform") continue;
    const auto p = entry.get();
    const double at_mode = p->log_prob(p->mode()).item();
    CHECK(amax(p->log_prob(entry.grid().points)).item() <= at_mode + 1e-12);
  }
}

TEST_CASE("cdf is the integral of the density, and icdf its inverse") {
  for (const std::string name : {"Normal", "LogNormal", "HalfNormal", "Uniform", "Exponential",
                                 "Laplace", "Cauchy", "Gumbel", "Gamma", "Chi2"}) {
    CAPTURE(name);
    const auto p = get(name);
    const Tensor x = name == "Laplace" ? wide({-3, 1, 2.5}) : wide({0.25, 1, 2.5});
    const Tensor steps = arange(100001, {.dtype = float64}) / 100000;
    for (std::int64_t i = 0; i < 2; ++i) {
      const Tensor points = x[i] + steps * (x[i + 1] - x[i]);
      const Tensor density = exp(p->log_prob(points));
      const Tensor sum = density.sum() - 0.5 * (density[0] + density[-1]);
      CHECK((p->cdf(x[i + 1]) - p->cdf(x[i])).item() ==
            doctest::Approx((sum * (x[i + 1] - x[i]) / 100000).item()).epsilon(1e-9));
    }
    if (name == "Gamma" || name == "Chi2") continue;
    CHECK(allclose(p->icdf(p->cdf(x)), x, 1e-12, 1e-12));
  }
}

TEST_CASE("tails keep their digits") {
  const Normal normal{wide(0), wide(1)};
  // Φ by mpmath.
  CHECK(normal.cdf(-6).item() == doctest::Approx(9.8658764503769814e-10).epsilon(1e-14).scale(0));
  CHECK(normal.cdf(2).item() == doctest::Approx(0.97724986805182079).epsilon(1e-15));
  const Laplace laplace{wide(0), wide(1)};
  CHECK(laplace.cdf(-100).item() ==
        doctest::Approx(0.5 * std::exp(-100.0)).epsilon(1e-14).scale(0));
  CHECK(laplace.icdf(wide(1e-40)).item() == doctest::Approx(std::log(2e-40)).epsilon(1e-14));
  CHECK(laplace.cdf(1e5).item() == 1);
  CHECK(Exponential{wide(1)}.cdf(wide(1e-20)).item() ==
        doctest::Approx(1e-20).epsilon(1e-14).scale(0));
}

TEST_CASE("chances near 1 keep the digits of their entropy") {
  const std::vector<double> logits{-50, -17, 0, 17, 50};
  const Tensor found = Bernoulli({.logits = from_vector(logits).to(float32)}).entropy();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const double l = std::abs(logits[i]);
    const double right = std::log1p(std::exp(-l)) + l / (1 + std::exp(l));
    CHECK(values(found)[i] == doctest::Approx(right).epsilon(1e-6).scale(0));
  }
}

TEST_CASE("Cauchy keeps the digits of both tails, and the ends are infinite") {
  for (const DType dtype : {float32, float64}) {
    const Cauchy cauchy{zeros({}, {.dtype = dtype}), 1};
    const double rounding = dtype == float32 ? 1e-6 : 1e-14;
    // 1 / (π |x|) there, but for a part of 1 / (3 x²).
    CHECK(cauchy.cdf(-1e12).item() ==
          doctest::Approx(1e-12 / std::numbers::pi).epsilon(rounding).scale(0));
    CHECK(cauchy.icdf(1e-12).item() == doctest::Approx(-1e12 / std::numbers::pi).epsilon(rounding));
    CHECK(cauchy.icdf(0.75).item() == doctest::Approx(1).epsilon(rounding));
    CHECK(cauchy.icdf(0.875).item() == doctest::Approx(1 + std::numbers::sqrt2).epsilon(rounding));
    CHECK(values(cauchy.icdf(tensor({0., 0.5, 1.}).to(dtype))) ==
          std::vector<double>{-INFINITY, 0, INFINITY});
    const Tensor p = tensor({0.125, 0.25, 0.5, 0.75, 0.875}).to(dtype).requires_grad_();
    cauchy.icdf(p).sum().backward();
    // π (1 + x²)
    const Tensor x = cauchy.icdf(p.detach());
    CHECK(allclose(p.grad(), std::numbers::pi * (1 + square(x)), 10 * rounding, 0));
  }
}

TEST_CASE("icdf of a Normal of float32 reaches as far as cdf does") {
  // Φ⁻¹ by mpmath.
  CHECK(Normal{0, 1}.icdf(1e-10).item() == doctest::Approx(-6.3613409024040557).epsilon(1e-6));
  CHECK(LogNormal{0, 1}.icdf(1e-10).item() ==
        doctest::Approx(std::exp(-6.3613409024040557)).epsilon(1e-5).scale(0));
}

TEST_CASE("what cancels in densities of large parameters is worked out in float64") {
  const auto agree = [](const Distribution& p, const Distribution& wider, const Tensor& x) {
    CAPTURE(p.name());
    const Tensor l = p.log_prob(x);
    CHECK(l.dtype() == float32);
    CHECK(allclose(to(l, float64), wider.log_prob(to(x, float64)), 1e-6, 0));
  };
  const Tensor n = tensor({3., 1e4, 1e6}).to(float32);
  const Tensor m = n.to(float64);
  const Tensor half = full({}, 0.5);
  agree(StudentT{n}, StudentT{m}, ones({}));
  agree(Gamma{n, 2}, Gamma{m, 2}, half * n);
  agree(Chi2{n}, Chi2{m}, n);
  agree(Beta{n, n}, Beta{m, m}, half);
  agree(Dirichlet{stack({n, n}, -1)}, Dirichlet{stack({m, m}, -1)}, full({2}, 0.5));
  agree(Poisson{n}, Poisson{m}, n);
  agree(Binomial{1'000'000, 0.5}, Binomial{1'000'000, half.to(float64)}, full({}, 500'000.));
  agree(Multinomial{1'000'000, ones({2})}, Multinomial{1'000'000, ones({2}, {.dtype = float64})},
        full({2}, 500'000.));
  const auto alike = [](const Tensor& found, const Tensor& right) {
    CHECK(found.dtype() == float32);
    CHECK(allclose(to(found, float64), right, 1e-6, 0));
  };
  alike(StudentT{n}.entropy(), StudentT{m}.entropy());
  alike(Gamma{n, 2}.entropy(), Gamma{m, 2}.entropy());
  alike(Beta{n, n}.entropy(), Beta{m, m}.entropy());
  alike(Dirichlet{stack({n, n}, -1)}.entropy(), Dirichlet{stack({m, m}, -1)}.entropy());
  alike(kl_divergence(Gamma{n, 2}, Gamma{half * n, 1}),
        kl_divergence(Gamma{m, 2}, Gamma{0.5 * m, 1}));
}

TEST_CASE("samples have the mean, the variance and the entropy") {
  for (const Entry& entry : all()) {
    CAPTURE(entry.name);
    const auto p = entry.get();
    Generator generator(11);
    constexpr std::int64_t count = 100000;
    const Tensor x = p->sample({count}, &generator);
    // Within five standard errors, as the samples themselves have them.
    const auto close = [&](const Tensor& of_samples, const Tensor& expected_value) {
      const double error = of_samples.std().item() / std::sqrt(double(count));
      CHECK(std::abs(of_samples.mean().item() - expected_value.item()) <= 5 * error);
    };
    if (has_entropy(entry)) {
      const Tensor l = p->log_prob(x);
      if (entry.name == "Uniform")
        CHECK((-l[0]).item() == doctest::Approx(p->entropy().item()));
      else
        close(-l, p->entropy());
    }
    if (!has_moments(entry)) continue;
    close(x, p->mean());
    if (entry.name != "StudentT") close(square(x - p->mean()), p->variance());
  }
}

TEST_CASE("samples are distributed as the cumulative function says") {
  // Kolmogorov and Smirnov: √n sup |F_n − F| is above 1.95 once in a thousand times.
  const auto distance = [](const Tensor& sorted_cdf) {
    const std::vector<double> f = values(sorted_cdf);
    const auto n = static_cast<double>(f.size());
    double worst = 0;
    for (std::size_t i = 0; i < f.size(); ++i) {
      const auto at = static_cast<double>(i);
      worst = std::max({worst, f[i] - at / n, (at + 1) / n - f[i]});
    }
    return worst * std::sqrt(n);
  };
  const auto check = [&](const Distribution& p, std::int64_t count) {
    Generator generator(5);
    const Tensor u = p.cdf(p.sample({count}, &generator)).sort(0).values;
    CAPTURE(std::string(p.name()));
    CHECK(distance(u) < 1.95);
  };
  for (const std::string name : {"Normal", "LogNormal", "HalfNormal", "Uniform", "Exponential",
                                 "Laplace", "Cauchy", "Gumbel"})
    check(*get(name), 20000);
  for (const double alpha : {0.05, 0.4, 0.999, 1.0, 2.5, 100.0, 1e4})
    check(Gamma{wide(alpha), wide(3)}, 100000);
}

TEST_CASE("whole numbers occur as often as their probabilities say") {
  for (const std::string name : {"Bernoulli", "Geometric", "Binomial", "Poisson", "Categorical"}) {
    CAPTURE(name);
    const auto p = get(name);
    Generator generator(21);
    constexpr std::int64_t count = 100000;
    const Tensor x = p->sample({count}, &generator).to(float64);
    double chi2 = 0, cells = 0, seen = 0;
    for (int k = 0; k <= 30; ++k) {
      if (k > 1 && name == "Bernoulli") break;
      if (k > 2 && name == "Categorical") break;
      if (k > 7 && name == "Binomial") break;
      const double expected_count = count * std::exp(p->log_prob(k).item());
      if (expected_count < 5) break;
      const double found = (x == k).to(float64).sum().item();
      chi2 += (found - expected_count) * (found - expected_count) / expected_count;
      ++cells;
      seen += found;
    }
    CHECK(cells >= 2);
    CHECK(seen >= 0.99 * count);
    // Mean k and variance 2k.
    CHECK(chi2 < cells + 5 * std::sqrt(2 * cells));
  }
}

TEST_CASE("log_prob and entropy have first and second derivatives") {
  for (const Entry& entry : all()) {
    CAPTURE(entry.name);
    const bool is_whole = entry.grid().weights[0].item() == 1;
    std::vector<Tensor> inputs;
    for (const Tensor& parameter : entry.parameters)
      inputs.push_back(parameter.clone().requires_grad_());
    const std::size_t own = inputs.size();
    const Tensor value = wide(entry.value);
    if (!is_whole) inputs.push_back(value.clone().requires_grad_());
    const auto log_prob = [&](const std::vector<Tensor>& x) {
      const Parameters parameters(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(own));
      return entry.make(parameters)->log_prob(is_whole ? value : x.back());
    };
    CHECK(gradcheck(log_prob, inputs));
    CHECK(gradgradcheck(log_prob, inputs));
    if (!has_entropy(entry)) continue;
    inputs.resize(own);
    const auto entropy = [&](const std::vector<Tensor>& x) { return entry.make(x)->entropy(); };
    CHECK(gradcheck(entropy, inputs));
    CHECK(gradgradcheck(entropy, inputs));
  }
}

TEST_CASE("rsample is the quantile of fixed numbers, differentiated") {
  for (const std::string name : {"Normal", "LogNormal", "HalfNormal", "Uniform", "Exponential",
                                 "Laplace", "Cauchy", "Gumbel"})
    for (const Entry& entry : all()) {
      if (entry.name != name) continue;
      CAPTURE(name);
      std::vector<Tensor> inputs;
      for (const Tensor& parameter : entry.parameters)
        inputs.push_back(parameter.clone().requires_grad_());
      const auto drawn = [&](const std::vector<Tensor>& x) {
        Generator same(3);
        return entry.make(x)->rsample({6}, &same);
      };
      CHECK(gradcheck(drawn, inputs));
      CHECK(gradgradcheck(drawn, inputs));
    }
}

TEST_CASE("vectors: values, moments and entropies") {
  const Dirichlet dirichlet{wide({1.5, 2, 3.5})};
  CHECK(dirichlet.log_prob(wide({0.25, 0.25, 0.5})).item() ==
        doctest::Approx(1.6867503542185728).epsilon(1e-14));
  CHECK(dirichlet.entropy().item() == doctest::Approx(-1.2068434306052668).epsilon(1e-14));
  const Multinomial multinomial{6, wide({1, 2, 5})};
  CHECK(multinomial.log_prob(wide({1, 2, 3})).item() ==
        doctest::Approx(-2.1676965894347231).epsilon(1e-14));
  CHECK(multinomial.entropy().item() == doctest::Approx(2.5273452199982687).epsilon(1e-13));
  const OneHotCategorical one_hot_categorical{wide({1, 2, 5})};
  CHECK(one_hot_categorical.log_prob(wide({0, 1, 0})).item() ==
        doctest::Approx(std::log(0.25)).epsilon(1e-15));
  CHECK(one_hot_categorical.entropy().item() ==
        doctest::Approx(0.90025605126853687).epsilon(1e-14));
  CHECK(values(one_hot_categorical.mode()) == std::vector<double>{0, 0, 1});
  const Tensor covariance = tensor({{2, 0.5}, {0.5, 1}}, {.dtype = float64});
  const MultivariateNormal normal{wide({1, 2}), {.covariance_matrix = covariance}};
  CHECK(normal.log_prob(wide({1.5, 1})).item() ==
        doctest::Approx(-2.9033992460913425).epsilon(1e-14));
  CHECK(normal.entropy().item() == doctest::Approx(3.1176849603770568).epsilon(1e-14));

  const auto check_moments = [](const Distribution& p) {
    CAPTURE(std::string(p.name()));
    Generator generator(8);
    const Tensor x = p.sample({100000}, &generator);
    const Tensor error = sqrt(p.variance() / 100000);
    CHECK(all(abs(x.mean(0) - p.mean()) <= 5 * error).item<bool>());
    const Tensor squares = square(x - p.mean());
    CHECK(all(abs(squares.mean(0) - p.variance()) <= 5 * squares.std(0) / std::sqrt(1e5))
              .item<bool>());
    const Tensor l = p.log_prob(x);
    CHECK(std::abs(l.mean().item() + p.entropy().item()) <= 5 * l.std().item() / std::sqrt(1e5));
  };
  check_moments(dirichlet);
  check_moments(multinomial);
  check_moments(one_hot_categorical);
  check_moments(normal);
}

TEST_CASE("a covariance is the same in all three ways, and reaches each of them") {
  const Tensor L = tensor({{1.5, 0}, {-0.5, 2}}, {.dtype = float64});
  const Tensor covariance = L.matmul(L.t());
  const Tensor loc = wide({1, -1});
  const MultivariateNormal by_scale{loc, {.scale_tril = L}};
  const MultivariateNormal by_covariance{loc, {.covariance_matrix = covariance}};
  const MultivariateNormal by_precision{loc, {.precision_matrix = linalg::inv(covariance)}};
  for (const MultivariateNormal& p : {by_scale, by_covariance, by_precision}) {
    CHECK(allclose(p.scale_tril(), L, 1e-13, 1e-13));
    CHECK(allclose(p.covariance_matrix(), covariance, 1e-13, 1e-13));
    CHECK(allclose(p.precision_matrix(), linalg::inv(covariance), 1e-13, 1e-13));
    CHECK(values(p.variance())[1] == doctest::Approx(4.25).epsilon(1e-13));
  }
  const Tensor x = wide({0.5, 0.25});
  // Any matrix A stands for the covariance A Aᵀ + 1, or the precision.
  const auto check = [&](const char* which) {
    CAPTURE(which);
    const auto made = [which](const Tensor& m, const Tensor& A) {
      const Tensor positive = A.matmul(A.t()) + eye(2, {}, {.dtype = float64});
      return which[0] == 'c' ? MultivariateNormal{m, {.covariance_matrix = positive}}
                             : MultivariateNormal{m, {.precision_matrix = positive}};
    };
    const std::vector<Tensor> inputs{loc.clone().requires_grad_(), L.clone().requires_grad_()};
    const auto log_prob = [&](const Tensor& m, const Tensor& A) { return made(m, A).log_prob(x); };
    CHECK(gradcheck(log_prob, inputs));
    CHECK(gradgradcheck(log_prob, inputs));
    CHECK(gradcheck(
        [&](const Tensor& m, const Tensor& A) {
          Generator same(2);
          return made(m, A).rsample({3}, &same);
        },
        inputs));
  };
  check("covariance");
  check("precision");
}

TEST_CASE("derivatives of the log_prob and the entropy of vectors") {
  const Tensor a = wide({1.5, 2, 3.5}).requires_grad_();
  const Tensor simplex = wide({0.25, 0.25, 0.5});
  const auto check = [](const auto& f, const Tensor& x) {
    CHECK(gradcheck(f, {x}));
    CHECK(gradgradcheck(f, {x}));
  };
  check([&](const Tensor& t) { return Dirichlet{t}.log_prob(simplex); }, a);
  check([](const Tensor& t) { return Dirichlet{t}.entropy(); }, a);
  check([](const Tensor& t) { return Multinomial(6, {.logits = t}).log_prob(wide({1, 2, 3})); }, a);
  check([](const Tensor& t) { return Multinomial(4, {.probs = t}).entropy(); }, a);
  check(
      [](const Tensor& t) {
        return OneHotCategorical({.logits = t}).log_prob(wide({0, 1, 0}));
      },
      a);
  check([](const Tensor& t) { return Categorical({.logits = t}).entropy(); }, a);
}

TEST_CASE("vectors of a normal distribution meet values and parameters of other dtypes") {
  const Tensor loc = wide({0.5, -1});
  const Tensor L = from_vector(std::vector<double>{2, 0, 1, 0.5}).reshape({2, 2});
  const Tensor x = wide({1, 3});
  const MultivariateNormal exact(loc, {.scale_tril = L});
  const MultivariateNormal rounded(to(loc, float32), {.scale_tril = to(L, float32)});
  // All of these numbers are float32's.
  CHECK(rounded.log_prob(x).dtype() == float64);
  CHECK(rounded.log_prob(x).item<double>() == exact.log_prob(x).item<double>());
  const MultivariateNormal q(zeros({2}), {.scale_tril = eye(2)});
  CHECK(kl_divergence(exact, q).dtype() == float64);
  // tr(L Lᵀ) = 5.25, |loc|² = 1.25 and det L = 1
  CHECK(kl_divergence(exact, q).item<double>() == doctest::Approx(0.5 * (5.25 + 1.25 - 2)));
  const MultivariateNormal whole(tensor({1, 2}), {.covariance_matrix = to(eye(2), int64)});
  CHECK(whole.dtype() == float32);
  CHECK(whole.mean().dtype() == float32);
  CHECK(whole.variance().sum().item() == 2);
}
