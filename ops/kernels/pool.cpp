#include <xgrad/ops/kernels/lanes.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/pool.hpp>

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
  return worthwhile / std::max<std::int64_t>(g.oh * g.ow * g.kernel_h * g.kernel_w * g.lanes, 1) +
         1;
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

// The first NaN counts as larger than all; written so that it compiles without branches.
template <class T>
bool takes_over(T value, T best) {
  return !(value <= best) && best == best;
}

/// The largest of `Count` windows of 2x2 side by side: value k of corner c is corners[c][k · Step].
/// Results are gathered before they are written: bytes may alias anything, and the compiler would
/// read the values again after every write.
template <std::int64_t Count, std::int64_t Step, class T, class Index>
void max_of_2x2(const std::array<const T*, 4>& corners, T* y, Index* index) {
  std::array<T, Count> best;
  std::array<std::int32_t, Count> where{};
  for (std::size_t k = 0; k < Count; ++k) best[k] = corners[0][static_cast<std::int64_t>(k) * Step];
  for (std::int32_t number = 1; number < 4; ++number) {
    const T* const values = corners[static_cast<std::size_t>(number)];
    for (std::size_t k = 0; k < Count; ++k) {
      const T value = values[static_cast<std::int64_t>(k) * Step];
      const bool takes = takes_over(value, best[k]);
      best[k] = takes ? value : best[k];
      where[k] = takes ? number : where[k];
    }
  }
  std::copy_n(best.begin(), Count, y);
  for (std::size_t k = 0; k < Count; ++k) index[k] = static_cast<Index>(where[k]);
}

/// Windows of 2x2 that do not overlap, the usual case.
template <std::int64_t Lanes, class T, class Index>
void max_pool_2x2(const PoolGeometry& g, const T* x, T* y, Index* index) {
  constexpr std::int64_t together = Lanes == 1 ? 16 : 1;  // windows
  for (std::int64_t i = 0; i < g.oh; ++i) {
    const T* const row = x + 2 * i * g.w * Lanes;
    const auto corners = [&](std::int64_t j) {
      const T* const first = row + 2 * j * Lanes;
      return std::array<const T*, 4>{first, first + Lanes, first + g.w * Lanes,
                                     first + (g.w + 1) * Lanes};
    };
    T* const out = y + i * g.ow * Lanes;
    Index* const chosen = index + i * g.ow * Lanes;
    std::int64_t j = 0;
    for (; j + together <= g.ow; j += together)
      max_of_2x2<together * Lanes, Lanes == 1 ? 2 : 1>(corners(j), out + j * Lanes,
                                                       chosen + j * Lanes);
    for (; j < g.ow; ++j) max_of_2x2<Lanes, 1>(corners(j), out + j * Lanes, chosen + j * Lanes);
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
