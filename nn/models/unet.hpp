#pragma once
#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/sequential.hpp>

#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad::nn::models {

struct UNetOptions {
  std::int64_t in_channels = 1;
  std::int64_t out_channels = 2;
  std::int64_t width = 32;  ///< channels at full extent; twice as many at each half
  std::int64_t depth = 4;   ///< how often the extent is halved
};

/// Images to images through smaller and smaller ones and back, where each size on the way up sees
/// that on the way down (Ronneberger, Fischer and Brox, arXiv:1505.04597; with padding, so that
/// extents stay, and with batch norms): [N, in_channels, H, W] to logits [N, out_channels, H, W],
/// for H and W that 2^depth divides (ShapeError). ValueError for options that are not positive.
class UNet : public Module {
 public:
  explicit UNet(const UNetOptions& options = {});

  Tensor forward(const Tensor& x) override;

  ModuleList<Sequential> down, merge;
  ModuleList<ConvTranspose2d> up;
  Conv2d out;
};

}  // namespace xgrad::nn::models

#pragma GCC visibility pop
