#pragma once
// Internal: convolutions over one to three axes whose sizes are known to fit each other, and what
// their checks share.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/conv.hpp>
#include <xgrad/ops/extents.hpp>
#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/operation.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/windows.hpp>

#include <array>
#include <string_view>

namespace xgrad::detail {

/// Sizes as of ConvGeometry, whose first axes are not there where there are fewer than three.
struct Convolution {
  int rank;  ///< axes of the window
  kernels::ConvGeometry sizes;

  Shape input() const;
  Shape weight() const;
  Shape output() const;
};

/// How images and the axes of a window are called, by rank.
constexpr std::string_view axes_of(int rank) {
  constexpr std::array<std::string_view, 3> words{"length", "height, width",
                                                  "depth, height, width"};
  return words[static_cast<std::size_t>(rank - 1)];
}
constexpr std::string_view places_of(int rank) {
  constexpr std::array<std::string_view, 3> words{"a length", "rows and columns",
                                                  "depth, rows and columns"};
  return words[static_cast<std::size_t>(rank - 1)];
}

/// Values from the first under a window to the last.
inline Size reach(const char* operation, std::int64_t kernel, std::int64_t dilation) {
  return Size(dilation, operation) * (kernel - 1) + 1;
}

/// ValueError where no convolution has such options.
template <int rank>
void check_options(const char* operation, const ConvOptions<rank>& options);
template <int rank>
void check_options(const char* operation, const ConvTransposeOptions<rank>& options);

template <int rank>
void check_images(const char* operation, const Shape& x) {
  require<ShapeError>(x.size() == rank + 2,
                      "{}: input {} must be [batch, channels, {}], or [channels, {}] without a "
                      "batch",
                      operation, x, axes_of(rank), axes_of(rank));
  bool is_right = x[0] >= 0 && x[1] >= 0;
  for (std::size_t i = 2; i < x.size(); ++i)
    is_right = is_right && (x[i] > 0 || (x[i] == 0 && x[0] == 0));
  require<ShapeError>(is_right,
                      "{}: input {} must have {}; only the batch and the channels may be empty",
                      operation, x, places_of(rank));
  bytes_of(x, float32);  // tells sizes whose products overflow
}

template <int rank>
void check_weight(const char* operation, const Shape& weight, std::string_view channels) {
  bool is_right = weight.size() == rank + 2 && weight[0] > 0 && weight[1] >= 0;
  for (std::size_t i = 2; is_right && i < weight.size(); ++i) is_right = weight[i] > 0;
  require<ShapeError>(is_right, "{}: weight {} must be [{}, {}]", operation, weight, channels,
                      axes_of(rank));
  bytes_of(weight, float32);
}

void check_same_dtype(const char* operation, const Tensor& a, const Tensor& b, const char* what);
/// Of `channels` numbers; `wanted`: whether the options say that there is one.
void check_bias(const char* operation, const Tensor& x, const Tensor& weight, const Tensor& bias,
                std::int64_t channels, bool wanted);

/// Sizes along one axis of a window.
struct WindowAxis {
  std::int64_t in, kernel, out, stride, padding, dilation;
};
/// Of `c` channels and `k` filters; the axes of the window are to be set, the first one is 0.
Convolution convolution(int rank, std::int64_t n, std::int64_t c, std::int64_t k,
                        std::int64_t groups);
void set_axis(Convolution& c, std::size_t axis, const WindowAxis& sizes);

/// f of images; of an image alone, as of a batch of one.
template <int rank, class F>
Tensor batched(const Tensor& x, const F& f) {
  if (x.dim() != rank + 1) return f(x);
  return squeeze(f(unsqueeze(x, 0)), 0);
}

/// y = x ⋆ w + b
Tensor convolve(const Convolution& c, const Tensor& x, const Tensor& weight, const Tensor& bias);
/// The adjoint in x, plus a bias for each of its channels (or none), under a name of its own.
Tensor convolve_input(Op op, const Convolution& c, const Tensor& dy, const Tensor& weight,
                      const Tensor& bias = {});
Tensor convolve_input(const Convolution& c, const Tensor& dy, const Tensor& weight);
/// The adjoint in weight.
Tensor convolve_weight(const Convolution& c, const Tensor& x, const Tensor& dy);

}  // namespace xgrad::detail
