#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/layer_norm.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>

namespace xgrad::nn {
namespace {

void check_normalized(const char* layer, const Shape& shape) {
  require<ValueError>(
      !shape.empty() && std::ranges::all_of(shape, [](auto extent) { return extent > 0; }),
      "{}: normalized_shape {}; it names one axis or more, none of them empty", layer, shape);
}

/// What an operation has against options alone, it says of no examples.
Shape no_examples(const Shape& each) {
  Shape shape = each;
  shape.insert(0, 0);
  return shape;
}

}  // namespace

LayerNorm::LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options)
    : normalized_shape_(normalized_shape), options_(options) {
  const xgrad::detail::Running running("LayerNorm");
  check_normalized("LayerNorm", normalized_shape);
  if (options.elementwise_affine) {
    weight = add_parameter("weight", ones(normalized_shape));
    if (options.bias) bias = add_parameter("bias", zeros(normalized_shape));
  }
  LayerNorm::forward(Tensor::empty(no_examples(normalized_shape)));
}

Tensor LayerNorm::forward(const Tensor& x) {
  require<ValueError>(!normalized_shape_.empty(),
                      "LayerNorm: used before it was made; give it its shape, as in "
                      "nn::LayerNorm{{64}}");
  return layer_norm(x, normalized_shape_, weight, bias, options_.eps);
}

RMSNorm::RMSNorm(const Shape& normalized_shape, const RMSNormOptions& options)
    : normalized_shape_(normalized_shape), options_(options) {
  const xgrad::detail::Running running("RMSNorm");
  check_normalized("RMSNorm", normalized_shape);
  if (options.elementwise_affine) weight = add_parameter("weight", ones(normalized_shape));
  RMSNorm::forward(Tensor::empty(no_examples(normalized_shape)));
}

Tensor RMSNorm::forward(const Tensor& x) {
  require<ValueError>(!normalized_shape_.empty(),
                      "RMSNorm: used before it was made; give it its shape, as in "
                      "nn::RMSNorm{{64}}");
  return rms_norm(x, normalized_shape_, weight, options_.eps);
}

GroupNorm::GroupNorm(std::int64_t num_groups, std::int64_t num_channels,
                     const GroupNormOptions& options)
    : num_groups_(num_groups), options_(options) {
  require<ValueError>(num_channels > 0, "GroupNorm: {} channels; it must be positive",
                      num_channels);
  const xgrad::detail::Running running("GroupNorm");
  group_norm(Tensor::empty({0, num_channels}), num_groups, {}, {}, options.eps);
  if (options.affine) {
    weight = add_parameter("weight", ones({num_channels}));
    bias = add_parameter("bias", zeros({num_channels}));
  }
}

Tensor GroupNorm::forward(const Tensor& x) {
  return group_norm(x, num_groups_, weight, bias, options_.eps);
}

detail::InstanceNorm::InstanceNorm(const char* layer, std::int64_t axes, std::int64_t channels,
                                   const InstanceNormOptions& options)
    : ChannelNorm(layer, channels, options.affine, options.track_running_stats),
      layer_(layer),
      axes_(axes),
      channels_(channels),
      options_(options) {
  check_momentum(layer, options.momentum);
  instance_norm(Tensor::empty({0, 1, 2}), {}, {}, {}, {}, {.eps = options.eps});
}

Tensor detail::InstanceNorm::forward(const Tensor& x) {
  const xgrad::detail::Running running(layer_, x);
  const bool has_batch = x.dim() == axes_ + 2;
  require<ShapeError>((has_batch || x.dim() == axes_ + 1) && x.size(has_batch ? 1 : 0) == channels_,
                      "{}: input {} must be [batch, {}] and {} axes more, or [{}] and those",
                      layer_, x.shape(), channels_, axes_, channels_);
  const auto norm = [&](const Tensor& images) {
    return instance_norm(images, running_mean, running_var, weight, bias,
                         {.use_input_stats = is_training() || !options_.track_running_stats,
                          .momentum = options_.momentum,
                          .eps = options_.eps});
  };
  return has_batch ? norm(x) : squeeze(norm(unsqueeze(x, 0)), 0);
}

Tensor CrossMapLRN2d::forward(const Tensor& x) {
  const xgrad::detail::Running running("CrossMapLRN2d", x);
  require<ShapeError>(
      x.dim() == 4, "CrossMapLRN2d: input {} must be [batch, channels, height, width]", x.shape());
  return LocalResponseNorm::forward(x);
}

}  // namespace xgrad::nn
