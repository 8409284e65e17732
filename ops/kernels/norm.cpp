#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/lanes.hpp>
#include <xgrad/ops/kernels/norm.hpp>
#include <xgrad/ops/kernels/parallel.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <type_traits>
#include <vector>

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

/// `Count` doubles for each batch entry and channel, from the pool.
template <std::int64_t Count>
class Partials {
 public:
  explicit Partials(const ChannelExtents& e)
      : extents_(e),
        storage_(Storage::allocate(static_cast<std::size_t>(e.batch * e.channels() * Count) *
                                   sizeof(double))) {}

  /// The k-th of each channel of a group and the next.
  double* of(std::int64_t entry, std::int64_t group, std::int64_t k) const {
    return of(entry, k) + group * extents_.lanes;
  }

  /// out[c] = Σ over the batch of f(entry, c).
  template <class F>
  void add_up(const F& f, double* out) const {
    const std::int64_t channels = extents_.channels();
    const auto leaf = [&](std::int64_t block, double* to) {
      std::fill_n(to, channels, 0.0);
      for (std::int64_t i = block * run; i < std::min(extents_.batch, (block + 1) * run); ++i)
        for (std::int64_t c = 0; c < channels; ++c) to[c] += f(i, c);
    };
    const std::int64_t blocks = (extents_.batch + run - 1) / run;
    if (blocks == 0) {
      std::fill_n(out, channels, 0.0);
      return;
    }
    std::vector<double> room(static_cast<std::size_t>(join_depth(blocks) * channels));
    join_blocks(0, blocks, channels, leaf, std::plus<>(), out, room.data());
  }
  /// out[c] = Σ over the batch of the k-th.
  template <class Out>
  void add_up_all(std::int64_t k, Out* out) const {
    std::vector<double> sums(static_cast<std::size_t>(extents_.channels()));
    add_up([&](std::int64_t entry, std::int64_t c) { return of(entry, k)[c]; }, sums.data());
    std::ranges::transform(sums, out, [](double value) { return static_cast<Out>(value); });
  }

  double* of(std::int64_t entry, std::int64_t k) const {
    return reinterpret_cast<double*>(storage_->own()) + (entry * Count + k) * extents_.channels();
  }

 private:
  ChannelExtents extents_;
  Ref<Storage> storage_;
};

/// A number for each channel.
std::vector<double> for_channels(const ChannelExtents& e) {
  return std::vector<double>(static_cast<std::size_t>(e.channels()));
}

/// The mean and n times the variance of each plane, into 0 and 1 of the partials.
template <std::int64_t Lanes, class T>
void plane_moments(std::int64_t plane, const T* values, double* mean, double* squares) {
  constexpr std::size_t lanes = Lanes;
  const auto n = static_cast<double>(plane);
  std::array<Wide<T>, 2 * lanes> sums;
  sum_lanes<Lanes, T>(plane, sums.data(), [=](std::int64_t i) { return values[i]; });
  std::array<T, lanes> center;
  for (std::size_t lane = 0; lane < lanes; ++lane) center[lane] = static_cast<T>(sums[lane] / n);
  const auto deviation = [values, &center](std::int64_t i) {
    return values[i] - center[static_cast<std::size_t>(i % Lanes)];
  };
  sum_lanes<Lanes, T>(plane, sums.data(), deviation, [&](std::int64_t i) {
    const T d = deviation(i);
    return d * d;
  });
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const double left = sums[lane] / n;
    mean[lane] = static_cast<double>(center[lane]) + left;
    squares[lane] = sums[lanes + lane] - sums[lane] * left;
  }
}

}  // namespace

template <class T>
void moments(const ChannelExtents& e, const T* x, const Moments<T>& to) {
  if (e.count() == 0) {
    for (T* const values : {to.mean, to.rest, to.var}) std::fill_n(values, e.channels(), T(0));
    return;
  }
  const Partials<2> partials(e);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      plane_moments<Lanes>(e.plane, x + (entry * e.groups + group) * e.plane * Lanes,
                           partials.of(entry, group, 0), partials.of(entry, group, 1));
    });
  });
  // By how much the planes' means differ from the first one's.
  const double* const first = partials.of(0, 0);
  const auto difference = [&](std::int64_t entry, std::int64_t c) {
    return partials.of(entry, 0)[c] - first[c];
  };
  const auto batch = static_cast<double>(e.batch);
  std::vector<double> means = for_channels(e);
  partials.add_up(difference, means.data());
  for (double& mean : means) mean /= batch;
  std::vector<double> squares = for_channels(e);
  partials.add_up(
      [&](std::int64_t entry, std::int64_t c) {
        const double d = difference(entry, c) - means[static_cast<std::size_t>(c)];
        return partials.of(entry, 1)[c] + d * d * static_cast<double>(e.plane);
      },
      squares.data());
  for (std::int64_t c = 0; c < e.channels(); ++c) {
    const double mean = first[c] + means[static_cast<std::size_t>(c)];
    to.mean[c] = static_cast<T>(mean);
    to.rest[c] = static_cast<T>(mean - static_cast<double>(to.mean[c]));
    to.var[c] = static_cast<T>(std::max(squares[static_cast<std::size_t>(c)], 0.0) /
                               static_cast<double>(e.count()));
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

template <class T, class Out>
void channel_sums(const ChannelExtents& e, const T* x, Out* sum) {
  const Partials<1> partials(e);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const T* const values = x + (entry * e.groups + group) * e.plane * Lanes;
      sum_lanes<Lanes, T>(e.plane, partials.of(entry, group, 0),
                          [=](std::int64_t i) { return values[i]; });
    });
  });
  partials.add_up_all(0, sum);
}

template <class T>
void centered_sums(const ChannelExtents& e, const T* dy, const T* x, const T* center, T* sum,
                   T* dot) {
  const Partials<2> partials(e);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const std::int64_t at = (entry * e.groups + group) * e.plane * Lanes;
      const T* const d = dy + at;
      const T* const values = x + at;
      const auto c = of_lanes<Lanes>(center, group);
      std::array<double, 2 * static_cast<std::size_t>(Lanes)> sums;
      sum_lanes<Lanes, T>(
          e.plane, sums.data(), [=](std::int64_t i) { return d[i]; },
          [=, &c](std::int64_t i) {
            return d[i] * (values[i] - c[static_cast<std::size_t>(i % Lanes)]);
          });
      std::copy_n(sums.data(), Lanes, partials.of(entry, group, 0));
      std::copy_n(sums.data() + Lanes, Lanes, partials.of(entry, group, 1));
    });
  });
  partials.add_up_all(0, sum);
  partials.add_up_all(1, dot);
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
  template void moments(const ChannelExtents&, const T*, const Moments<T>&);                    \
  template void affine(const ChannelExtents&, const T*, const T*, const T*, const T*, T*);      \
  template void channel_sums(const ChannelExtents&, const T*, T*);                              \
  template void centered_sums(const ChannelExtents&, const T*, const T*, const T*, T*, T*);     \
  template void affine(const ChannelExtents&, const T*, const T*, const T*, const T*, const T*, \
                       const T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE
template void channel_sums(const ChannelExtents&, const float*, double*);

}  // namespace xgrad::kernels
