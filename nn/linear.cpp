#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/products.hpp>

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

Bilinear::Bilinear(std::int64_t in1, std::int64_t in2, std::int64_t out,
                   const LinearOptions& options) {
  require<ValueError>(in1 > 0 && in2 > 0 && out > 0,
                      "Bilinear: {} and {} inputs and {} outputs; all must be positive", in1, in2,
                      out);
  const xgrad::detail::Running running("Bilinear");
  weight = add_parameter("weight", init::default_(Tensor::empty({out, in1, in2}), in1));
  if (options.bias) bias = add_parameter("bias", init::default_(Tensor::empty({out}), in1));
}

Tensor Bilinear::forward(const Tensor& x1, const Tensor& x2) {
  detail::require_made(weight, "Bilinear", "nn::Bilinear{20, 30, 40}");
  const xgrad::detail::Running running("Bilinear", x1, x2);
  bool fits = x1.dim() > 0 && x1.dim() == x2.dim() && x1.size(-1) == weight.size(1) &&
              x2.size(-1) == weight.size(2);
  for (std::int64_t axis = 0; fits && axis + 1 < x1.dim(); ++axis)
    fits = x1.size(axis) == x2.size(axis);
  require<ShapeError>(fits,
                      "Bilinear: inputs {} and {}; they must be [..., {}] and [..., {}], "
                      "alike in front",
                      x1.shape(), x2.shape(), weight.size(1), weight.size(2));
  const Tensor y = einsum("...i,kij,...j->...k", {x1, weight, x2});
  return bias.defined() ? y + bias : y;
}

}  // namespace xgrad::nn
