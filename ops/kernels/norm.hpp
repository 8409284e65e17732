#pragma once
// Internal: sums, statistics and affine maps of each channel, in one pass over memory each.

#include <cstdint>

namespace xgrad::kernels {

/// Where a value's channel is: [batch, groups, plane, lanes] in memory, channel = group · lanes +
/// lane. Rows of images have one lane; [batch, channels] is all lanes and a plane of one.
struct ChannelExtents {
  std::int64_t batch;
  std::int64_t groups;
  std::int64_t plane;
  std::int64_t lanes;

  std::int64_t channels() const { return groups * lanes; }
  /// Values of one channel.
  std::int64_t count() const { return batch * plane; }
};

/// mean[c] and the biased var[c] over the values of each channel. Two passes over one plane at a
/// time, which stays in cache; planes are merged in double (Chan, Golub and LeVeque, 1979), so no
/// digits are lost where the mean is large. Both are 0 over no values.
template <class T>
void moments(const ChannelExtents& e, const T* x, T* mean, T* var);

/// y = scale[c] (x − center[c]) + shift[c].
template <class T>
void affine(const ChannelExtents& e, const T* x, const T* center, const T* scale, const T* shift,
            T* y);

/// sum[c] = Σ x.
template <class T>
void channel_sums(const ChannelExtents& e, const T* x, T* sum);

/// sum[c] = Σ dy and dot[c] = Σ dy (x − center[c]).
template <class T>
void centered_sums(const ChannelExtents& e, const T* dy, const T* x, const T* center, T* sum,
                   T* dot);

/// dx = a[c] dy + b[c] (x − center[c]) + k[c].
template <class T>
void affine(const ChannelExtents& e, const T* dy, const T* x, const T* center, const T* a,
            const T* b, const T* k, T* dx);

}  // namespace xgrad::kernels
