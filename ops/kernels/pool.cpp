#include <xgrad/ops/kernels/lanes.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/pool.hpp>
#include <xgrad/ops/kernels/vector.hpp>
#include <xgrad/ops/kernels/windows.hpp>

#include <algorithm>
#include <array>

namespace xgrad::kernels {
namespace {

struct Window {
  std::int64_t begin;
  std::int64_t end;
};

/// The part of window `i` that lies on the plane.
Window clip(std::int64_t i, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
            std::int64_t extent) {
  const std::int64_t start = i * stride - padding;
  return {std::max<std::int64_t>(start, 0), std::min(start + kernel, extent)};
}

std::int64_t grain(const PoolGeometry& g) {
  // Without images the extents may be so large that their product overflows.
  const double values = static_cast<double>(g.oh * g.ow) * static_cast<double>(g.kernel_h) *
                        static_cast<double>(g.kernel_w * g.lanes);
  return grain_of((g.lanes == 1 ? 0.8 : 0.2) * values);
}

/// The plane's position of value `number` of window (i, j).
std::int64_t position(const PoolGeometry& g, std::int64_t i, std::int64_t j, std::int64_t number) {
  return (i * g.stride_h - g.pad_h + number / g.kernel_w) * g.w + j * g.stride_w - g.pad_w +
         number % g.kernel_w;
}

/// Whether the windows tile the plane, so that each value is in exactly one.
bool tiles(const PoolGeometry& g) {
  return g.pad_h == 0 && g.pad_w == 0 && g.stride_h == g.kernel_h && g.stride_w == g.kernel_w &&
         g.oh * g.kernel_h == g.h && g.ow * g.kernel_w == g.w;
}

/// Several windows at once: the largest of their values so far, and its number in the window.
template <class T, std::int64_t Windows>
struct Largest {
  using Values = Vector<T, Windows>;
  using Numbers = decltype(Values{} <= Values{});  // integers of T's size

  Values best;
  Numbers where{};

  void look_at(const Values& values, int number) {
    const Numbers takes = ~(values <= best) & (best == best);  // takes_over() for each
    best = takes ? values : best;
    where = takes ? Numbers{} + number : where;
  }

  void look_at(const T* from, int number) {
    Values values;
    load(from, values);
    look_at(values, number);
  }

