#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/lanes.hpp>
#include <xgrad/ops/kernels/norm.hpp>
#include <xgrad/ops/kernels/parallel.hpp>

#include <algorithm>
#include <array>
#include <type_traits>

namespace xgrad::kernels {
namespace {

/// The values of one group's channels.
template <std::int64_t Lanes, class T>
std::array<T, Lanes> of_lanes(const T* channels, std::int64_t group) {
  std::array<T, Lanes> values;
  std::copy_n(channels + group * Lanes, Lanes, values.begin());
  return values;
}

/// f(batch entry, group) for all, several at once.
template <class F>
void for_planes(const ChannelExtents& e, const F& f) {
  const std::int64_t grain = worthwhile / std::max<std::int64_t>(e.plane * e.lanes, 1) + 1;
  parallel_for(e.batch * e.groups, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i / e.groups, i % e.groups);
  });
}

/// Doubles for each batch entry and channel, from the pool.
class Partials {
 public:
  explicit Partials(const ChannelExtents& e)
      : channels_(e.channels()),
        storage_(
            Storage::allocate(static_cast<std::size_t>(e.batch * channels_) * sizeof(double))) {}
  double* of(std::int64_t entry) {
    return reinterpret_cast<double*>(storage_->data()) + entry * channels_;
  }

 private:
  std::int64_t channels_;
  Ref<Storage> storage_;
};

/// out[lane] = Σ over the plane of f(position): several accumulators, so that additions do not
/// wait for each other.
template <std::int64_t Lanes, class T, class F>
void sum_plane(std::int64_t plane, const F& f, double* out) {
  constexpr std::int64_t width = Lanes == 1 ? 32 : 4 * Lanes;
  constexpr std::int64_t block = 4096;  // bounds how many terms one accumulator takes
  const std::int64_t n = plane * Lanes;
  std::fill_n(out, Lanes, 0.0);
  for (std::int64_t start = 0; start < n; start += block * width) {
    const std::int64_t end = std::min(n, start + block * width);
    std::array<T, width> sum{};
    std::int64_t i = start;
    for (; i + width <= end; i += width)
      for (std::int64_t j = 0; j < width; ++j) sum[static_cast<std::size_t>(j)] += f(i + j);
    for (std::int64_t j = 0; i < end; ++i, ++j) sum[static_cast<std::size_t>(j)] += f(i);
    for (std::int64_t j = 0; j < width; ++j)
      out[j % Lanes] += static_cast<double>(sum[static_cast<std::size_t>(j)]);
  }
}

}  // namespace

template <class T>
void moments(const ChannelExtents& e, const T* x, T* mean, T* var) {
  if (e.count() == 0) {
    std::fill_n(mean, e.channels(), T(0));
    std::fill_n(var, e.channels(), T(0));
    return;
  }
  Partials means(e);
  Partials squares(e);
  const auto count = static_cast<double>(e.plane);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const T* const values = x + (entry * e.groups + group) * e.plane * Lanes;
      double* const m = means.of(entry) + group * Lanes;
      sum_plane<Lanes, T>(
          e.plane, [&](std::int64_t i) { return values[i]; }, m);
      std::array<T, Lanes> center;
      for (std::size_t lane = 0; lane < Lanes; ++lane)
        center[lane] = static_cast<T>(m[lane] /= count);
      sum_plane<Lanes, T>(
          e.plane,
          [&](std::int64_t i) {
            const T d = values[i] - center[static_cast<std::size_t>(i % Lanes)];
            return d * d;
          },
          squares.of(entry) + group * Lanes);
    });
  });
  for (std::int64_t c = 0; c < e.channels(); ++c) {
    double total = 0;
    for (std::int64_t i = 0; i < e.batch; ++i) total += means.of(i)[c];
    const double center = total / static_cast<double>(e.batch);
    double spread = 0;
    for (std::int64_t i = 0; i < e.batch; ++i) {
      const double d = means.of(i)[c] - center;
      spread += squares.of(i)[c] + d * d * count;
    }
    mean[c] = static_cast<T>(center);
    var[c] = static_cast<T>(spread / static_cast<double>(e.count()));
  }
}

