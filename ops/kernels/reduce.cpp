#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/reduce.hpp>

#include <algorithm>
#include <type_traits>
#include <vector>

namespace xgrad::kernels {
namespace {

struct Sum {
  template <class T>
  static T join(T a, T b) {
    return a + b;
  }
};

struct Max {
  template <class T>
  static T join(T a, T b) {
    return a > b || a != a ? a : b;
  }
};

struct Min {
  template <class T>
  static T join(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

// Many independent accumulators let the compiler vectorise and, for sums, keep rounding errors
// from piling up; the block bounds how many terms one of them takes.
constexpr std::int64_t block = 4096;

template <class Join, std::int64_t Lanes, class T>
T reduce_lanes(const T* x, std::int64_t n) {
  // Processors read ahead by themselves, but stop at the end of a page.
  constexpr auto line = static_cast<std::int64_t>(64 / sizeof(T));
  constexpr std::int64_t ahead = 32 * line;
  T lane[Lanes];
  std::copy_n(x, Lanes, lane);
  std::int64_t i = Lanes;
  for (; i + Lanes <= n; i += Lanes) {
    for (std::int64_t j = 0; j < Lanes; j += line) __builtin_prefetch(x + i + ahead + j);
    for (std::int64_t j = 0; j < Lanes; ++j) lane[j] = Join::join(lane[j], x[i + j]);
  }
  for (std::int64_t j = 0; i < n; ++i, ++j) lane[j] = Join::join(lane[j], x[i]);
  for (std::int64_t width = Lanes / 2; width > 0; width /= 2)
    for (std::int64_t j = 0; j < width; ++j) lane[j] = Join::join(lane[j], lane[j + width]);
  return lane[0];
}

template <class Join, class T>
T reduce_block(const T* x, std::int64_t n) {
  if (n >= 512) return reduce_lanes<Join, 64>(x, n);
  if (n >= 32) return reduce_lanes<Join, 32>(x, n);
  T result = x[0];
  for (std::int64_t i = 1; i < n; ++i) result = Join::join(result, x[i]);
  return result;
}

// Sums of blocks are added in double: a float32 sum of millions stays right.
template <class Join, class T>
using Accumulator =
    std::conditional_t<std::is_same_v<Join, Sum> && std::is_same_v<T, float>, double, T>;

template <class Join, class T>
T reduce_row(const T* x, std::int64_t n) {
  Accumulator<Join, T> result = reduce_block<Join>(x, std::min(n, block));
  for (std::int64_t i = block; i < n; i += block)
    result = Join::template join<Accumulator<Join, T>>(
        result, reduce_block<Join>(x + i, std::min(block, n - i)));
  return static_cast<T>(result);
}

template <class Join, class T>
void reduce_last(const T* x, std::int64_t outer, std::int64_t n, T* out) {
  if (outer == 1 && n > worthwhile) {
    // Parts are whole blocks, whatever the number of threads.
    const std::int64_t blocks = (n + block - 1) / block;
    std::vector<T> partial(static_cast<std::size_t>(blocks));
    parallel_for(blocks, worthwhile / block, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b)
        partial[static_cast<std::size_t>(b)] =
            reduce_block<Join>(x + b * block, std::min(block, n - b * block));
    });
    Accumulator<Join, T> result = partial[0];
    for (std::size_t b = 1; b < partial.size(); ++b)
      result = Join::template join<Accumulator<Join, T>>(result, partial[b]);
    out[0] = static_cast<T>(result);
    return;
  }
  parallel_for(outer, worthwhile / n + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = reduce_row<Join>(x + i * n, n);
  });
}

/// target = rows joined one after the other, four for each time the target is read and written.
template <class Join, class T>
void join_rows(const T* rows, std::int64_t count, std::int64_t step, std::int64_t width,
               T* target) {
  std::copy_n(rows, width, target);
  std::int64_t k = 1;
  for (; k + 4 <= count; k += 4) {
    const T* const a = rows + k * step;
    const T* const b = a + step;
    const T* const c = b + step;
    const T* const d = c + step;
    for (std::int64_t j = 0; j < width; ++j)
      target[j] = Join::join(Join::join(Join::join(Join::join(target[j], a[j]), b[j]), c[j]), d[j]);
  }
  for (; k < count; ++k)
    for (std::int64_t j = 0; j < width; ++j) target[j] = Join::join(target[j], rows[k * step + j]);
}

// Whole rows of `inner` values are joined, a stripe of columns at a time: few enough that it stays
// in cache, and enough stripes for all threads.
template <class Join, class T>
void reduce_middle(const T* x, const Extents& e, T* out) {
  const std::int64_t share = (e.inner + available_threads() - 1) / available_threads();
  const std::int64_t stripe = std::clamp<std::int64_t>((share + 15) / 16 * 16, 64, 2048);
  const std::int64_t stripes = (e.inner + stripe - 1) / stripe;
  const std::int64_t work = e.n * std::min(stripe, e.inner);
  parallel_for(e.outer * stripes, worthwhile / work + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t o = item / stripes;
      const std::int64_t first = item % stripes * stripe;
      join_rows<Join>(x + o * e.n * e.inner + first, e.n, e.inner,
                      std::min(stripe, e.inner - first), out + o * e.inner + first);
    }
  });
}

template <class Join, class T>
void reduce(const T* x, const Extents& e, T* out) {
  if (e.inner == 1) {
    reduce_last<Join>(x, e.outer, e.n, out);
  } else {
    reduce_middle<Join>(x, e, out);
  }
}

template <class Better, class T>
void find(const T* x, const Extents& e, std::int64_t* out, Better better) {
  parallel_for(e.outer * e.inner, worthwhile / e.n + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const T* values = x + item / e.inner * e.n * e.inner + item % e.inner;
      std::int64_t best = 0;
      for (std::int64_t k = 1; k < e.n; ++k) {
        const T candidate = values[k * e.inner];
        const T current = values[best * e.inner];
        // The first NaN counts as the best of all.
        if (current == current && (candidate != candidate || better(candidate, current))) best = k;
      }
      out[item] = best;
    }
  });
}

}  // namespace

template <class T>
void sum(const T* x, const Extents& e, T* out) {
  if (e.n == 0) {
    std::fill_n(out, e.outer * e.inner, T(0));
  } else {
    reduce<Sum>(x, e, out);
  }
}

template <class T>
void max(const T* x, const Extents& e, T* out) {
  reduce<Max>(x, e, out);
}

template <class T>
void min(const T* x, const Extents& e, T* out) {
  reduce<Min>(x, e, out);
}

template <class T>
void argmax(const T* x, const Extents& e, std::int64_t* out) {
  find(x, e, out, [](T a, T b) { return a > b; });
}

template <class T>
void argmin(const T* x, const Extents& e, std::int64_t* out) {
  find(x, e, out, [](T a, T b) { return a < b; });
}

#define XGRAD_INSTANTIATE(T)                                     \
  template void sum(const T*, const Extents&, T*);               \
  template void max(const T*, const Extents&, T*);               \
  template void min(const T*, const Extents&, T*);               \
  template void argmax(const T*, const Extents&, std::int64_t*); \
  template void argmin(const T*, const Extents&, std::int64_t*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(std::int64_t)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
