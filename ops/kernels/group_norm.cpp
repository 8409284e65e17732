#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/group_norm.hpp>
#include <xgrad/ops/kernels/lanes.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/reduce.hpp>

#include <array>
#include <cmath>

namespace xgrad::kernels {
namespace {

/// What is worked out together: the channels of a group, or those whose values lie side by side,
/// which are several groups'.
template <std::int64_t Lanes>
class Unit {
 public:
  Unit(const NormGroups& e, std::int64_t i)
      : e_(e), channels_(size(e)), first_channel_(i * channels_ % e.all_channels()), i_(i) {}

  static std::int64_t size(const NormGroups& e) { return std::max(e.channels, Lanes); }

  /// Places of `Lanes` values, in all and of each plane's channels.
  std::int64_t places() const { return channels_ / Lanes * e_.plane; }
  std::int64_t planes() const { return channels_ / Lanes; }
  std::int64_t start() const { return i_ * channels_ * e_.plane; }
  std::int64_t groups() const { return channels_ / e_.channels; }
  std::int64_t first_group() const { return i_ * channels_ / e_.channels; }
  /// Of the lanes of its plane number p.
  std::int64_t channel(std::int64_t p) const { return first_channel_ + p * Lanes; }
  /// The same, counted over all images.
  std::int64_t place(std::int64_t p) const { return i_ * channels_ + p * Lanes; }
  /// Which of its groups a lane belongs to.
  std::size_t group_of(std::size_t lane) const {
    return e_.channels >= Lanes ? 0 : lane / static_cast<std::size_t>(e_.channels);
  }

 private:
  const NormGroups& e_;
  std::int64_t channels_;
  std::int64_t first_channel_;
  std::int64_t i_;
};

/// f(unit) for all, several at once.
template <std::int64_t Lanes, class F>
void for_units(const NormGroups& e, double value, const F& f) {
  const std::int64_t size = Unit<Lanes>::size(e);
  const double nanoseconds = 60 + value * static_cast<double>(size * e.plane);
  parallel_for(e.batch * e.all_channels() / size, grain_of(nanoseconds),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) f(Unit<Lanes>(e, i));
               });
}

template <std::int64_t Lanes>
using PerGroup = std::array<double, Lanes>;

/// Adds up what lanes of one group have.
template <std::int64_t Lanes, class W>
PerGroup<Lanes> by_group(const Unit<Lanes>& unit, const W* of_lanes) {
  PerGroup<Lanes> sums{};
  for (std::size_t lane = 0; lane < Lanes; ++lane) sums[unit.group_of(lane)] += of_lanes[lane];
  return sums;
}

// What works on a unit is compiled once: copies inlined into the loops of one thread and of several
// may round products that are added in other places, and so give other bits.

/// The second pass, over d = x − center, makes up for the rounding of the first.
template <std::int64_t Lanes, class T>
[[gnu::noinline]] void find_statistics(const NormGroups& e, const Unit<Lanes>& unit, const T* x,
                                       const NormStatistics<T>& to) {
  constexpr std::size_t lanes = Lanes;
  const auto n = static_cast<double>(e.count());
  std::array<Wide<T>, 2 * lanes> sums;
  sum_lanes<Lanes, T>(unit.places(), sums.data(),
                      [=](std::int64_t i, std::size_t) { return x[i]; });
  const PerGroup<Lanes> totals = by_group(unit, sums.data());
  std::array<T, lanes> center;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    center[lane] = static_cast<T>(totals[unit.group_of(lane)] / n);
  const auto deviation = [=](std::int64_t i, std::size_t lane) { return x[i] - center[lane]; };
  sum_lanes<Lanes, T>(unit.places(), sums.data(), deviation, [=](std::int64_t i, std::size_t lane) {
    const T d = deviation(i, lane);
    return d * d;
  });
  const PerGroup<Lanes> left = by_group(unit, sums.data());
  const PerGroup<Lanes> squares = by_group(unit, sums.data() + lanes);
  for (std::int64_t g = 0; g < unit.groups(); ++g) {
    const auto own = static_cast<std::size_t>(g);
    const std::int64_t at = unit.first_group() + g;
    const double rest = left[own] / n;
    const double variance = std::max((squares[own] - left[own] * rest) / n, 0.0);
    to.center[at] = static_cast<T>(totals[own] / n);
    to.rest[at] = static_cast<T>(rest);
    to.inverse_std[at] = static_cast<T>(1 / std::sqrt(variance + e.eps));
  }
}

