#pragma once
#include <xgrad/nn/applied.hpp>
#include <xgrad/nn/norm.hpp>
#include <xgrad/ops/layer_norm.hpp>

#include <concepts>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::LocalResponseNormOptions;

// Norms by statistics of each example's own, the same in training and evaluation unless it says
// otherwise. Weights start at 1, biases at 0; errors are those of the operations, which a layer
// tells when it is made where they go by its options alone.

struct LayerNormOptions {
  double eps = 1e-5;
  bool elementwise_affine = true;  ///< whether it has a weight and a bias
  bool bias = true;                ///< whether it has a bias beside a weight
};

/// xgrad::layer_norm over the last axes, whose extents are normalized_shape: nn::LayerNorm{64}, or
/// nn::LayerNorm{{28, 28}}. ValueError for an extent below 1.
class LayerNorm : public Module {
 public:
  /// Not usable before a made one is assigned.
  LayerNorm() = default;
  explicit LayerNorm(const Shape& normalized_shape, const LayerNormOptions& options = {});
  explicit LayerNorm(std::int64_t normalized_shape, const LayerNormOptions& options = {})
      : LayerNorm(Shape{normalized_shape}, options) {}
  Tensor forward(const Tensor& x) override;

  Parameter weight;  ///< of normalized_shape, or undefined
  Parameter bias;    ///< of normalized_shape, or undefined

 private:
  Shape normalized_shape_;
  LayerNormOptions options_;
};

struct RMSNormOptions {
  std::optional<double> eps = {};  ///< none: the spacing of numbers at 1 in the input's dtype
  bool elementwise_affine = true;  ///< whether it has a weight
};

/// xgrad::rms_norm over the last axes, whose extents are normalized_shape. ValueError for an extent
/// below 1.
class RMSNorm : public Module {
 public:
  /// Not usable before a made one is assigned.
  RMSNorm() = default;
  explicit RMSNorm(const Shape& normalized_shape, const RMSNormOptions& options = {});
  explicit RMSNorm(std::int64_t normalized_shape, const RMSNormOptions& options = {})
      : RMSNorm(Shape{normalized_shape}, options) {}
  Tensor forward(const Tensor& x) override;

  Parameter weight;  ///< of normalized_shape, or undefined

 private:
  Shape normalized_shape_;
  RMSNormOptions options_;
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;  ///< whether it has a weight and a bias
};

/// xgrad::group_norm of [N, num_channels, …]. ValueError unless there are channels that the groups
/// divide.
class GroupNorm : public Module {
 public:
  GroupNorm(std::int64_t num_groups, std::int64_t num_channels,
            const GroupNormOptions& options = {});
  Tensor forward(const Tensor& x) override;

  Parameter weight;  ///< [num_channels], or undefined
  Parameter bias;    ///< [num_channels], or undefined

 private:
  std::int64_t num_groups_;
  GroupNormOptions options_;
};

struct InstanceNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;             ///< how fast the running statistics follow
  bool affine = false;               ///< whether it has a weight and a bias
  bool track_running_stats = false;  ///< with them, eval() normalises by the running statistics
};

namespace detail {

/// xgrad::instance_norm of [N, C, …] or [C, …]. ShapeError for other axes and channels. As batch
/// norm, one that tracks statistics is called by one thread at a time in training.
class InstanceNorm : public ChannelNorm {
 public:
  Tensor forward(const Tensor& x) override;

 protected:
  InstanceNorm(const char* layer, std::int64_t axes, std::int64_t channels,
               const InstanceNormOptions& options);

 private:
  const char* layer_;
  std::int64_t axes_;
  std::int64_t channels_;
  InstanceNormOptions options_;
};

}  // namespace detail

/// Over each channel of [N, C, L] or [C, L].
struct InstanceNorm1d : detail::InstanceNorm {
  explicit InstanceNorm1d(std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm("InstanceNorm1d", 1, channels, options) {}
};
/// Over each channel of [N, C, H, W] or [C, H, W].
struct InstanceNorm2d : detail::InstanceNorm {
  explicit InstanceNorm2d(std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm("InstanceNorm2d", 2, channels, options) {}
};
/// Over each channel of [N, C, D, H, W] or [C, D, H, W].
struct InstanceNorm3d : detail::InstanceNorm {
  explicit InstanceNorm3d(std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm("InstanceNorm3d", 3, channels, options) {}
};

/// xgrad::local_response_norm.
struct LocalResponseNorm
    : detail::Applied<local_response_norm, std::int64_t, LocalResponseNormOptions> {
  explicit LocalResponseNorm(std::int64_t size, const LocalResponseNormOptions& options = {})
      : Applied(size, options) {
    try_on({0, 1, 1});
  }
};

/// The same, of images [N, C, H, W] alone. PyTorch's of this name never takes the first channel out
/// of its sums again, and for an even size leaves out the first of the neighbours; here all sums
/// are as xgrad::local_response_norm says. ShapeError for other axes.
class CrossMapLRN2d : public LocalResponseNorm {
 public:
  explicit CrossMapLRN2d(std::int64_t size, const LocalResponseNormOptions& options = {})
      : LocalResponseNorm(size, options) {}
  Tensor forward(const Tensor& x) override;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
