#pragma once
#include <xgrad/nn/applied.hpp>
#include <xgrad/nn/module_of.hpp>
#include <xgrad/ops/activation.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/softmax.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::Approximate;
using xgrad::GeluOptions;

// Arguments, defaults and errors are those of the operations. What one of those refuses whatever
// the input is, its layer refuses when it is made.

/// xgrad::relu, in the memory of a temporary.
class ReLU : public ModuleOf<ReLU> {
 public:
  Tensor forward(Tensor x);
};

/// xgrad::gelu.
class GELU : public Module {
 public:
  explicit GELU(const GeluOptions& options = {}) : options_(options) {}
  Tensor forward(const Tensor& x) override;

 private:
  GeluOptions options_;
};

/// xgrad::sigmoid.
struct Sigmoid : detail::Applied<sigmoid> {
  Sigmoid() = default;
};

/// xgrad::tanh.
struct Tanh : detail::Applied<tanh> {
  Tanh() = default;
};

/// xgrad::leaky_relu.
struct LeakyReLU : detail::Pointwise<leaky_relu, double> {
  explicit LeakyReLU(double negative_slope = 0.01) : Pointwise(negative_slope) {}
};

/// xgrad::elu.
struct ELU : detail::Pointwise<elu, double> {
  explicit ELU(double alpha = 1) : Pointwise(alpha) {}
};

/// xgrad::selu.
struct SELU : detail::Applied<selu> {
  SELU() = default;
};

/// xgrad::celu.
struct CELU : detail::Pointwise<celu, double> {
  explicit CELU(double alpha = 1) : Pointwise(alpha) {}
};

/// xgrad::silu.
struct SiLU : detail::Applied<silu> {
  SiLU() = default;
};

/// xgrad::mish.
struct Mish : detail::Applied<mish> {
  Mish() = default;
};

/// xgrad::softplus.
struct Softplus : detail::Pointwise<softplus, double, double> {
  explicit Softplus(double beta = 1, double threshold = 20) : Pointwise(beta, threshold) {}
};

/// xgrad::softsign.
struct Softsign : detail::Applied<softsign> {
  Softsign() = default;
};

/// xgrad::logsigmoid.
struct LogSigmoid : detail::Applied<logsigmoid> {
  LogSigmoid() = default;
};

/// xgrad::hardtanh.
struct Hardtanh : detail::Pointwise<hardtanh, Scalar, Scalar> {
  explicit Hardtanh(Scalar min_val = -1, Scalar max_val = 1) : Pointwise(min_val, max_val) {}
};

/// xgrad::relu6.
struct ReLU6 : detail::Applied<relu6> {
  ReLU6() = default;
};

/// xgrad::hardsigmoid.
struct Hardsigmoid : detail::Applied<hardsigmoid> {
  Hardsigmoid() = default;
};

/// xgrad::hardswish.
struct Hardswish : detail::Applied<hardswish> {
  Hardswish() = default;
};

/// xgrad::hardshrink.
struct Hardshrink : detail::Pointwise<hardshrink, double> {
  explicit Hardshrink(double lambd = 0.5) : Pointwise(lambd) {}
};

/// xgrad::softshrink.
struct Softshrink : detail::Pointwise<softshrink, double> {
  explicit Softshrink(double lambd = 0.5) : Pointwise(lambd) {}
};

/// xgrad::tanhshrink.
struct Tanhshrink : detail::Applied<tanhshrink> {
  Tanhshrink() = default;
};

/// xgrad::threshold.
struct Threshold : detail::Pointwise<threshold, Scalar, Scalar> {
  Threshold(Scalar threshold, Scalar value) : Pointwise(threshold, value) {}
};

/// xgrad::glu.
struct GLU : detail::Applied<glu, std::int64_t> {
  explicit GLU(std::int64_t axis = -1) : Applied(axis) {}
};

/// xgrad::prelu with a weight of its own. ValueError unless num_parameters is positive.
class PReLU : public Module {
 public:
  explicit PReLU(std::int64_t num_parameters = 1, double init = 0.25);
  Tensor forward(const Tensor& x) override;

  Parameter weight;  ///< [num_parameters]: one slope, or one for each channel
};

/// xgrad::rrelu: slopes are drawn in training, their mean is taken otherwise.
class RReLU : public Module {
 public:
  explicit RReLU(double lower = 1.0 / 8, double upper = 1.0 / 3);
  Tensor forward(const Tensor& x) override;

 private:
  double lower_;
  double upper_;
};

/// xgrad::softmax along `axis`, which may count from the back.
struct Softmax : detail::Applied<softmax, std::int64_t> {
  explicit Softmax(std::int64_t axis) : Applied(axis) {}
};

/// xgrad::log_softmax along `axis`, which may count from the back.
struct LogSoftmax : detail::Applied<log_softmax, std::int64_t> {
  explicit LogSoftmax(std::int64_t axis) : Applied(axis) {}
};

/// xgrad::softmin along `axis`, which may count from the back.
struct Softmin : detail::Applied<softmin, std::int64_t> {
  explicit Softmin(std::int64_t axis) : Applied(axis) {}
};

/// xgrad::softmax over the channels of [N, C, H, W] or [C, H, W]; ShapeError for others.
class Softmax2d : public Module {
 public:
  Tensor forward(const Tensor& x) override;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
