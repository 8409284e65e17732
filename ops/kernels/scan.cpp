#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/modular.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/scan.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace xgrad::kernels {
namespace {

template <class T>
T plus(T a, T b) {
  return wrapping(std::plus(), a, b);
}

/// A sum of runs, each of which takes `run` terms. Numbers of a level take as many, then go to the
/// next; 2⁶³ terms need 10 levels besides the run's own.
template <class W>
class RunningSum {
 public:
  void add(W value) {
    levels_[0] = plus(levels_[0], value);
    for (std::size_t i = 0; ++counts_[i] == run; ++i) {
      counts_[i] = 0;
      levels_[i + 1] = plus(levels_[i + 1], levels_[i]);
      levels_[i] = 0;
    }
    total_ = 0;
    for (std::size_t i = levels_.size(); i-- > 0;) total_ = plus(total_, levels_[i]);
  }
  W total() const { return total_; }

 private:
  std::array<W, 11> levels_{};
  std::array<std::int64_t, 11> counts_{};
  W total_ = 0;
};

/// One row, `step` from element to element, after what `before` holds.
template <std::int64_t step, class T, class W>
void sum_row_so_far(const T* x, std::int64_t n, RunningSum<W> before, T* y) {
  for (std::int64_t from = 0; from < n; from += run) {
    const std::int64_t end = std::min(n, from + run);
    const W offset = before.total();
    W sum = 0;
    for (std::int64_t i = from; i < end; ++i) {
      sum = plus(sum, static_cast<W>(x[i * step]));
      y[i * step] = static_cast<T>(plus(offset, sum));
    }
    before.add(sum);
  }
}

constexpr double nanoseconds = 0.7;  // an element

/// A row that several threads share: first the sums of all runs, as sum_row_so_far() makes them,
/// then parts that start from those before them. The same bits as in one go.
template <std::int64_t step, class T>
void sum_long_row(const T* x, std::int64_t n, T* y) {
  using W = Wide<T>;
  constexpr std::int64_t part = terms_together;
  static_assert(part % run == 0);
  std::vector<W> sums(static_cast<std::size_t>((n + run - 1) / run));
  parallel_for(std::ssize(sums), grain_of(0.5 * run), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      W sum = 0;
      for (std::int64_t i = r * run; i < std::min(n, (r + 1) * run); ++i)
        sum = plus(sum, static_cast<W>(x[i * step]));
      sums[static_cast<std::size_t>(r)] = sum;
    }
  });
  std::vector<RunningSum<W>> before;
  RunningSum<W> so_far;
  for (std::size_t r = 0; r < sums.size(); ++r) {
    if (r % static_cast<std::size_t>(part / run) == 0) before.push_back(so_far);
    so_far.add(sums[r]);
  }
  parallel_for(std::ssize(before), grain_of(nanoseconds * part),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t p = begin; p < end; ++p)
                   sum_row_so_far<step>(x + p * part * step, std::min(part, n - p * part),
                                        before[static_cast<std::size_t>(p)], y + p * part * step);
               });
}

constexpr std::int64_t stripe = 64;  // columns at once

/// f(offset of a stripe's first element, its width), several stripes at once.
template <class F>
void for_stripes(const Extents& e, double each, const F& f) {
  if (e.n == 0) return;  // of nothing there may be too many to count
  const std::int64_t stripes = (e.inner + stripe - 1) / stripe;
  const std::int64_t most = std::min(stripe, e.inner);
  parallel_for(e.outer * stripes, grain_of(each * static_cast<double>(e.n * most)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const std::int64_t first = i % stripes * stripe;
                   f(i / stripes * e.n * e.inner + first, std::min(stripe, e.inner - first));
                 }
               });
}

/// The same, given the first element in the direction and the step from one to the next.
template <class F>
void for_stripes_toward(const Extents& e, Direction direction, double each, const F& f) {
  const bool forward = direction == Direction::forward;
  for_stripes(e, each, [&](std::int64_t offset, std::int64_t width) {
    f(forward ? offset : offset + (e.n - 1) * e.inner, forward ? e.inner : -e.inner, width);
  });
}

template <std::int64_t step, class T>
void sum_rows(const T* x, const Extents& e, T* y) {
  const std::int64_t first = step > 0 ? 0 : e.n - 1;
  if (e.n > terms_together && e.outer < available_threads()) {
    for (std::int64_t o = 0; o < e.outer; ++o)
      sum_long_row<step>(x + o * e.n + first, e.n, y + o * e.n + first);
    return;
  }
  for_stripes(e, nanoseconds, [&](std::int64_t offset, std::int64_t) {
    sum_row_so_far<step>(x + offset + first, e.n, RunningSum<Wide<T>>(), y + offset + first);
  });
}

}  // namespace

