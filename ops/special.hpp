#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad {

// Special functions of each value. Integers and bools become float32; where a function is not
// defined the value is NaN. The number behind each is its largest error in float64, in units in the
// last place of the result. float32 is worked out in float64 and rounded.

/// ln(x / (1 − x)) of x between 0 and 1, NaN elsewhere; with `eps` of x held in [eps, 1 − eps],
/// beyond which the gradient is 0. 2
Tensor logit(const Tensor& x, std::optional<double> eps = {});
/// The inverse of erf on [−1, 1]. 2
Tensor erfinv(const Tensor& x);
/// ln |Γ(x)|. 1
Tensor lgamma(const Tensor& x);
/// ψ(x), the derivative of ln Γ: −∞ at 0, ∞ at −0, NaN at the other poles. 1, but for x < 0 of the
/// larger of its two terms by reflection, which cancel at its roots.
Tensor digamma(const Tensor& x);
/// ψ⁽ⁿ⁾(x), the n-th derivative of digamma, infinite at the poles; n from 0 to 2⁵³ (ValueError). 1
/// for n ≤ 170, and 2 to n = 400; for x < 0 and n even, of the larger of its terms.
Tensor polygamma(std::int64_t n, const Tensor& x);
/// The modified Bessel functions of the first kind of order 0 and 1; those with an e are scaled by
/// e^(−|x|), which keeps them from overflowing. 1
Tensor i0(const Tensor& x);
Tensor i0e(const Tensor& x);
Tensor i1(const Tensor& x);
Tensor i1e(const Tensor& x);
/// sin(πx) / (πx), 1 at 0 and exactly 0 at the other whole numbers. 2.5
Tensor sinc(const Tensor& x);

}  // namespace xgrad

#pragma GCC visibility pop
