#pragma once
// A batch norm in evaluation, put into the layer before it.

#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/linear.hpp>
#include <xgrad/nn/norm.hpp>

#include <concepts>

#pragma GCC visibility push(default)

namespace xgrad::nn::utils {

namespace detail {
/// Changes weight [out, …] and bias of `layer`, so that it gives what `norm` makes of it.
void fuse(const char* operation, Module& layer, Parameter& weight, Parameter& bias,
          const BatchNorm& norm);

/// Of which output channels are the weight's first axis, as they are not where it is transposed.
template <class M>
concept Convolution = std::derived_from<M, nn::detail::Conv<1>> ||
    std::derived_from<M, nn::detail::Conv<2>> || std::derived_from<M, nn::detail::Conv<3>>;
}  // namespace detail

/// A convolution that gives what `norm` gives of `conv`'s results: each output channel of the
/// weight times w / √(running_var + eps), and a bias that fits; in evaluation mode, with parameters
/// of its own. For convolutions of any rank that are not transposed. ValueError where either is in
/// training, or the norm has no running statistics; ShapeError where the channels differ,
/// DTypeError where the dtypes do.
template <detail::Convolution Conv>
Conv fuse_conv_bn_eval(const Conv& conv, const BatchNorm& norm) {
  Conv fused = clone(conv);
  detail::fuse("fuse_conv_bn_eval", fused, fused.weight, fused.bias, norm);
  return fused;
}

/// The same for a Linear.
Linear fuse_linear_bn_eval(const Linear& linear, const BatchNorm& norm);

}  // namespace xgrad::nn::utils

#pragma GCC visibility pop
