#pragma once
// Internal: the kernels of two-dimensional cross-correlation behind one interface.

#include <cstdint>

namespace xgrad::kernels {

/// Sizes of one convolution: input [n, c, h, w], weight [k, c / groups, r, s], output
/// [n, k, oh, ow].
struct ConvGeometry {
  std::int64_t n, c, h, w;
  std::int64_t k, r, s;
  std::int64_t oh, ow;
  std::int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
  std::int64_t groups;

  std::int64_t group_channels() const { return c / groups; }
  std::int64_t group_filters() const { return k / groups; }
  /// Values under one filter.
  std::int64_t patch() const { return group_channels() * r * s; }
};

/// y = x ⋆ weight, plus bias ([k], or nullptr).
template <class T>
void conv_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias, T* y);
/// dx from dy: the adjoint in x.
template <class T>
void conv_backward_input(const ConvGeometry& g, const T* dy, const T* weight, T* dx);
/// dweight from x and dy: the adjoint in weight.
template <class T>
void conv_backward_weight(const ConvGeometry& g, const T* x, const T* dy, T* dweight);

}  // namespace xgrad::kernels