template <class T>
void affine(const ChannelExtents& e, const T* x, const T* center, const T* scale, const T* shift,
            T* y) {
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const std::int64_t at = (entry * e.groups + group) * e.plane * Lanes;
      const auto m = of_lanes<Lanes>(center, group);
      const auto a = of_lanes<Lanes>(scale, group);
      const auto b = of_lanes<Lanes>(shift, group);
      for (std::int64_t i = at; i < at + e.plane * Lanes; i += Lanes)
        for (std::size_t lane = 0; lane < Lanes; ++lane) {
          const auto j = i + static_cast<std::int64_t>(lane);
          y[j] = a[lane] * (x[j] - m[lane]) + b[lane];
        }
    });
  });
}

namespace {

/// out[c] = Σ over the batch, in its order.
template <class T>
void add_up(const ChannelExtents& e, Partials& partials, T* out) {
  for (std::int64_t c = 0; c < e.channels(); ++c) {
    double total = 0;
    for (std::int64_t i = 0; i < e.batch; ++i) total += partials.of(i)[c];
    out[c] = static_cast<T>(total);
  }
}

}  // namespace

template <class T>
void channel_sums(const ChannelExtents& e, const T* x, T* sum) {
  Partials sums(e);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const T* const values = x + (entry * e.groups + group) * e.plane * Lanes;
      sum_plane<Lanes, T>(
          e.plane, [&](std::int64_t i) { return values[i]; }, sums.of(entry) + group * Lanes);
    });
  });
  add_up(e, sums, sum);
}

template <class T>
void centered_sums(const ChannelExtents& e, const T* dy, const T* x, const T* center, T* sum,
                   T* dot) {
  Partials sums(e);
  Partials dots(e);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const std::int64_t at = (entry * e.groups + group) * e.plane * Lanes;
      const T* const d = dy + at;
      const T* const values = x + at;
      const auto c = of_lanes<Lanes>(center, group);
      sum_plane<Lanes, T>(
          e.plane, [&](std::int64_t i) { return d[i]; }, sums.of(entry) + group * Lanes);
      sum_plane<Lanes, T>(
          e.plane,
          [&](std::int64_t i) {
            return d[i] * (values[i] - c[static_cast<std::size_t>(i % Lanes)]);
          },
          dots.of(entry) + group * Lanes);
    });
  });
  add_up(e, sums, sum);
  add_up(e, dots, dot);
}

template <class T>
void affine(const ChannelExtents& e, const T* dy, const T* x, const T* center, const T* a,
            const T* b, const T* k, T* dx) {
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const std::int64_t at = (entry * e.groups + group) * e.plane * Lanes;
      const auto m = of_lanes<Lanes>(center, group);
      const auto p = of_lanes<Lanes>(a, group);
      const auto q = of_lanes<Lanes>(b, group);
      const auto r = of_lanes<Lanes>(k, group);
      for (std::int64_t i = at; i < at + e.plane * Lanes; i += Lanes)
        for (std::size_t lane = 0; lane < Lanes; ++lane) {
          const auto j = i + static_cast<std::int64_t>(lane);
          dx[j] = p[lane] * dy[j] + q[lane] * (x[j] - m[lane]) + r[lane];
        }
    });
  });
}

#define XGRAD_INSTANTIATE(T)                                                                    \
  template void moments(const ChannelExtents&, const T*, T*, T*);                               \
  template void affine(const ChannelExtents&, const T*, const T*, const T*, const T*, T*);      \
  template void channel_sums(const ChannelExtents&, const T*, T*);                              \
  template void centered_sums(const ChannelExtents&, const T*, const T*, const T*, T*, T*);     \
  template void affine(const ChannelExtents&, const T*, const T*, const T*, const T*, const T*, \
                       const T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
