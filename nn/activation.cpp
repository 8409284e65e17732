#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/activation.hpp>
#include <xgrad/ops/create.hpp>

#include <utility>

namespace xgrad::nn {

Tensor ReLU::forward(Tensor x) { return relu(std::move(x)); }
Tensor GELU::forward(const Tensor& x) { return gelu(x, options_); }

PReLU::PReLU(std::int64_t num_parameters, double init) {
  require<ValueError>(num_parameters > 0, "PReLU: {} parameters; give one, or one for each channel",
                      num_parameters);
  const xgrad::detail::Running running("PReLU");
  weight = add_parameter("weight", full({num_parameters}, init));
}
Tensor PReLU::forward(const Tensor& x) { return prelu(x, weight); }

RReLU::RReLU(double lower, double upper) : lower_(lower), upper_(upper) {
  rrelu(Tensor::empty({0}), {.lower = lower, .upper = upper});  // says what is wrong of them
}
Tensor RReLU::forward(const Tensor& x) {
  return rrelu(x, {.lower = lower_, .upper = upper_, .training = is_training()});
}

Tensor Softmax2d::forward(const Tensor& x) {
  const xgrad::detail::Running running("Softmax2d", x);
  require<ShapeError>(x.dim() == 3 || x.dim() == 4,
                      "Softmax2d: input {} must be [batch, channels, height, width], or "
                      "[channels, height, width] without a batch",
                      x.shape());
  return softmax(x, -3);
}

}  // namespace xgrad::nn
