#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/sample.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace xgrad::kernels {
namespace {

template <std::int64_t Taps, class T>
void gather_plane(std::int64_t out, std::int64_t taps, const T* x, const T* w,
                  const std::int64_t* at, T* y) {
  const std::int64_t count = Taps > 0 ? Taps : taps;
  for (std::int64_t p = 0; p < out; ++p) {
    T sum = 0;
    for (std::int64_t k = 0; k < count; ++k) {
      const std::int64_t place = at[p * count + k];
      sum += place < 0 ? T(0) : w[p * count + k] * x[place];
    }
    y[p] = sum;
  }
}

}  // namespace

template <class T>
void gather_sum(const SampleExtents& e, const T* x, const T* w, const std::int64_t* at, T* y) {
  const double cost = static_cast<double>(e.out) * (2 + static_cast<double>(e.taps));
  parallel_for(e.batch * e.channels, grain_of(cost), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t plane = begin; plane < end; ++plane) {
      const std::int64_t start = plane / e.channels * e.out * e.taps;
      const auto gather = e.taps == 4   ? gather_plane<4, T>
                          : e.taps == 8 ? gather_plane<8, T>
                                        : gather_plane<0, T>;
      gather(e.out, e.taps, x + plane * e.in, w + start, at + start, y + plane * e.out);
    }
  });
}

namespace {

/// Which places of y each place of x went to, and with what weight, in the order of y.
template <class T>
struct Sources {
  std::vector<std::int64_t> start;  // [in + 1]
  std::vector<std::int64_t> place;
  std::vector<T> weight;

  Sources(const SampleExtents& e, const T* w, const std::int64_t* at)
      : start(values_of<std::int64_t>((Size(e.in, "grid_sample") + 1).value(), "grid_sample")) {
    const std::int64_t terms = e.out * e.taps;
    for (std::int64_t i = 0; i < terms; ++i)
      if (at[i] >= 0) ++start[static_cast<std::size_t>(at[i]) + 1];
    for (std::size_t i = 1; i < start.size(); ++i) start[i] += start[i - 1];
    place = values_of<std::int64_t>(start.back(), "grid_sample");
    weight = values_of<T>(start.back(), "grid_sample");
    std::vector<std::int64_t> next = values_of<std::int64_t>(e.in, "grid_sample");
    std::copy_n(start.begin(), next.size(), next.begin());
    for (std::int64_t i = 0; i < terms; ++i)
      if (at[i] >= 0) {
        const auto to = static_cast<std::size_t>(next[static_cast<std::size_t>(at[i])]++);
        place[to] = i / e.taps;
        weight[to] = w[i];
      }
  }
};

/// Σ f(i), i < count, as accumulate.hpp has it.
template <class T, class F>
T sum_of(std::int64_t count, const F& f) {
  if (count <= run) {
    T sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += f(i);
    return sum;
  }
  Wide<T> sum;
  sum_lanes<1, T>(count, &sum, [&f](std::int64_t i, std::size_t) { return f(i); });
  return static_cast<T>(sum);
}

}  // namespace

template <class T>
void gather_sum_input(const SampleExtents& e, const T* y, const T* w, const std::int64_t* at,
                      T* x) {
  if (e.channels == 0) return;  // the places alone may be too many to list
  const double terms = static_cast<double>(e.out * e.taps);
  const double cost = 1.2 * (terms + static_cast<double>(e.in));
  const double all = 5 * terms + cost * static_cast<double>(e.channels);
  parallel_for(e.batch, grain_of(all), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n) {
      const Sources<T> sources(e, w + n * e.out * e.taps, at + n * e.out * e.taps);
      // Where there are few images, their channels are shared out.
      parallel_for(e.channels, grain_of(cost), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t plane = n * e.channels + begin; plane < n * e.channels + end; ++plane) {
          const T* const from = y + plane * e.out;
          T* const to = x + plane * e.in;
          for (std::int64_t i = 0; i < e.in; ++i) {
            const std::int64_t start = sources.start[static_cast<std::size_t>(i)];
            const std::int64_t* const place = sources.place.data() + start;
            const T* const weight = sources.weight.data() + start;
            to[i] = sum_of<T>(sources.start[static_cast<std::size_t>(i) + 1] - start,
                              [=](std::int64_t k) { return weight[k] * from[place[k]]; });
          }
        }
      });
    }
  });
}