template <class T>
void cumulative_sum(const T* x, const Extents& e, Direction direction, T* y) {
  using W = Wide<T>;
  if (e.n == 0) return;
  if (e.inner == 1 && direction == Direction::forward) return sum_rows<1>(x, e, y);
  if (e.inner == 1) return sum_rows<-1>(x, e, y);
  for_stripes_toward(e, direction, nanoseconds,
                     [&](std::int64_t start, std::int64_t step, std::int64_t width) {
                       std::array<RunningSum<W>, stripe> before{};
                       std::array<W, stripe> sums{};
                       std::array<W, stripe> offsets{};
                       for (std::int64_t k = 0; k < e.n; ++k) {
                         const T* const from = x + start + k * step;
                         T* const to = y + start + k * step;
                         for (std::int64_t j = 0; j < width; ++j) {
                           const auto column = static_cast<std::size_t>(j);
                           sums[column] = plus(sums[column], static_cast<W>(from[j]));
                           to[j] = static_cast<T>(plus(offsets[column], sums[column]));
                         }
                         if ((k + 1) % run != 0) continue;
                         for (std::size_t j = 0; j < static_cast<std::size_t>(width); ++j) {
                           before[j].add(sums[j]);
                           offsets[j] = before[j].total();
                           sums[j] = 0;
                         }
                       }
                     });
}

template <class T>
void cumulative_product(const T* x, const Extents& e, T* y) {
  for_stripes(e, 1.5, [&](std::int64_t offset, std::int64_t width) {
    std::array<Wide<T>, stripe> products;
    products.fill(1);
    for (std::int64_t k = 0; k < e.n; ++k) {
      const T* const from = x + offset + k * e.inner;
      T* const to = y + offset + k * e.inner;
      for (std::int64_t j = 0; j < width; ++j) {
        Wide<T>& product = products[static_cast<std::size_t>(j)];
        product = wrapping(std::multiplies(), product, static_cast<Wide<T>>(from[j]));
        to[j] = static_cast<T>(product);
      }
    }
  });
}

template <class T>
void cumulative_logsumexp(const T* x, const Extents& e, T* y) {
  const auto joined = [](Wide<T> a, Wide<T> b) {
    if (a != a || b != b) return a + b;
    const Wide<T> most = std::max(a, b);
    if (std::isinf(most)) return most;
    return most + std::log1p(std::exp(std::min(a, b) - most));
  };
  for_stripes(e, 20, [&](std::int64_t offset, std::int64_t width) {
    for (std::int64_t j = offset; j < offset + width; ++j) {
      auto so_far = static_cast<Wide<T>>(-std::numeric_limits<T>::infinity());
      for (std::int64_t k = 0; k < e.n; ++k) {
        so_far = joined(so_far, static_cast<Wide<T>>(x[j + k * e.inner]));
        y[j + k * e.inner] = static_cast<T>(so_far);
      }
    }
  });
}

namespace {

template <class T, class Better>
void best_so_far(const T* x, const Extents& e, std::int64_t* at, const Better& better) {
  for_stripes(e, 1.5, [&](std::int64_t offset, std::int64_t width) {
    for (std::int64_t j = offset; j < offset + width; ++j) {
      std::int64_t best = 0;
      for (std::int64_t k = 0; k < e.n; ++k) {
        const T value = x[j + k * e.inner];
        const T current = x[j + best * e.inner];
        if (value != value || (current == current && better(value, current))) best = k;
        at[j + k * e.inner] = best;
      }
    }
  });
}

}  // namespace

template <class T>
void cumulative_argmax(const T* x, const Extents& e, std::int64_t* at) {
  best_so_far(x, e, at, std::greater_equal());
}
template <class T>
void cumulative_argmin(const T* x, const Extents& e, std::int64_t* at) {
  best_so_far(x, e, at, std::less_equal());
}

template <class T>
void recurrence(const T* a, const T* b, const Extents& e, Direction direction, T* s) {
  if (e.n == 0) return;
  for_stripes_toward(
      e, direction, 1.5, [&](std::int64_t start, std::int64_t step, std::int64_t width) {
        std::array<Wide<T>, stripe> last{};
        for (std::int64_t k = 0; k < e.n; ++k)
          for (std::int64_t j = 0; j < width; ++j) {
            const std::int64_t i = start + k * step + j;
            auto& value = last[static_cast<std::size_t>(j)];
            const auto carried = k == 0 ? Wide<T>(0) : static_cast<Wide<T>>(a[i]) * value;
            value = static_cast<Wide<T>>(b[i]) + carried;
            s[i] = static_cast<T>(value);
          }
      });
}

#define XGRAD_INSTANTIATE(T)                                                \
  template void cumulative_sum(const T*, const Extents&, Direction, T*);    \
  template void cumulative_product(const T*, const Extents&, T*);           \
  template void cumulative_argmax(const T*, const Extents&, std::int64_t*); \
  template void cumulative_argmin(const T*, const Extents&, std::int64_t*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(std::int64_t)
XGRAD_INSTANTIATE(std::int32_t)
XGRAD_INSTANTIATE(std::uint8_t)
#undef XGRAD_INSTANTIATE
template void cumulative_logsumexp(const float*, const Extents&, float*);
template void cumulative_logsumexp(const double*, const Extents&, double*);
template void recurrence(const float*, const float*, const Extents&, Direction, float*);
template void recurrence(const double*, const double*, const Extents&, Direction, double*);

}  // namespace xgrad::kernels
