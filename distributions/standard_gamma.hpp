#pragma once
// Internal: the gamma distribution of rate 1, by the logarithm l = ln x of its values. A sample of
// a tiny concentration α has no other that float64 holds: at α = 0.001 half of them are below
// 1e-301.

#include <xgrad/autograd/tensor.hpp>

namespace xgrad::distributions {

/// ln of samples of concentrations of this shape, in float64 (Marsaglia and Tsang, "A simple method
/// for generating gamma variables", 2000; below 1 by a sample of α + 1). Recorded: the derivative
/// is that of a sample at a fixed place of its distribution (Figurnov et al., arXiv:1805.08498).
/// Its own derivative in α has no closed form: GraphError.
Tensor log_standard_gamma(const Tensor& concentration, Generator* generator);

/// The probability P(α, eˡ) of a value below eˡ, both in float64 and of one shape. Recorded, with
/// second derivatives but for that in α twice (GraphError).
Tensor standard_gamma_cdf(const Tensor& concentration, const Tensor& log_x);

}  // namespace xgrad::distributions
