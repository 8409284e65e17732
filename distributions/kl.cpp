#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/distributions/categorical.hpp>
#include <xgrad/distributions/continuous.hpp>
#include <xgrad/distributions/gamma.hpp>
#include <xgrad/distributions/independent.hpp>
#include <xgrad/distributions/kl.hpp>
#include <xgrad/distributions/multivariate_normal.hpp>
#include <xgrad/distributions/normal.hpp>
#include <xgrad/distributions/parameters.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/special.hpp>

#include <cmath>
#include <concepts>
#include <numbers>

namespace xgrad::distributions {
namespace {

using std::numbers::egamma;
using std::numbers::ln2;
using std::numbers::pi;

/// Batches broadcast, what is within an event does not.
void require_one_event(const Distribution& p, const Distribution& q) {
  if (p.event_shape() != q.event_shape())
    raise<ShapeError>("kl_divergence: events must be of one shape: {} {} and {} {}", p.name(),
                      p.event_shape(), q.name(), q.event_shape());
}

// ---- two of one family

/// Of numbers around 0 with deviations in that ratio, ½ (r² − 1 − ln r²).
Tensor of_deviations(const Tensor& ratio) { return 0.5 * (square(ratio) - 1) - log(ratio); }

template <class P>
Tensor of_locations(const P& p, const P& q) {
  return of_deviations(p.scale() / q.scale()) + 0.5 * square((p.loc() - q.loc()) / q.scale());
}
Tensor kl(const Normal& p, const Normal& q) { return of_locations(p, q); }
Tensor kl(const LogNormal& p, const LogNormal& q) { return of_locations(p, q); }
Tensor kl(const HalfNormal& p, const HalfNormal& q) { return of_deviations(p.scale() / q.scale()); }

Tensor kl(const Uniform& p, const Uniform& q) {
  return where((q.low() <= p.low()) & (p.high() <= q.high()), q.entropy() - p.entropy(), infinity);
}

Tensor kl(const Exponential& p, const Exponential& q) {
  const Tensor ratio = q.rate() / p.rate();
  return ratio - 1 - log(ratio);
}

Tensor kl(const Laplace& p, const Laplace& q) {
  const Tensor ratio = p.scale() / q.scale();
  const Tensor apart = abs(p.loc() - q.loc());
  return apart / q.scale() + ratio * exp(-apart / p.scale()) - 1 - log(ratio);
}

// Chyzak and Nielsen, arXiv:1905.10965
Tensor kl(const Cauchy& p, const Cauchy& q) {
  const Tensor apart = square(p.scale() + q.scale()) + square(p.loc() - q.loc());
  return log(apart / (4 * p.scale() * q.scale()));
}

Tensor kl(const Gumbel& p, const Gumbel& q) {
  const Tensor ratio = p.scale() / q.scale();
  const Tensor apart = (p.loc() - q.loc()) / q.scale();
  return apart - log(ratio) + (ratio - 1) * egamma - 1 + exp(lgamma(1 + ratio) - apart);
}

Tensor kl(const Gamma& p, const Gamma& q) {
  return in_float64(
      [](const Tensor& a, const Tensor& p_rate, const Tensor& b, const Tensor& q_rate) {
        return (a - b) * digamma(a) - lgamma(a) + lgamma(b) + b * log(p_rate / q_rate) +
               a * (q_rate / p_rate - 1);
      },
      p.concentration(), p.rate(), q.concentration(), q.rate());
}

Tensor kl(const Dirichlet& p, const Dirichlet& q) {
  require_one_event(p, q);
  return in_float64(
      [](const Tensor& a, const Tensor& b) {
        const Tensor total = a.sum(-1, true);
        return ((a - b) * (digamma(a) - digamma(total)) - lgamma(a) + lgamma(b)).sum(-1) +
               lgamma(total.squeeze(-1)) - lgamma(b.sum(-1));
      },
      p.concentration(), q.concentration());
}

Tensor both(const Beta& beta) { return stack({beta.concentration1(), beta.concentration0()}, -1); }
Tensor kl(const Beta& p, const Beta& q) {
  constexpr Options checked{.validate_args = false};
  return kl(Dirichlet{both(p), checked}, Dirichlet{both(q), checked});
}

/// p (ln p − ln q), ∞ where q is 0 and p not.
Tensor term(const Tensor& p, const Tensor& log_p, const Tensor& log_q, const Tensor& p_is_0,
            const Tensor& q_is_0) {
  return where(q_is_0 & logical_not(p_is_0), infinity, p * (log_p - log_q));
}

/// Where a chance was given as exactly this.
Tensor is_exactly(const detail::OfChance& p, double chance) {
  return p.is_logits() ? p.given() != p.given() : p.given() == chance;
}

Tensor of_chances(const detail::OfChance& p, const detail::OfChance& q) {
  const Tensor happens = p.probs();
  return term(happens, p.log_probs(), q.log_probs(), is_exactly(p, 0), is_exactly(q, 0)) +
         term(1 - happens, p.log_others(), q.log_others(), is_exactly(p, 1), is_exactly(q, 1));
}
Tensor kl(const Bernoulli& p, const Bernoulli& q) { return of_chances(p, q); }
Tensor kl(const Geometric& p, const Geometric& q) { return of_chances(p, q) / p.probs(); }
Tensor kl(const Binomial& p, const Binomial& q) {
  require<ValueError>(p.total_count() == q.total_count(),
                      "kl_divergence: two Binomial must have one total_count: {} and {}",
                      p.total_count(), q.total_count());
  return p.total_count() * of_chances(p, q);
}

Tensor kl(const Poisson& p, const Poisson& q) {
  return xlogy(p.rate(), p.rate()) - xlogy(p.rate(), q.rate()) - (p.rate() - q.rate());
}

Tensor kl(const Categorical& p, const Categorical& q) {
  require<ShapeError>(p.categories() == q.categories(),
                      "kl_divergence: two Categorical must have as many categories: {} and {}",
                      p.categories(), q.categories());
  const auto is_never = [](const Categorical& of) {
    return of.given() == (of.is_logits() ? -infinity : 0);
  };
  return term(p.probs(), bounded(p.logits()), bounded(q.logits()), is_never(p), is_never(q))
      .sum(-1);
}
Tensor kl(const OneHotCategorical& p, const OneHotCategorical& q) {
  require_one_event(p, q);
  return kl(p.categorical(), q.categorical());
}

Tensor kl(const MultivariateNormal& p, const MultivariateNormal& q) {
  require_one_event(p, q);
  const auto log_determinant = [](const MultivariateNormal& of) {
    return log(diagonal(of.scale_tril(), 0, -2, -1)).sum(-1);
  };
  const Tensor difference = unsqueeze(p.loc() - q.loc(), -1);
  const DType dtype = difference.dtype();
  const Tensor q_scale = to(q.scale_tril(), dtype);
  const Tensor ratio = linalg::solve_triangular(q_scale, to(p.scale_tril(), dtype), false);
  const Tensor apart = linalg::solve_triangular(q_scale, difference, false);
  return 0.5 * (square(ratio).sum({-1, -2}) + square(apart).sum({-1, -2}) -
                static_cast<double>(p.loc().size(-1))) +
         log_determinant(q) - log_determinant(p);
}

Tensor kl(const Independent& p, const Independent& q) {
  require<ValueError>(p.axes() == q.axes(),
                      "kl_divergence: two Independent must be of as many axes: {} and {}", p.axes(),
                      q.axes());
  require_one_event(p, q);
  return sum_last(kl_divergence(p.base(), q.base()), p.axes());
}

// ---- two different ones: −H(p) − E ln q, where ln q is made of x, x² or ln x

template <class P>
Tensor kl(const P& p, const Normal& q) {
  return 0.5 * (p.variance() + square(p.mean() - q.loc())) / square(q.scale()) + log(q.scale()) +
         0.5 * std::log(2 * pi) - p.entropy();
}

template <class P>
Tensor kl(const P& p, const Exponential& q) {
  return q.rate() * p.mean() - log(q.rate()) - p.entropy();
}
Tensor kl(const Uniform& p, const Exponential& q) {
  return where(p.low() >= 0, q.rate() * p.mean() - log(q.rate()) - p.entropy(), infinity);
}

Tensor mean_of_log(const Exponential& p) { return -log(p.rate()) - egamma; }
Tensor mean_of_log(const LogNormal& p) { return p.loc(); }
Tensor mean_of_log(const Beta& p) {
  return digamma(p.concentration1()) - digamma(p.concentration1() + p.concentration0());
}
template <class P>
Tensor kl(const P& p, const Gamma& q) {
  const Tensor& a = q.concentration();
  return lgamma(a) - a * log(q.rate()) - (a - 1) * mean_of_log(p) + q.rate() * p.mean() -
         p.entropy();
}

Tensor kl(const Beta& p, const Uniform& q) {
  return where((q.low() <= 0) & (q.high() >= 1), q.entropy() - p.entropy(), infinity);
}

// E |x − m| of a normal x is σ √(2/π) e^(−z²) + (μ − m) erf z with z = (μ − m) / (σ√2).
Tensor kl(const Normal& p, const Laplace& q) {
  const Tensor apart = p.loc() - q.loc();
  const Tensor z = apart / (p.scale() * std::numbers::sqrt2);
  const Tensor distance = p.scale() * std::sqrt(2 / pi) * exp(-square(z)) + apart * erf(z);
  return distance / q.scale() + log(q.scale()) + ln2 - p.entropy();
}

// ---- which of them

/// Undefined where p is no P or q no Q.
template <class P, class Q>
Tensor of_pair(const Distribution& p, const Distribution& q) {
  const auto* const first = dynamic_cast<const P*>(&p);
  const auto* const second = dynamic_cast<const Q*>(&q);
  return first && second ? kl(*first, *second) : Tensor();
}

using Rule = Tensor (*)(const Distribution&, const Distribution&);

template <class... P>
constexpr std::array<Rule, sizeof...(P)> alike{of_pair<P, P>...};
template <class Q, class... P>
constexpr std::array<Rule, sizeof...(P)> from{of_pair<P, Q>...};

template <std::size_t Count>
Tensor first_of(const std::array<Rule, Count>& rules, const Distribution& p,
                const Distribution& q) {
  for (const Rule rule : rules)
    if (Tensor found = rule(p, q); found.defined()) return found;
  return {};
}

}  // namespace

Tensor kl_divergence(const Distribution& p, const Distribution& q) {
  const xgrad::detail::Running running("kl_divergence");
  broadcast(p.batch_shape(), q.batch_shape(), "kl_divergence");
  const auto found = [&](const auto&... rules) {
    Tensor result;
    ((result = first_of(rules, p, q), result.defined()) || ...);
    return result;
  };
  const Tensor divergence =
      found(alike<Normal, LogNormal, HalfNormal, Uniform, Exponential, Laplace, Cauchy, Gumbel,
                  Gamma, Beta, Dirichlet, Bernoulli, Geometric, Binomial, Poisson, Categorical,
                  OneHotCategorical, MultivariateNormal, Independent>,
            from<Normal, LogNormal, HalfNormal, Uniform, Exponential, Laplace, Gumbel, Gamma, Beta>,
            from<Exponential, LogNormal, HalfNormal, Uniform, Gamma, Beta>,
            from<Gamma, LogNormal, Exponential, Beta>, from<Uniform, Beta>, from<Laplace, Normal>);
  if (!divergence.defined())
    raise<ValueError>("kl_divergence: there is no closed form for {} and {}", p.name(), q.name());
  return divergence;
}

}  // namespace xgrad::distributions
