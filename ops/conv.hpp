#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/extents.hpp>
#include <xgrad/ops/pad.hpp>

#include <cstdint>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace xgrad {

/// What surrounds the input of a convolution: so many on each side of an axis; or "same", as many
/// as keep the extents, an odd one behind, where the stride is 1; or "valid", none.
template <int rank>
class ConvPadding : public Extents<rank> {
 public:
  using Extents<rank>::Extents;
  ConvPadding(const Extents<rank>& each) : Extents<rank>(each) {}  // NOLINT: as {.padding = 2}
  template <Word T>
  ConvPadding(const T& word) : Extents<rank>(0), word_(std::string_view(word)) {}  // NOLINT

  const std::string& word() const { return word_; }  ///< empty where there are numbers

 private:
  std::string word_;
};

/// Of a convolution over `rank` axes, and of its layer in nn.
template <int rank>
struct ConvOptions {
  Extents<rank> stride = 1;
  ConvPadding<rank> padding = 0;  ///< on each side; or "same", "valid"
  Extents<rank> dilation = 1;
  std::int64_t groups = 1;  ///< must divide the input and output channels
  bool bias = true;         ///< false: none; a layer then makes none, and the operation refuses one
  std::string padding_mode = "zeros";  ///< or "reflect", "replicate", "circular", as pad() has them
};
using Conv1dOptions = ConvOptions<1>;
using Conv2dOptions = ConvOptions<2>;
using Conv3dOptions = ConvOptions<3>;

/// Cross-correlation of x [N, C, H, W] with weight [K, C / groups, R, S], plus bias [K] (or none):
/// [N, K, OH, OW] with OH = (H + 2·padding − dilation·(R − 1) − 1) / stride + 1; of x [C, H, W]
/// alike without N. float32 or float64. x may have no images or no channels, but has rows and
/// columns. ShapeError, DTypeError or ValueError where the arguments do not fit each other.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv2dOptions& options = {});
/// The same over [N, C, L], or [C, L].
Tensor conv1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv1dOptions& options = {});
/// The same over [N, C, D, H, W], or [C, D, H, W].
Tensor conv3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
              const Conv3dOptions& options = {});

/// The adjoint of a convolution in x: from dy [N, K, OH, OW] to the input's shape. Around the
/// input are zeros (ValueError for another mode).
Tensor conv1d_input(const Tensor& dy, const Tensor& weight, const Shape& input_shape,
                    const Conv1dOptions& options = {});
Tensor conv2d_input(const Tensor& dy, const Tensor& weight, const Shape& input_shape,
                    const Conv2dOptions& options = {});
Tensor conv3d_input(const Tensor& dy, const Tensor& weight, const Shape& input_shape,
                    const Conv3dOptions& options = {});

/// The adjoint in weight: from x and dy to the weight's shape.
Tensor conv1d_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                     const Conv1dOptions& options = {});
Tensor conv2d_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                     const Conv2dOptions& options = {});
Tensor conv3d_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                     const Conv3dOptions& options = {});

/// Of a transposed convolution over `rank` axes, and of its layer in nn.
template <int rank>
struct ConvTransposeOptions {
  Extents<rank> stride = 1;
  Extents<rank> padding = 0;         ///< results left out on each side
  Extents<rank> output_padding = 0;  ///< results more behind; less than the stride or the dilation
  std::int64_t groups = 1;           ///< must divide the input and output channels
  bool bias = true;                  ///< as in ConvOptions
  Extents<rank> dilation = 1;
};
using ConvTranspose1dOptions = ConvTransposeOptions<1>;
using ConvTranspose2dOptions = ConvTransposeOptions<2>;
using ConvTranspose3dOptions = ConvTransposeOptions<3>;

/// Transposed convolution, which spreads each value of x [N, C, H, W] over a window: the adjoint of
/// the conv2d that has this weight [C, K / groups, R, S], plus bias [K] (or none). [N, K, OH, OW]
/// with OH = (H − 1)·stride − 2·padding + dilation·(R − 1) + output_padding + 1; of x [C, H, W]
/// alike without N. Arguments and errors otherwise as conv2d's.
Tensor conv_transpose2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose2dOptions& options = {});
/// The same over [N, C, L], or [C, L].
Tensor conv_transpose1d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose1dOptions& options = {});
/// The same over [N, C, D, H, W], or [C, D, H, W].
Tensor conv_transpose3d(const Tensor& x, const Tensor& weight, const Tensor& bias = {},
                        const ConvTranspose3dOptions& options = {});

}  // namespace xgrad

#pragma GCC visibility pop
