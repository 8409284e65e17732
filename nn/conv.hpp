#pragma once
#include <xgrad/nn/module.hpp>
#include <xgrad/ops/conv.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::Conv2dOptions;

/// xgrad::conv2d with weights of its own: [N, in, H, W] to [N, out, OH, OW]. ValueError for sizes
/// that are not positive or that the groups do not divide.
class Conv2d : public Module {
 public:
  /// Not usable before a made one is assigned.
  Conv2d() = default;
  Conv2d(std::int64_t in, std::int64_t out, Extents<2> kernel, const Conv2dOptions& options = {});

  Tensor forward(const Tensor& x) override;

  Parameter weight;  ///< [out, in / groups, kernel[0], kernel[1]]
  Parameter bias;    ///< [out], or undefined

 private:
  Conv2dOptions options_;
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
