#pragma once
// Internal: cross-correlation over one to three axes and its adjoints. Three kernels stand behind
// one interface: matrix products (conv_gemm, both dtypes, the reference), and for float32 oneDNN's
// direct convolution (conv_onednn, where it is there) and Winograd's algorithm (conv_winograd).

#include <xgrad/autograd/layout.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>

namespace xgrad::kernels {

/// Sizes of one convolution: input [n, c, d, h, w], weight [k, c / groups, t, r, s], output
/// [n, k, od, oh, ow]. Over fewer axes, the first ones have an extent of one. The output may be
/// given fewer places than there are, or more, which see zeros.
struct ConvGeometry {
  std::int64_t n, c, h, w;
  std::int64_t k, r, s;
  std::int64_t oh, ow;
  std::int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  std::int64_t groups;
  std::int64_t d = 1, t = 1, od = 1;
  std::int64_t stride_d = 1, pad_d = 0, dilation_d = 1;
  bool are_images = true;  ///< x and y are [n, channels, rows, columns], and may lie in blocks

  bool has_depth() const { return d != 1 || t != 1 || od != 1 || pad_d != 0; }
  /// Values of one channel of x, of y, and of a window.
  std::int64_t inputs() const { return d * h * w; }
  std::int64_t outputs() const { return od * oh * ow; }
  std::int64_t window() const { return t * r * s; }
  std::int64_t group_channels() const { return c / groups; }
  std::int64_t group_filters() const { return k / groups; }
  /// Values under one filter.
  std::int64_t patch() const { return group_channels() * window(); }
};

enum class ConvDirection : std::uint8_t {
  forward,         ///< y from x and weight
  backward_input,  ///< x from y and weight: the adjoint in x
  backward_weight  ///< weight from x and y: the adjoint in weight
};

enum class ConvKernel : std::uint8_t { gemm, direct, winograd };
constexpr const char* name(ConvKernel kernel) noexcept {
  constexpr const char* names[] = {"gemm", "direct", "winograd"};
  return names[static_cast<std::size_t>(kernel)];
}

/// Which kernel computes a convolution, and how it takes or gives x and y.
struct ConvPlan {
  ConvKernel kernel = ConvKernel::gemm;
  Layout x = Layout::plain;
  Layout y = Layout::plain;
};

/// The kernel that is fastest for these sizes: a rule, not a measurement, so that runs are alike.
/// XGRAD_CONV=gemm or direct forces one where it can do the work (auto is the default); ValueError
/// for other settings.
ConvPlan plan_conv(ConvDirection direction, const ConvGeometry& g, DType dtype);

/// Two of x, weight and y are read, the third is written. The bias (nullptr for none) is added to
/// the y of a forward convolution ([k]) and to the x of its adjoint ([c]); beside the weight's
/// gradient its own is written, the sum of y.
template <class T>
struct ConvOperands {
  T* x;
  T* weight;
  T* y;
  T* bias = nullptr;
};

/// Gradients of weights are sums over all results of a filter. Where those are many, pieces of the
/// batch are summed by the kernel, of 16384 results with oneDNN and 2²⁰ otherwise, and joined as
/// accumulate.hpp says.
template <class T>
void conv(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g,
          const ConvOperands<T>& operands);

// ---- the kernels

/// Into how many parts a batch is cut where `most` are worthwhile, by the sizes alone. Each part
/// has weights of its own to put in order, or a share of their gradient to be joined, which is
/// little beside some thousand results of a filter; two parts are made of fewer.
inline std::int64_t batch_parts(const ConvGeometry& g, std::int64_t most) {
  constexpr std::int64_t results = 4096;
  const std::int64_t parts = std::max<std::int64_t>(g.n * g.outputs() / results, 2);
  return static_cast<std::int64_t>(
      std::bit_floor(static_cast<std::uint64_t>(std::min({parts, most, g.n}))));
}

template <class T>
void conv_gemm(ConvDirection direction, const ConvGeometry& g, const ConvOperands<T>& operands);

/// Whether oneDNN was built in and has a primitive for this.
bool onednn_can(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g);
void conv_onednn(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g,
                 const ConvOperands<float>& operands);

/// Whether Winograd's algorithm applies: windows of 3x3, stride 1, channels that fill blocks, a
/// program compiled for the processor's vectors. x and y lie in blocks. Writes no gradient of the
/// bias.
bool winograd_can(ConvDirection direction, const ConvGeometry& g);
/// Whether it is then faster than direct convolution, as measured on AVX-512: from 32 channels on,
/// where its tiles are many and the results fill them.
bool winograd_pays(ConvDirection direction, const ConvGeometry& g);
void conv_winograd(ConvDirection direction, const ConvGeometry& g,
                   const ConvOperands<float>& operands);

}  // namespace xgrad::kernels
