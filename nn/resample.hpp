#pragma once
#include <xgrad/nn/applied.hpp>
#include <xgrad/ops/resample.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::InterpolateOptions;

namespace detail {

class Interpolating : public Module {
 public:
  Tensor forward(const Tensor& x) override;

 protected:
  Interpolating(const char* layer, const InterpolateOptions& options);

 private:
  InterpolateOptions options_;
};

}  // namespace detail

/// xgrad::interpolate: nn::Upsample{{.scale_factor = 2, .mode = "bilinear"}}. ValueError for
/// options that fit no input.
struct Upsample : detail::Interpolating {
  explicit Upsample(const InterpolateOptions& options);
};

/// Either says how large the result is, as in InterpolateOptions.
struct UpsamplingOptions {
  PerAxis<std::int64_t> size = {};
  PerAxis<double> scale_factor = {};
};

/// xgrad::interpolate of images [N, C, H, W] in mode "nearest".
struct UpsamplingNearest2d : detail::Interpolating {
  explicit UpsamplingNearest2d(const UpsamplingOptions& options);
  Tensor forward(const Tensor& x) override;
};

/// xgrad::interpolate of images [N, C, H, W] in mode "bilinear", with the corners aligned.
struct UpsamplingBilinear2d : detail::Interpolating {
  explicit UpsamplingBilinear2d(const UpsamplingOptions& options);
};

/// xgrad::pixel_shuffle.
struct PixelShuffle : detail::Applied<pixel_shuffle, std::int64_t> {
  explicit PixelShuffle(std::int64_t upscale_factor) : Applied(upscale_factor) {
    try_on({0, 1, 1});
  }
};

/// xgrad::pixel_unshuffle.
struct PixelUnshuffle : detail::Applied<pixel_unshuffle, std::int64_t> {
  explicit PixelUnshuffle(std::int64_t downscale_factor) : Applied(downscale_factor) {
    try_on({1, 0, 0});
  }
};

/// xgrad::channel_shuffle.
struct ChannelShuffle : detail::Applied<channel_shuffle, std::int64_t> {
  explicit ChannelShuffle(std::int64_t groups) : Applied(groups) { try_on({1, 0, 1}); }
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
