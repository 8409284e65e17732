#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/nn/resample.hpp>
#include <xgrad/ops/resampling.hpp>

namespace xgrad::nn {

detail::Interpolating::Interpolating(const char* layer, const InterpolateOptions& options)
    : options_(options) {
  xgrad::detail::check_options(layer, options);
}

Tensor detail::Interpolating::forward(const Tensor& x) { return interpolate(x, options_); }

Upsample::Upsample(const InterpolateOptions& options) : Interpolating("Upsample", options) {}

UpsamplingBilinear2d::UpsamplingBilinear2d(const UpsamplingOptions& options)
    : Interpolating("UpsamplingBilinear2d", {.size = options.size,
                                             .scale_factor = options.scale_factor,
                                             .mode = "bilinear",
                                             .align_corners = true}) {}

UpsamplingNearest2d::UpsamplingNearest2d(const UpsamplingOptions& options)
    : Interpolating("UpsamplingNearest2d",
                    {.size = options.size, .scale_factor = options.scale_factor}) {}

Tensor UpsamplingNearest2d::forward(const Tensor& x) {
  const xgrad::detail::Running running("UpsamplingNearest2d", x);
  require<ShapeError>(x.dim() == 4,
                      "UpsamplingNearest2d: input {} must be [batch, channels, height, width]",
                      x.shape());
  return Interpolating::forward(x);
}

}  // namespace xgrad::nn
