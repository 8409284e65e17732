#pragma once
// Internal: sums, statistics and affine maps of each channel, in one pass over memory each. Sums
// are accumulated as accumulate.hpp says.

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

/// The mean of each channel is mean[c] + rest[c], rest being what mean has no digits for, and
/// var[c] the biased variance. Two passes over one plane at a time, which stays in cache: the
/// second, over d = x − m, makes up for the rounding of m (var = Σ d² / n − (Σ d / n)²), so that
/// the variance of equal values is 0. Planes are merged the same way, in double (Chan, Golub and
/// LeVeque, 1979 and 1983). All are 0 over no values.
template <class T>
struct Moments {
  T* mean;
  T* rest;
  T* var;
};
template <class T>
void moments(const ChannelExtents& e, const T* x, const Moments<T>& to);

/// y = scale[c] (x − center[c]) + shift[c].
template <class T>
void affine(const ChannelExtents& e, const T* x, const T* center, const T* scale, const T* shift,
            T* y);

/// sum[c] = Σ x, of float32 in either precision.
template <class T, class Out>
void channel_sums(const ChannelExtents& e, const T* x, Out* sum);

/// sum[c] = Σ dy and dot[c] = Σ dy (x − center[c]).
template <class T>
void centered_sums(const ChannelExtents& e, const T* dy, const T* x, const T* center, T* sum,
                   T* dot);

/// dx = a[c] dy + b[c] (x − center[c]) + k[c].
template <class T>
void affine(const ChannelExtents& e, const T* dy, const T* x, const T* center, const T* a,
            const T* b, const T* k, T* dx);

}  // namespace xgrad::kernels
