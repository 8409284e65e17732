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
  const double nanoseconds = 10 + 0.2 * static_cast<double>(e.plane * e.lanes);
  parallel_for(e.batch * e.groups, grain_of(nanoseconds),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) f(i / e.groups, i % e.groups);
               });
}

/// out[c] = Σ over the batch of f(entry, c).
template <class F>
void add_up(const ChannelExtents& e, const F& f, double* out) {
  const std::int64_t channels = e.channels();
  const std::int64_t blocks = (e.batch + run - 1) / run;
  if (blocks == 0) {
    std::fill_n(out, channels, 0.0);
    return;
  }
  std::vector<double> room(static_cast<std::size_t>(join_depth(blocks) * channels));
  join_blocks(
      0, blocks, channels,
      [&](std::int64_t block, double* to) {
        std::fill_n(to, channels, 0.0);
        for (std::int64_t i = block * run; i < std::min(e.batch, (block + 1) * run); ++i)
          for (std::int64_t c = 0; c < channels; ++c) to[c] += f(i, c);
      },
      std::plus<>(), out, room.data());
}

template <class T, class F>
void add_up_to(const ChannelExtents& e, const F& f, T* out) {
  std::vector<double> sums(static_cast<std::size_t>(e.channels()));
  add_up(e, f, sums.data());
  std::ranges::transform(sums, out, [](double value) { return static_cast<T>(value); });
}

/// Planes of one value, [batch, channels]: there is nothing to sum before the batch is.
bool is_matrix(const ChannelExtents& e) { return e.plane == 1 && e.lanes == 1; }

/// `Count` doubles for each batch entry and channel, from the pool.
template <std::int64_t Count>
class Partials {
 public:
  explicit Partials(const ChannelExtents& e)
      : extents_(e),
        storage_(Storage::allocate(static_cast<std::size_t>(e.batch * e.channels() * Count) *
                                   sizeof(double))) {}

  /// The k-th of each channel, from a group's first on.
  double* of(std::int64_t entry, std::int64_t k, std::int64_t group = 0) const {
    return reinterpret_cast<double*>(storage_->own()) + (entry * Count + k) * extents_.channels() +
           group * extents_.lanes;
  }
  /// The k-th as a function of batch entry and channel.
  auto all(std::int64_t k) const {
    return [this, k](std::int64_t entry, std::int64_t c) { return of(entry, k)[c]; };
  }

 private:
  ChannelExtents extents_;
  Ref<Storage> storage_;
};

/// The means and n times the variances of the lanes of a plane of n places.
template <std::int64_t Lanes, class T>
void plane_moments(std::int64_t plane, const T* values, double* mean, double* squares) {
  constexpr std::size_t lanes = Lanes;
  const auto n = static_cast<double>(plane);
  std::array<Wide<T>, 2 * lanes> sums;
  sum_lanes<Lanes, T>(plane, sums.data(), [=](std::int64_t i, std::size_t) { return values[i]; });
  std::array<T, lanes> center;
  for (std::size_t lane = 0; lane < lanes; ++lane) center[lane] = static_cast<T>(sums[lane] / n);
  const auto deviation = [=](std::int64_t i, std::size_t lane) { return values[i] - center[lane]; };
  sum_lanes<Lanes, T>(plane, sums.data(), deviation, [=](std::int64_t i, std::size_t lane) {
    const T d = deviation(i, lane);
    return d * d;
  });
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    const double left = sums[lane] / n;
    mean[lane] = static_cast<double>(center[lane]) + left;
    squares[lane] = sums[lanes + lane] - sums[lane] * left;
  }
}

