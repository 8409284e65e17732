#pragma once
#include <xgrad/distributions/distribution.hpp>

#pragma GCC visibility push(default)

namespace xgrad::distributions {

/// The divergence of Kullback and Leibler of q from p, ∫ p ln(p / q), of the broadcast batches; ∞
/// where p has values that q has not. ValueError that names both for pairs other than these:
///
/// - two Normal, LogNormal, HalfNormal, Uniform, Exponential, Laplace, Cauchy, Gumbel, Gamma (Chi2
/// is
///   one), Beta, Dirichlet, Bernoulli, Geometric, Binomial of one total_count, Poisson,
///   Categorical, OneHotCategorical or MultivariateNormal, or two Independent of such;
/// - q Normal: p LogNormal, HalfNormal, Uniform, Exponential, Laplace, Gumbel, Gamma or Beta;
/// - q Exponential: p LogNormal, HalfNormal, Uniform, Gamma or Beta;
/// - q Gamma: p LogNormal, Exponential or Beta;
/// - q Uniform: p Beta; q Laplace: p Normal.
Tensor kl_divergence(const Distribution& p, const Distribution& q);

}  // namespace xgrad::distributions

#pragma GCC visibility pop
