#pragma once
#include <xgrad/nn/module.hpp>
#include <xgrad/nn/module_of.hpp>
#include <xgrad/ops/conv.hpp>

#pragma GCC visibility push(default)

namespace xgrad::nn {

using xgrad::Conv1dOptions;
using xgrad::Conv2dOptions;
using xgrad::Conv3dOptions;
using xgrad::ConvTranspose1dOptions;
using xgrad::ConvTranspose2dOptions;
using xgrad::ConvTranspose3dOptions;

namespace detail {

/// A convolution over `rank` axes with weights of its own. ValueError for sizes that are not
/// positive or that the groups do not divide, and for options that no convolution has.
template <int rank>
class Conv : public Module {
 public:
  Tensor forward(const Tensor& x) override;

  Parameter weight;  ///< [out, in / groups, kernel…]
  Parameter bias;    ///< [out], or undefined

 protected:
  Conv() = default;
  Conv(std::int64_t in, std::int64_t out, Extents<rank> kernel, const ConvOptions<rank>& options);

 private:
  ConvOptions<rank> options_;
};

/// The same of a transposed convolution.
template <int rank>
class ConvTranspose : public ModuleOf<ConvTranspose<rank>> {
 public:
  /// `output_size`, of the last axes or of all, says which of the sizes that the stride leaves open
  /// is meant, instead of output_padding. ShapeError where it is none of them.
  Tensor forward(const Tensor& x, const Shape& output_size = {});

  Parameter weight;  ///< [in, out / groups, kernel…]
  Parameter bias;    ///< [out], or undefined

 protected:
  ConvTranspose() = default;
  ConvTranspose(std::int64_t in, std::int64_t out, Extents<rank> kernel,
                const ConvTransposeOptions<rank>& options);

 private:
  ConvTransposeOptions<rank> options_;
};

extern template class Conv<1>;
extern template class Conv<2>;
extern template class Conv<3>;
extern template class ConvTranspose<1>;
extern template class ConvTranspose<2>;
extern template class ConvTranspose<3>;

}  // namespace detail

// Weights and biases start uniform within 1 / √fan_in, fan_in being weight.size(1) times the places
// of the kernel, as PyTorch's do. What is made without arguments is not usable before a made one is
// assigned.

/// xgrad::conv1d with weights of its own: [N, in, L] to [N, out, OL].
class Conv1d : public detail::Conv<1> {
 public:
  Conv1d() = default;
  Conv1d(std::int64_t in, std::int64_t out, Extents<1> kernel, const Conv1dOptions& options = {})
      : Conv(in, out, kernel, options) {}
};

/// xgrad::conv2d with weights of its own: [N, in, H, W] to [N, out, OH, OW].
class Conv2d : public detail::Conv<2> {
 public:
  Conv2d() = default;
  Conv2d(std::int64_t in, std::int64_t out, Extents<2> kernel, const Conv2dOptions& options = {})
      : Conv(in, out, kernel, options) {}
};

/// xgrad::conv3d with weights of its own: [N, in, D, H, W] to [N, out, OD, OH, OW].
class Conv3d : public detail::Conv<3> {
 public:
  Conv3d() = default;
  Conv3d(std::int64_t in, std::int64_t out, Extents<3> kernel, const Conv3dOptions& options = {})
      : Conv(in, out, kernel, options) {}
};

/// xgrad::conv_transpose1d with weights of its own: [N, in, L] to [N, out, OL].
class ConvTranspose1d : public detail::ConvTranspose<1> {
 public:
  ConvTranspose1d() = default;
  ConvTranspose1d(std::int64_t in, std::int64_t out, Extents<1> kernel,
                  const ConvTranspose1dOptions& options = {})
      : ConvTranspose(in, out, kernel, options) {}
};

/// xgrad::conv_transpose2d with weights of its own: [N, in, H, W] to [N, out, OH, OW].
class ConvTranspose2d : public detail::ConvTranspose<2> {
 public:
  ConvTranspose2d() = default;
  ConvTranspose2d(std::int64_t in, std::int64_t out, Extents<2> kernel,
                  const ConvTranspose2dOptions& options = {})
      : ConvTranspose(in, out, kernel, options) {}
};

/// xgrad::conv_transpose3d with weights of its own: [N, in, D, H, W] to [N, out, OD, OH, OW].
class ConvTranspose3d : public detail::ConvTranspose<3> {
 public:
  ConvTranspose3d() = default;
  ConvTranspose3d(std::int64_t in, std::int64_t out, Extents<3> kernel,
                  const ConvTranspose3dOptions& options = {})
      : ConvTranspose(in, out, kernel, options) {}
};

}  // namespace xgrad::nn

#pragma GCC visibility pop
