#pragma once
#include <xgrad/autograd/tensor.hpp>

#pragma GCC visibility push(default)

namespace xgrad {

struct BatchNormOptions {
  bool training = false;  ///< normalise by the batch's own statistics, and update the running ones
  double momentum = 0.1;  ///< running ← (1 − momentum) running + momentum · batch
  double eps = 1e-5;      ///< added to the variance
};

/// Normalises each channel of x [N, C, …] to mean 0 and variance 1, times weight plus bias (each
/// [C], or undefined: 1 and 0). Ioffe and Szegedy, arXiv:1502.03167.
///
/// In training the statistics are the batch's: its biased variance normalises, the unbiased one
/// goes into running_var. Otherwise they are running_mean and running_var ([C]). In training the
/// running ones may be undefined; those that are given are changed where they lie. ShapeError where
/// shapes do not fit; ValueError for statistics of one value, or none to go by, and for running
/// ones that are one tensor; GraphError for running ones that require a gradient, which they would
/// not get; DTypeError unless all are float32 or all float64.
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, const BatchNormOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
