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
  Tensor y = batch_norm(x, running_mean, running_var, weight, bias,
                        {.training = training || !tracks,
                         .momentum = options_.momentum.value_or(mean_of_all),
                         .eps = options_.eps});
  // Not before: a batch that is refused does not count.
  if (batches > 0) no_grad([&] { num_batches_tracked.fill_(batches); });
  return y;
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