  template <class Index>
  void write(T* y, Index* index) const {
    store(best, y);
    store(__builtin_convertvector(where, Vector<Index, Windows>), index);
  }
};

// One row of windows of 2x2 that do not overlap, the usual case. In blocks of channels: a window of
// each channel at once.
template <std::int64_t Lanes, class T, class Index>
void max_pool_row_2x2(std::int64_t count, const T* top, const T* bottom, T* y, Index* index) {
  for (std::int64_t at = 0; at < count * Lanes; at += Lanes) {
    Largest<T, Lanes> largest;
    load(top + 2 * at, largest.best);
    largest.look_at(top + 2 * at + Lanes, 1);
    largest.look_at(bottom + 2 * at, 2);
    largest.look_at(bottom + 2 * at + Lanes, 3);
    largest.write(y + at, index + at);
  }
}

// In rows: windows side by side at once.
template <class T, class Index>
void max_pool_plain_row_2x2(std::int64_t count, const T* top, const T* bottom, T* y, Index* index) {
  constexpr std::int64_t together = 8;
  for (std::int64_t i = 0; i < count && count >= together; i += together) {
    const std::int64_t j = std::min(i, count - together);  // the last may do some again
    Largest<T, together> largest;
    Vector<T, together> values;
    load_pairs(top + 2 * j, largest.best, values);
    largest.look_at(values, 1);
    Vector<T, together> next;
    load_pairs(bottom + 2 * j, values, next);
    largest.look_at(values, 2);
    largest.look_at(next, 3);
    largest.write(y + j, index + j);
  }
  for (std::int64_t j = 0; j < count && count < together; ++j) {
    const std::array<T, 4> values{top[2 * j], top[2 * j + 1], bottom[2 * j], bottom[2 * j + 1]};
    std::size_t largest = 0;
    for (std::size_t number = 1; number < 4; ++number)
      if (takes_over(values[number], values[largest])) largest = number;
    y[j] = values[largest];
    index[j] = static_cast<Index>(largest);
  }
}

template <std::int64_t Lanes, class T, class Index>
void max_pool_2x2(const PoolGeometry& g, const T* x, T* y, Index* index) {
  for (std::int64_t i = 0; i < g.oh; ++i) {
    const T* const top = x + 2 * i * g.w * Lanes;
    const T* const bottom = top + g.w * Lanes;
    const std::int64_t out = i * g.ow * Lanes;
    if constexpr (Lanes == 1) {
      max_pool_plain_row_2x2(g.ow, top, bottom, y + out, index + out);
    } else {
      max_pool_row_2x2<Lanes>(g.ow, top, bottom, y + out, index + out);
    }
  }
}

template <std::int64_t Lanes, class T, class Index>
void max_pool_any(const PoolGeometry& g, const T* x, T* y, Index* index) {
  for (std::int64_t i = 0; i < g.oh; ++i) {
    const Window rows = clip(i, g.kernel_h, g.stride_h, g.pad_h, g.h);
    const std::int64_t top = i * g.stride_h - g.pad_h;
    for (std::int64_t j = 0; j < g.ow; ++j) {
      const Window columns = clip(j, g.kernel_w, g.stride_w, g.pad_w, g.w);
      const std::int64_t left = j * g.stride_w - g.pad_w;
      std::array<T, Lanes> best;
      std::array<std::int32_t, Lanes> where;
      const auto first = (rows.begin - top) * g.kernel_w + columns.begin - left;
      where.fill(static_cast<std::int32_t>(first));
      std::copy_n(x + (rows.begin * g.w + columns.begin) * Lanes, Lanes, best.begin());
      for (std::int64_t r = rows.begin; r < rows.end; ++r)
        for (std::int64_t c = columns.begin; c < columns.end; ++c) {
          const auto number = static_cast<std::int32_t>((r - top) * g.kernel_w + c - left);
          const T* const values = x + (r * g.w + c) * Lanes;
          for (std::size_t lane = 0; lane < Lanes; ++lane) {
            const bool takes = takes_over(values[lane], best[lane]);
            best[lane] = takes ? values[lane] : best[lane];
            where[lane] = takes ? number : where[lane];
          }
        }
      const std::int64_t out = (i * g.ow + j) * Lanes;
      std::copy_n(best.begin(), Lanes, y + out);
      for (std::size_t lane = 0; lane < Lanes; ++lane)
        index[out + static_cast<std::int64_t>(lane)] = static_cast<Index>(where[lane]);
    }
  }
}

/// Windows that tile the plane: every value of dx is written once. What a window needs is copied
/// first: bytes may alias anything, and the compiler would read them again after every write.
template <std::int64_t Lanes, class T, class Index>
void spread_tiles(const PoolGeometry& g, const T* dy, const Index* index, T* dx) {
  for (std::int64_t i = 0; i < g.oh; ++i)
    for (std::int64_t j = 0; j < g.ow; ++j) {
      const std::int64_t at = (i * g.ow + j) * Lanes;
      std::array<T, Lanes> d;
      std::array<std::int32_t, Lanes> chosen;
      for (std::size_t lane = 0; lane < Lanes; ++lane) {
        d[lane] = dy[at + static_cast<std::int64_t>(lane)];
        chosen[lane] = index[at + static_cast<std::int64_t>(lane)];
      }
      T* const corner = dx + (i * g.kernel_h * g.w + j * g.kernel_w) * Lanes;
      for (std::int64_t r = 0; r < g.kernel_h; ++r)
        for (std::int64_t c = 0; c < g.kernel_w; ++c) {
          const auto number = static_cast<std::int32_t>(r * g.kernel_w + c);
          T* const target = corner + (r * g.w + c) * Lanes;
          for (std::size_t lane = 0; lane < Lanes; ++lane)
            target[lane] = chosen[lane] == number ? d[lane] : T(0);
        }
    }
}

template <class T, class Index>
void spread_any(const PoolGeometry& g, const T* dy, const Index* index, T* dx) {
  std::fill_n(dx, g.h * g.w * g.lanes, T(0));
  for (std::int64_t i = 0; i < g.oh; ++i)
    for (std::int64_t j = 0; j < g.ow; ++j)
      for (std::int64_t lane = 0; lane < g.lanes; ++lane) {
        const std::int64_t at = (i * g.ow + j) * g.lanes + lane;
        dx[position(g, i, j, index[at]) * g.lanes + lane] += dy[at];
      }
}

}  // namespace

template <class T, class Index>
void max_pool(const PoolGeometry& g, const T* x, T* y, Index* index) {
  const bool simple = g.kernel_h == 2 && g.kernel_w == 2 && g.stride_h == 2 && g.stride_w == 2 &&
                      g.pad_h == 0 && g.pad_w == 0;
  const std::int64_t in = g.h * g.w * g.lanes;
  const std::int64_t out = g.oh * g.ow * g.lanes;
  with_lanes(g.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    parallel_for(g.planes, grain(g), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        if (simple) {
          max_pool_2x2<Lanes>(g, x + p * in, y + p * out, index + p * out);
        } else {
          max_pool_any<Lanes>(g, x + p * in, y + p * out, index + p * out);
        }
      }
    });
  });
}