template <class T>
void gather_sum_weight(const SampleExtents& e, const T* x, const T* y, const std::int64_t* at,
                       T* w) {
  constexpr std::int64_t tile = 256;  // of w, summed at once
  const std::int64_t places = std::max<std::int64_t>(tile / std::max<std::int64_t>(e.taps, 1), 1);
  const std::int64_t tiles = (e.out + places - 1) / places;
  const double cost = static_cast<double>(tile * e.channels);
  parallel_for(e.batch * tiles, grain_of(cost), [&](std::int64_t first, std::int64_t last) {
    using W = Wide<T>;
    const auto width = static_cast<std::size_t>(places * e.taps);
    const std::int64_t blocks = (e.channels + run - 1) / run;
    auto sums = values_of<T>(places * e.taps, "grid_sample");
    auto total = values_of<W>(places * e.taps, "grid_sample");
    auto room = values_of<W>(join_depth(blocks) * places * e.taps, "grid_sample");
    for (std::int64_t t = first; t < last; ++t) {
      const std::int64_t n = t / tiles;
      const std::int64_t begin = t % tiles * places;
      const std::int64_t end = std::min(begin + places, e.out);
      const std::int64_t* const where = at + (n * e.out + begin) * e.taps;
      const auto leaf = [&](std::int64_t block, W* to) {
        std::ranges::fill(sums, T(0));
        for (std::int64_t c = block * run; c < std::min(e.channels, (block + 1) * run); ++c) {
          const T* const from = x + (n * e.channels + c) * e.in;
          const T* const by = y + (n * e.channels + c) * e.out;
          std::size_t i = 0;
          for (std::int64_t p = begin; p < end; ++p)
            for (std::int64_t k = 0; k < e.taps; ++k, ++i)
              sums[i] += where[i] < 0 ? T(0) : by[p] * from[where[i]];
        }
        std::ranges::transform(sums, to, [](T sum) { return static_cast<W>(sum); });
      };
      if (blocks == 0)
        std::ranges::fill(total, W(0));
      else
        join_blocks(
            0, blocks, static_cast<std::int64_t>(width), leaf, [](W a, W b) { return a + b; },
            total.data(), room.data());
      std::transform(total.begin(), total.begin() + (end - begin) * e.taps,
                     w + (n * e.out + begin) * e.taps, [](W sum) { return static_cast<T>(sum); });
    }
  });
}

namespace {

/// A place outside of [0, extent) as one inside, or as it is.
template <class T>
T moved_inside(T place, std::int64_t extent, const SamplePlaces& places) {
  if (places.beyond == Beyond::nothing) return place;
  const auto last = static_cast<T>(extent - 1);
  if (places.beyond == Beyond::reflection) {
    const T low = places.at_centres ? T(0) : T(-0.5);
    const T span = last - 2 * low;
    if (span == 0) return 0;
    const T far = std::abs(place - low);
    const T rest = std::fmod(far, span);
    place = low + (std::fmod(std::floor(far / span), T(2)) == 0 ? rest : span - rest);
  }
  return std::min(std::max(place, T(0)), last);
}

}  // namespace

template <class T>
void sample_places(const SamplePlaces& places, std::int64_t count, const T* positions,
                   std::int64_t* at) {
  const auto axes = static_cast<std::size_t>(places.axes);
  std::int64_t each = 1;
  for (std::size_t axis = 0; axis < axes; ++axis) each *= places.taps;
  const auto fill = [&](std::int64_t p) {
    std::int64_t* const row = at + p * each;
    std::fill_n(row, each, 0);
    std::int64_t inner = each;  // places that the axes behind make of one
    for (std::size_t axis = 0; axis < axes; ++axis) {
      const T position = positions[static_cast<std::int64_t>(axis) * count + p];
      const std::int64_t extent = places.extents[axis];
      const T first = places.taps == 1 ? std::nearbyint(position)
                                       : std::floor(position) - T(places.taps == 4 ? 1 : 0);
      inner /= places.taps;
      for (std::int64_t i = 0; i < each; ++i) {
        const T place =
            moved_inside(first + static_cast<T>(i / inner % places.taps), extent, places);
        const bool is_inside = row[i] >= 0 && place >= 0 && place < static_cast<T>(extent);
        row[i] = is_inside ? row[i] * extent + static_cast<std::int64_t>(place) : -1;
      }
    }
  };
  parallel_for(count, grain_of(4.0 * static_cast<double>(each * places.axes)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t p = begin; p < end; ++p) fill(p);
               });
}

#define XGRAD_INSTANTIATE(T)                                                                     \
  template void gather_sum(const SampleExtents&, const T*, const T*, const std::int64_t*, T*);   \
  template void gather_sum_input(const SampleExtents&, const T*, const T*, const std::int64_t*,  \
                                 T*);                                                            \
  template void gather_sum_weight(const SampleExtents&, const T*, const T*, const std::int64_t*, \
                                  T*);                                                           \
  template void sample_places(const SamplePlaces&, std::int64_t, const T*, std::int64_t*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
