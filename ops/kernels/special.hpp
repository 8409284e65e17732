#pragma once
// Internal: special functions of one value. Sums are taken in long double, whose digits beyond
// double's make up for what cancels.

#include <cstdint>

namespace xgrad::kernels {

double logit(double x);
double erfinv(double x);
double lgamma(double x);
double digamma(double x);
/// For n ≥ 1.
double polygamma(std::int64_t n, double x);

enum class Scaling : std::uint8_t { none, exponential };
/// I₀ and I₁, multiplied by e^(−|x|) where they are scaled.
double bessel_i(int order, Scaling scaling, double x);

double sinc(double x);

}  // namespace xgrad::kernels
