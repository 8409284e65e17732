#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/norm.hpp>

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

BatchNorm::BatchNorm(std::int64_t channels, const BatchNormOptions& options)
    : ChannelNorm("BatchNorm", channels, options.affine, options.track_running_stats),
      options_(options) {}

Tensor BatchNorm::forward(const Tensor& x) {
  check_input(x);
  const bool tracks = options_.track_running_stats;
  double momentum = options_.momentum.value_or(0);
  if (is_training() && tracks) {
    const NoGradGuard guard;
    // A state that was loaded may say any number.
    const auto before = num_batches_tracked.item<std::int64_t>();
    const auto batches = std::clamp<std::int64_t>(before, 0, INT64_MAX - 1) + 1;
    num_batches_tracked.fill_(batches);
    if (!options_.momentum) momentum = 1 / static_cast<double>(batches);
  }
  return batch_norm(
      x, running_mean, running_var, weight, bias,
      {.training = is_training() || !tracks, .momentum = momentum, .eps = options_.eps});
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

}  // namespace xgrad::nn
