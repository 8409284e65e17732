#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/pool.hpp>

#include <algorithm>

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
  return worthwhile / std::max<std::int64_t>(g.oh * g.ow * g.kernel_h * g.kernel_w, 1) + 1;
}

/// Windows of 2x2 that do not overlap, the usual case, in a form that compiles without branches.
template <class T>
void max_pool_2x2(const PoolGeometry& g, const T* x, T* y, std::int64_t* position) {
  const auto better = [](T a, T b) { return b > a || b != b; };
  for (std::int64_t i = 0; i < g.oh; ++i) {
    const T* const top = x + 2 * i * g.w;
    const T* const bottom = top + g.w;
    for (std::int64_t j = 0; j < g.ow; ++j) {
      const std::int64_t at = 2 * j;
      T best = top[at];
      std::int64_t where = at;
      const auto offer = [&](T value, std::int64_t place) {
        const bool takes = better(best, value) && best == best;
        best = takes ? value : best;
        where = takes ? place : where;
      };
      offer(top[at + 1], at + 1);
      offer(bottom[at], g.w + at);
      offer(bottom[at + 1], g.w + at + 1);
      y[i * g.ow + j] = best;
      position[i * g.ow + j] = 2 * i * g.w + where;
    }
  }
}

template <class T>
void max_pool_any(const PoolGeometry& g, const T* x, T* y, std::int64_t* position) {
  for (std::int64_t i = 0; i < g.oh; ++i) {
    const Window rows = clip(i, g.kernel_h, g.stride_h, g.pad_h, g.h);
    for (std::int64_t j = 0; j < g.ow; ++j) {
      const Window columns = clip(j, g.kernel_w, g.stride_w, g.pad_w, g.w);
      std::int64_t best = rows.begin * g.w + columns.begin;
      for (std::int64_t r = rows.begin; r < rows.end; ++r)
        for (std::int64_t c = columns.begin; c < columns.end; ++c) {
          const T value = x[r * g.w + c];
          if ((value > x[best] || value != value) && x[best] == x[best]) best = r * g.w + c;
        }
      y[i * g.ow + j] = x[best];
      position[i * g.ow + j] = best;
    }
  }
}

}  // namespace

template <class T>
void max_pool(const PoolGeometry& g, const T* x, T* y, std::int64_t* position) {
  const bool simple = g.kernel_h == 2 && g.kernel_w == 2 && g.stride_h == 2 && g.stride_w == 2 &&
                      g.pad_h == 0 && g.pad_w == 0;
  const std::int64_t out = g.oh * g.ow;
  parallel_for(g.planes, grain(g), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      if (simple) {
        max_pool_2x2(g, x + p * g.h * g.w, y + p * out, position + p * out);
      } else {
        max_pool_any(g, x + p * g.h * g.w, y + p * out, position + p * out);
      }
    }
  });
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

#define XGRAD_INSTANTIATE(T)                                                \
  template void max_pool(const PoolGeometry&, const T*, T*, std::int64_t*); \
  template void avg_pool(const PoolGeometry&, bool, const T*, T*);          \
  template void avg_pool_input(const PoolGeometry&, bool, const T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
