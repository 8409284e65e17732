#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/norm.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>

namespace xgrad::nn {

detail::ChannelNorm::ChannelNorm(const char* layer, std::int64_t channels, bool affine,
                                 bool track_running_stats) {
  require<ValueError>(channels > 0, "{}: {} channels; it must be positive", layer, channels);
  const xgrad::detail::Running running(layer);
  if (affine) {
    weight = add_parameter("weight", ones({channels}));
    bias = add_parameter("bias", zeros({channels}));
  }
  if (track_running_stats) {
    running_mean = add_buffer("running_mean", zeros({channels}));
    running_var = add_buffer("running_var", ones({channels}));
    num_batches_tracked = add_buffer("num_batches_tracked", zeros({}, {.dtype = int64}));
  }
}

void detail::ChannelNorm::check_momentum(const char* layer, double momentum) {
  require<ValueError>(momentum >= 0 && momentum <= 1, "{}: momentum is {}, it must lie in [0, 1]",
                      layer, momentum);
}

BatchNorm::BatchNorm(std::int64_t channels, const BatchNormOptions& options)
    : ChannelNorm("BatchNorm", channels, options.affine, options.track_running_stats),
      options_(options) {
  require<ValueError>(options.eps >= 0, "BatchNorm: eps is {}, it must not be negative",
                      options.eps);
  check_momentum("BatchNorm", options.momentum.value_or(0));
}

Tensor BatchNorm::forward(const Tensor& x) {
  check_input(x);
  const bool training = is_training();
  const bool tracks = options_.track_running_stats;
  std::int64_t batches = 0;
  if (training && tracks) {
    // A state that was loaded may say any number.
    const auto before = num_batches_tracked.item<std::int64_t>();
    batches = std::clamp<std::int64_t>(before, 0, INT64_MAX - 1) + 1;
  }
  const double mean_of_all = batches > 0 ? 1 / static_cast<double>(batches) : 0;
  Tensor y = training || !tracks
                 ? normalise(x, options_.momentum.value_or(mean_of_all))
                 : batch_norm(x, running_mean, running_var, weight, bias, {.eps = options_.eps});
  // Not before: a batch that is refused does not count.
  if (batches > 0) no_grad([&] { num_batches_tracked.fill_(batches); });
  return y;
}

Tensor BatchNorm::normalise(const Tensor& x, double momentum) {
  return batch_norm(x, running_mean, running_var, weight, bias,
                    {.training = true, .momentum = momentum, .eps = options_.eps});
}

void BatchNorm1d::check_input(const Tensor& x) const {
  const xgrad::detail::Running running("BatchNorm1d", x);
  require<ShapeError>(
      x.dim() == 2 || x.dim() == 3,
      "BatchNorm1d: input {} must be [batch, channels] or [batch, channels, length]", x.shape());
}

void BatchNorm2d::check_input(const Tensor& x) const {
  const xgrad::detail::Running running("BatchNorm2d", x);
  require<ShapeError>(x.dim() == 4,
                      "BatchNorm2d: input {} must be [batch, channels, height, width]", x.shape());
}

void BatchNorm3d::check_input(const Tensor& x) const {
  const xgrad::detail::Running running("BatchNorm3d", x);
  require<ShapeError>(x.dim() == 5,
                      "BatchNorm3d: input {} must be [batch, channels, depth, height, width]",
                      x.shape());
}

void SyncBatchNorm::check_input(const Tensor& x) const {
  const xgrad::detail::Running running("SyncBatchNorm", x);
  require<ShapeError>(x.dim() >= 2, "SyncBatchNorm: input {} must be [batch, channels, …]",
                      x.shape());
}

Tensor SyncBatchNorm::normalise(const Tensor& x, double momentum) {
  if (!sum_ || !is_training()) return BatchNorm::normalise(x, momentum);
  const xgrad::detail::Running running("SyncBatchNorm", x);
  const DType dtype = x.dtype() == float64 ? float64 : float32;
  const Tensor wide = x.to(dtype);
  Shape per_channel;
  Axes others;
  for (std::int64_t axis = 0; axis < x.dim(); ++axis) {
    per_channel.push_back(axis == 1 ? x.size(1) : 1);
    if (axis != 1) others.push_back(axis);
  }
  const std::int64_t own = x.numel() / std::max<std::int64_t>(x.size(1), 1);
  const Tensor total =
      sum_(cat({sum(wide, others), full({1}, static_cast<double>(own), {.dtype = dtype})}, 0));
  const double count = total[-1].item();
  require<ValueError>(count > 1, "SyncBatchNorm: {} value per channel has no variance", count);
  const Tensor mean = total.slice(0, 0, -1) / count;
  const Tensor centred = wide - mean.view(per_channel);
  const Tensor squares = sum_(sum(square(centred), others));
  const Tensor scale = rsqrt(squares / count + options().eps);
  Tensor y = (centred * scale.view(per_channel)).to(x.dtype());
  if (weight.defined()) y = y * weight.view(per_channel) + bias.view(per_channel);
  if (running_mean.defined())
    no_grad([&] {
      running_mean.copy_(running_mean * (1 - momentum) + mean * momentum);
      running_var.copy_(running_var * (1 - momentum) + squares * (momentum / (count - 1)));
    });
  return y;
}

}  // namespace xgrad::nn