template <class T, class Index>
void max_pool_input(const PoolGeometry& g, const T* dy, const Index* index, T* dx) {
  const std::int64_t in = g.h * g.w * g.lanes;
  const std::int64_t out = g.oh * g.ow * g.lanes;
  const bool tiled = tiles(g);
  with_lanes(g.lanes, [&]<std::int64_t Lanes>(std::integral_constant<std::int64_t, Lanes>) {
    parallel_for(g.planes, grain(g), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) {
        if (tiled) {
          spread_tiles<Lanes>(g, dy + p * out, index + p * out, dx + p * in);
        } else {
          spread_any(g, dy + p * out, index + p * out, dx + p * in);
        }
      }
    });
  });
}

template <class Index>
void max_pool_positions(const PoolGeometry& g, const Index* index, std::int64_t* positions) {
  for (std::int64_t p = 0; p < g.planes; ++p)
    for (std::int64_t o = 0; o < g.oh * g.ow; ++o)
      for (std::int64_t lane = 0; lane < g.lanes; ++lane)
        positions[(p * g.lanes + lane) * g.oh * g.ow + o] =
            position(g, o / g.ow, o % g.ow, index[(p * g.oh * g.ow + o) * g.lanes + lane]);
}

namespace {

/// f(output position, window rows, window columns, 1 / number of values) for one plane.
template <class T, class F>
void visit_means(const PoolGeometry& g, bool count_padding, const F& f) {
  for (std::int64_t i = 0; i < g.oh; ++i) {
    const Window rows = clip(i, g.kernel_h, g.stride_h, g.pad_h, g.h);
    for (std::int64_t j = 0; j < g.ow; ++j) {
      const Window columns = clip(j, g.kernel_w, g.stride_w, g.pad_w, g.w);
      const std::int64_t count = count_padding
                                     ? g.kernel_h * g.kernel_w
                                     : (rows.end - rows.begin) * (columns.end - columns.begin);
      f(i * g.ow + j, rows, columns, T(1) / static_cast<T>(count));
    }
  }
}

}  // namespace

template <class T>
void avg_pool(const PoolGeometry& g, bool count_padding, const T* x, T* y) {
  parallel_for(g.planes, grain(g), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const T* const plane = x + p * g.h * g.w;
      T* const out = y + p * g.oh * g.ow;
      visit_means<T>(g, count_padding,
                     [&](auto at, const Window& rows, const Window& columns, T share) {
                       T sum = 0;
                       for (std::int64_t r = rows.begin; r < rows.end; ++r)
                         for (std::int64_t c = columns.begin; c < columns.end; ++c)
                           sum += plane[r * g.w + c];
                       out[at] = sum * share;
                     });
    }
  });
}

template <class T>
void avg_pool_input(const PoolGeometry& g, bool count_padding, const T* dy, T* dx) {
  parallel_for(g.planes, grain(g), [&](std::int64_t begin, std::int64_t end) {
    std::fill(dx + begin * g.h * g.w, dx + end * g.h * g.w, T(0));
    for (std::int64_t p = begin; p < end; ++p) {
      T* const plane = dx + p * g.h * g.w;
      const T* const in = dy + p * g.oh * g.ow;
      visit_means<T>(g, count_padding,
                     [&](auto at, const Window& rows, const Window& columns, T share) {
                       for (std::int64_t r = rows.begin; r < rows.end; ++r)
                         for (std::int64_t c = columns.begin; c < columns.end; ++c)
                           plane[r * g.w + c] += in[at] * share;
                     });
    }
  });
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template void max_pool(const PoolGeometry&, const T*, T*, std::uint8_t*);             \
  template void max_pool(const PoolGeometry&, const T*, T*, std::int32_t*);             \
  template void max_pool_input(const PoolGeometry&, const T*, const std::uint8_t*, T*); \
  template void max_pool_input(const PoolGeometry&, const T*, const std::int32_t*, T*); \
  template void avg_pool(const PoolGeometry&, bool, const T*, T*);                      \
  template void avg_pool_input(const PoolGeometry&, bool, const T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE
template void max_pool_positions(const PoolGeometry&, const std::uint8_t*, std::int64_t*);
template void max_pool_positions(const PoolGeometry&, const std::int32_t*, std::int64_t*);

}  // namespace xgrad::kernels