/// f(i, lane) for the values of plane p of a unit.
template <std::int64_t Lanes, class F>
void for_values(const NormGroups& e, const Unit<Lanes>& unit, std::int64_t p, const F& f) {
  const std::int64_t at = unit.start() + p * e.plane * Lanes;
  for (std::int64_t i = at; i < at + e.plane * Lanes; i += Lanes)
    for (std::size_t lane = 0; lane < Lanes; ++lane) f(i + static_cast<std::int64_t>(lane), lane);
}

/// For each lane of plane p: what there is of its group, of its channel.
template <std::int64_t Lanes, class T, class F>
std::array<T, Lanes> for_lanes(const Unit<Lanes>& unit, std::int64_t p, const F& f) {
  std::array<T, Lanes> values;
  for (std::size_t lane = 0; lane < Lanes; ++lane)
    values[lane] =
        static_cast<T>(f(unit.first_group() + static_cast<std::int64_t>(unit.group_of(lane)),
                         unit.channel(p) + static_cast<std::int64_t>(lane)));
  return values;
}

template <class T>
double wide(T value) {
  return static_cast<double>(value);
}

/// Of each lane's group the mean, in two parts.
template <std::int64_t Lanes, class T>
struct Means {
  std::array<T, Lanes> center;
  std::array<T, Lanes> rest;

  template <class U>
  Means(const Unit<Lanes>& unit, std::int64_t p, const NormStatistics<U>& of)
      : center(for_lanes<Lanes, T>(unit, p, [&](auto g, auto) { return of.center[g]; })),
        rest(for_lanes<Lanes, T>(unit, p, [&](auto g, auto) { return of.rest[g]; })) {}
  T less(T x, std::size_t lane) const { return (x - center[lane]) - rest[lane]; }
};

// y = s w (x − mean) + b with s = 1 / √(variance + eps)
template <std::int64_t Lanes, class T>
[[gnu::noinline]] void apply(const NormGroups& e, const Unit<Lanes>& unit, const T* x,
                             const T* weight, const T* bias, T* y, const NormStatistics<T>& of) {
  for (std::int64_t p = 0; p < unit.planes(); ++p) {
    const auto lanes = [&](const auto& f) { return for_lanes<Lanes, T>(unit, p, f); };
    const Means<Lanes, T> mean(unit, p, of);
    const auto scale =
        lanes([&](auto g, auto c) { return wide(weight[c]) * wide(of.inverse_std[g]); });
    const auto shift = lanes([&](auto, auto c) { return bias[c]; });
    for_values(e, unit, p, [=](std::int64_t i, std::size_t lane) {
      y[i] = scale[lane] * mean.less(x[i], lane) + shift[lane];
    });
  }
}

/// sum[c] = Σ dy and dot[c] = Σ dy x̂ of each image's channels.
struct ChannelSums {
  double* sum;
  double* dot;
};

template <std::int64_t Lanes, class T>
[[gnu::noinline]] void add_channels(const NormGroups& e, const Unit<Lanes>& unit, const T* x,
                                    const T* dy, const NormStatistics<const T>& of,
                                    const ChannelSums& to) {
  constexpr std::size_t lanes = Lanes;
  for (std::int64_t p = 0; p < unit.planes(); ++p) {
    const Means<Lanes, T> mean(unit, p, of);
    const T* const values = x + unit.start() + p * e.plane * Lanes;
    const T* const slopes = dy + unit.start() + p * e.plane * Lanes;
    std::array<Wide<T>, 2 * lanes> sums;
    sum_lanes<Lanes, T>(
        e.plane, sums.data(), [=](std::int64_t i, std::size_t) { return slopes[i]; },
        [=](std::int64_t i, std::size_t lane) { return slopes[i] * mean.less(values[i], lane); });
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::int64_t g = unit.first_group() + static_cast<std::int64_t>(unit.group_of(lane));
      const std::int64_t at = unit.place(p) + static_cast<std::int64_t>(lane);
      to.sum[at] = sums[lane];
      to.dot[at] = sums[lanes + lane] * wide(of.inverse_std[g]);
    }
  }
}