/// From each plane's mean(entry, c) and n times its variance, squares(entry, c).
template <class T, class Mean, class Squares>
void join_planes(const ChannelExtents& e, const Mean& mean, const Squares& squares,
                 const Moments<T>& to) {
  const auto values = [&] { return std::vector<double>(static_cast<std::size_t>(e.channels())); };
  const auto plane = static_cast<double>(e.plane);
  // By how much the means differ from the first one.
  std::vector<double> first = values();
  for (std::int64_t c = 0; c < e.channels(); ++c) first[static_cast<std::size_t>(c)] = mean(0, c);
  const auto difference = [&mean, from = first.data()](std::int64_t entry, std::int64_t c) {
    return mean(entry, c) - from[c];
  };
  std::vector<double> means = values();
  add_up(e, difference, means.data());
  for (double& sum : means) sum /= static_cast<double>(e.batch);
  std::vector<double> sums = values();
  add_up(
      e,
      [&, center = means.data()](std::int64_t entry, std::int64_t c) {
        const double d = difference(entry, c) - center[c];
        return squares(entry, c) + d * d * plane;
      },
      sums.data());
  for (std::size_t c = 0; c < means.size(); ++c) {
    const double whole = first[c] + means[c];
    to.mean[c] = static_cast<T>(whole);
    to.rest[c] = static_cast<T>(whole - static_cast<double>(to.mean[c]));
    to.var[c] = static_cast<T>(std::max(sums[c], 0.0) / static_cast<double>(e.count()));
  }
}

}  // namespace

template <class T>
void moments(const ChannelExtents& e, const T* x, const Moments<T>& to) {
  if (e.count() == 0) {
    for (T* const values : {to.mean, to.rest, to.var}) std::fill_n(values, e.channels(), T(0));
    return;
  }
  if (is_matrix(e))
    return join_planes(
        e, [=, n = e.groups](auto entry, auto c) { return static_cast<double>(x[entry * n + c]); },
        [](auto, auto) { return 0.0; }, to);
  const Partials<2> partials(e);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      plane_moments<Lanes>(e.plane, x + (entry * e.groups + group) * e.plane * Lanes,
                           partials.of(entry, 0, group), partials.of(entry, 1, group));
    });
  });
  join_planes(e, partials.all(0), partials.all(1), to);
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
  if (is_matrix(e))
    return add_up_to(
        e, [=, n = e.groups](auto entry, auto c) { return static_cast<double>(x[entry * n + c]); },
        sum);
  const Partials<1> partials(e);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const T* const values = x + (entry * e.groups + group) * e.plane * Lanes;
      sum_lanes<Lanes, T>(e.plane, partials.of(entry, 0, group),
                          [=](std::int64_t i, std::size_t) { return values[i]; });
    });
  });
  add_up_to(e, partials.all(0), sum);
}

template <class T>
void centered_sums(const ChannelExtents& e, const T* dy, const T* x, const T* center, T* sum,
                   T* dot) {
  if (is_matrix(e)) {
    const auto at = [=, n = e.groups](const T* values, std::int64_t entry, std::int64_t c) {
      return static_cast<double>(values[entry * n + c]);
    };
    add_up_to(
        e, [=](auto entry, auto c) { return at(dy, entry, c); }, sum);
    add_up_to(
        e,
        [=](auto entry, auto c) {
          return at(dy, entry, c) * (at(x, entry, c) - static_cast<double>(center[c]));
        },
        dot);
    return;
  }
  const Partials<2> partials(e);
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_planes(e, [&](std::int64_t entry, std::int64_t group) {
      const std::int64_t at = (entry * e.groups + group) * e.plane * Lanes;
      const T* const d = dy + at;
      const T* const values = x + at;
      const auto c = of_lanes<Lanes>(center, group);
      sum_lanes<Lanes, T>(e.plane, partials.of(entry, 0, group),
                          [=](std::int64_t i, std::size_t) { return d[i]; });
      sum_lanes<Lanes, T>(
          e.plane, partials.of(entry, 1, group),
          [=](std::int64_t i, std::size_t lane) { return d[i] * (values[i] - c[lane]); });
    });
  });
  add_up_to(e, partials.all(0), sum);
  add_up_to(e, partials.all(1), dot);
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
