#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/ops/matmul.hpp>

namespace xgrad::nn {

Linear::Linear(std::int64_t in, std::int64_t out, const LinearOptions& options) {
  require<ValueError>(in > 0 && out > 0, "Linear: {} inputs and {} outputs; both must be positive",
                      in, out);
  const xgrad::detail::Running running("Linear");
  weight = add_parameter("weight", init::default_(Tensor::empty({out, in}), in));
  if (options.bias) bias = add_parameter("bias", init::default_(Tensor::empty({out}), in));
}

Tensor Linear::forward(const Tensor& x) {
  detail::require_made(weight, "Linear", "nn::Linear{784, 10}");
  return linear(x, weight, bias);
}

}  // namespace xgrad::nn