// dx = s (g − mean(g) − x̂ mean(x̂ g)) with g = w dy, s = 1 / √(variance + eps), x̂ = s (x − mean)
template <std::int64_t Lanes, class T>
[[gnu::noinline]] void find_input(const NormGroups& e, const Unit<Lanes>& unit, const T* x,
                                  const T* dy, const T* weight, const NormStatistics<const T>& of,
                                  const ChannelSums& sums, T* dx) {
  PerGroup<Lanes> level{};
  PerGroup<Lanes> slope{};
  for (std::int64_t p = 0; p < unit.planes(); ++p)
    for (std::size_t lane = 0; lane < Lanes; ++lane) {
      const auto own = static_cast<std::int64_t>(lane);
      const double w = wide(weight[unit.channel(p) + own]);
      level[unit.group_of(lane)] += w * sums.sum[unit.place(p) + own];
      slope[unit.group_of(lane)] += w * sums.dot[unit.place(p) + own];
    }
  const auto n = static_cast<double>(e.count());
  const auto scaled = [&](const PerGroup<Lanes>& all, std::int64_t g) {
    return all[static_cast<std::size_t>(g - unit.first_group())] / n * wide(of.inverse_std[g]);
  };
  for (std::int64_t p = 0; p < unit.planes(); ++p) {
    const auto lanes = [&](const auto& f) { return for_lanes<Lanes, T>(unit, p, f); };
    const Means<Lanes, T> mean(unit, p, of);
    const auto by_dy =
        lanes([&](auto g, auto c) { return wide(weight[c]) * wide(of.inverse_std[g]); });
    const auto by_x =
        lanes([&](auto g, auto) { return scaled(slope, g) * wide(of.inverse_std[g]); });
    const auto constant = lanes([&](auto g, auto) { return scaled(level, g); });
    for_values(e, unit, p, [=](std::int64_t i, std::size_t lane) {
      dx[i] = by_dy[lane] * dy[i] - by_x[lane] * mean.less(x[i], lane) - constant[lane];
    });
  }
}

}  // namespace

template <class T>
void normalize_groups(const NormGroups& e, const T* x, const T* weight, const T* bias, T* y,
                      const NormStatistics<T>& to) {
  if (e.batch * e.groups * e.count() == 0) return;
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_units<Lanes>(e, 0.25, [&](const Unit<Lanes>& unit) {
      find_statistics(e, unit, x + unit.start(), to);
      apply(e, unit, x, weight, bias, y, to);
    });
  });
}

template <class T>
void normalize_groups_backward(const NormGroups& e, const T* x, const T* dy, const T* weight,
                               const NormStatistics<const T>& of, const NormGradients<T>& to) {
  const std::int64_t width = e.all_channels();
  if (to.dw != nullptr) {
    std::fill_n(to.dw, width, T(0));
    std::fill_n(to.db, width, T(0));
  }
  if (e.batch * e.groups * e.count() == 0) return;
  const auto bytes = static_cast<std::size_t>(e.batch * 2 * width) * sizeof(double);
  const Ref<Storage> room = Storage::allocate(bytes);
  auto* const sum_room = reinterpret_cast<double*>(room->own());
  const ChannelSums sums{sum_room, sum_room + e.batch * width};
  with_lanes(e.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    for_units<Lanes>(e, 0.4, [&](const Unit<Lanes>& unit) {
      add_channels(e, unit, x, dy, of, sums);
      if (to.dx != nullptr) find_input(e, unit, x, dy, weight, of, sums, to.dx);
    });
  });
  if (to.dw == nullptr) return;
  sum(sums.dot, Extents{1, e.batch, width}, to.dw);
  sum(sums.sum, Extents{1, e.batch, width}, to.db);
}

#define XGRAD_INSTANTIATE(T)                                                               \
  template void normalize_groups(const NormGroups&, const T*, const T*, const T*, T*,      \
                                 const NormStatistics<T>&);                                \
  template void normalize_groups_backward(const NormGroups&, const T*, const T*, const T*, \
                                          const NormStatistics<const T>&,                  \
                                          const NormGradients<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
