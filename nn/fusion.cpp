#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/nn/fusion.hpp>
#include <xgrad/nn/parametrizations.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>

namespace xgrad::nn::utils {

// (w x + b − mean) s + bias with s = weight / √(var + eps) is (s w) x + (b − mean) s + bias.
void detail::fuse(const char* operation, Module& layer, Parameter& weight, Parameter& bias,
                  const BatchNorm& norm) {
  nn::detail::require_made(weight, operation, "nn::Linear{784, 10}");
  require<ValueError>(!layer.is_training() && !norm.is_training(),
                      "{}: {} is in training; eval() of both comes first", operation,
                      layer.is_training() ? layer.type_name() : norm.type_name());
  require<ValueError>(norm.running_mean.defined(), "{}: the {} has no running statistics",
                      operation, norm.type_name());
  require<ValueError>(!parametrize::is_parametrized(layer),
                      "{}: {} has parameters that are computed; remove_parametrizations() first",
                      operation, layer.type_name());
  const std::int64_t channels = weight.size(0);
  require<ShapeError>(norm.running_mean.numel() == channels,
                      "{}: a weight {} and a {} of {} channels", operation, weight.shape(),
                      norm.type_name(), norm.running_mean.numel());
  require<DTypeError>(
      norm.running_mean.dtype() == weight.dtype(), "{}: {} is {}, the {} {}; convert one with to()",
      operation, layer.type_name(), weight.dtype(), norm.type_name(), norm.running_mean.dtype());
  const NoGradGuard guard;
  Tensor scale = 1 / sqrt(norm.running_var + norm.options().eps);
  if (norm.weight.defined()) scale = scale * norm.weight;
  Tensor shift = (bias.defined() ? bias - norm.running_mean : -norm.running_mean) * scale;
  if (norm.bias.defined()) shift = shift + norm.bias;
  Shape of_channels = weight.shape();
  std::fill(of_channels.begin() + 1, of_channels.end(), 1);
  weight.set_data(weight * scale.reshape(of_channels));
  if (bias.defined())
    bias.set_data(shift);
  else
    bias = layer.add_parameter("bias", shift);
}

Linear fuse_linear_bn_eval(const Linear& linear, const BatchNorm& norm) {
  Linear fused = clone(linear);
  detail::fuse("fuse_linear_bn_eval", fused, fused.weight, fused.bias, norm);
  return fused;
}

}  // namespace xgrad::nn::utils
