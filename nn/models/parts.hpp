#pragma once
// Internal: what several models are made of.

#include <xgrad/nn/conv.hpp>

#include <cstdint>

namespace xgrad::nn::models::detail {

/// A convolution whose result a batch norm takes: no bias, and the padding that keeps an image's
/// extent at stride 1.
Conv2d conv_before_norm(std::int64_t in, std::int64_t out, std::int64_t kernel,
                        std::int64_t stride = 1, std::int64_t groups = 1);

/// The weights of all convolutions below `model` as torchvision's networks start with them: N(0, 2
/// / fan_out) (He et al., arXiv:1502.01852), their biases 0.
void init_convolutions(Module& model);

}  // namespace xgrad::nn::models::detail
