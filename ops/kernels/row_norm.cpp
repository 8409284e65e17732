#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/reduce.hpp>
#include <xgrad/ops/kernels/row_norm.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace xgrad::kernels {
namespace {

/// About what a row takes on one thread.
double row_nanoseconds(std::int64_t n, double value) { return 60 + value * static_cast<double>(n); }

/// What a row's values are scaled by.
template <class T>
struct Unit {
  T center;
  T rest;
  T inverse_std;

  T operator()(T x) const { return ((x - center) - rest) * inverse_std; }
};

// What works on a row is compiled once: copies inlined into the loops of one thread and of several
// may round products that are added in other places, and so give other bits.

// The second pass, over d = x − center, makes up for the rounding of the first: var = Σ d² / n −
// (Σ d / n)², which is 0 for equal values.
template <class T>
[[gnu::noinline]] Unit<T> unit_of(const NormRows& e, const T* x) {
  const auto n = static_cast<double>(e.n);
  T center = 0;
  if (e.centered) {
    Wide<T> sum;
    sum_lanes<1, T>(e.n, &sum, [=](std::int64_t i, std::size_t) { return x[i]; });
    center = static_cast<T>(sum / n);
  }
  std::array<Wide<T>, 2> sums;
  sum_lanes<1, T>(
      e.n, sums.data(), [=](std::int64_t i, std::size_t) { return x[i] - center; },
      [=](std::int64_t i, std::size_t) {
        const T d = x[i] - center;
        return d * d;
      });
  const double rest = e.centered ? sums[0] / n : 0;
  const double variance = std::max((sums[1] - sums[0] * rest) / n, 0.0);
  return {center, static_cast<T>(rest), static_cast<T>(1 / std::sqrt(variance + e.eps))};
}

template <class T>
[[gnu::noinline]] void row_result(std::int64_t n, const Unit<T>& unit, const T* x, const T* weight,
                                  const T* bias, T* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = unit(x[i]) * weight[i] + bias[i];
}

/// dx = (g − mean(g) − x̂ mean(x̂ g)) / √(variance + eps) with g = w dy; of rows that are not
/// centered without mean(g).
template <class T>
[[gnu::noinline]] void row_input(const NormRows& e, const Unit<T>& unit, const T* x, const T* dy,
                                 const T* weight, T* dx) {
  std::array<Wide<T>, 2> sums;
  sum_lanes<1, T>(
      e.n, sums.data(), [=](std::int64_t i, std::size_t) { return dy[i] * weight[i]; },
      [=](std::int64_t i, std::size_t) { return dy[i] * weight[i] * unit(x[i]); });
  const auto n = static_cast<double>(e.n);
  const T mean = e.centered ? static_cast<T>(sums[0] / n) : T(0);
  const T slope = static_cast<T>(sums[1] / n);
  for (std::int64_t i = 0; i < e.n; ++i)
    dx[i] = unit.inverse_std * ((dy[i] * weight[i] - mean) - unit(x[i]) * slope);
}

/// Examples whose gradients of weights one number takes: some dozens of blocks, so that threads
/// can share them, where there are enough.
std::int64_t block_of(const NormRows& e) {
  return std::clamp<std::int64_t>(e.examples / 32, 8, run);
}

/// Gradients of weights, of each block.
template <class T>
class WeightSums {
 public:
  WeightSums(std::int64_t blocks, std::int64_t width) : blocks_(blocks), width_(width) {
    if (blocks > 0)
      room_ = Storage::allocate(static_cast<std::size_t>(2 * blocks * width) * sizeof(T));
  }

  T* dw(std::int64_t block) const { return reinterpret_cast<T*>(room_->own()) + block * width_; }
  T* db(std::int64_t block) const { return dw(blocks_ + block); }
  void clear(std::int64_t block) const {
    if (blocks_ == 0) return;
    std::fill_n(dw(block), width_, T(0));
    std::fill_n(db(block), width_, T(0));
  }

 private:
  std::int64_t blocks_;
  std::int64_t width_;
  Ref<Storage> room_;
};

template <class T>
[[gnu::noinline]] void row_weights(std::int64_t n, const Unit<T>& unit, const T* x, const T* dy,
                                   T* dw, T* db) {
  for (std::int64_t i = 0; i < n; ++i) {
    dw[i] += dy[i] * unit(x[i]);
    db[i] += dy[i];
  }
}

}  // namespace

template <class T>
void normalize_rows(const NormRows& e, const T* x, const T* weight, const T* bias, T* y,
                    const NormStatistics<T>& to) {
  if (e.n == 0) return;
  const std::int64_t grain = grain_of(row_nanoseconds(e.n, 0.25));
  parallel_for(e.rows(), grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const T* const from = x + row * e.n;
      const T* const w = weight + row % e.period * e.n;
      const T* const b = bias + row % e.period * e.n;
      T* const out = y + row * e.n;
      const Unit<T> unit = unit_of(e, from);
      row_result(e.n, unit, from, w, b, out);
      to.center[row] = unit.center;
      to.rest[row] = unit.rest;
      to.inverse_std[row] = unit.inverse_std;
    }
  });
}

template <class T>
void normalize_rows_backward(const NormRows& e, const T* x, const T* dy, const T* weight,
                             const NormStatistics<const T>& of, const NormGradients<T>& to) {
  const std::int64_t width = e.width();
  if (to.dw != nullptr) {
    std::fill_n(to.dw, width, T(0));
    std::fill_n(to.db, width, T(0));
  }
  if (e.rows() * e.n == 0) return;
  const std::int64_t block = block_of(e);
  const std::int64_t blocks = (e.examples + block - 1) / block;
  const WeightSums<T> partial(to.dw != nullptr ? blocks : 0, width);
  const double nanoseconds =
      row_nanoseconds(e.n, 0.5) * static_cast<double>(block) * static_cast<double>(e.period);
  parallel_for(blocks, grain_of(nanoseconds), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      partial.clear(i);
      const std::int64_t last = std::min(e.examples, (i + 1) * block) * e.period;
      for (std::int64_t row = i * block * e.period; row < last; ++row) {
        const Unit<T> unit{of.center[row], of.rest[row], of.inverse_std[row]};
        const std::int64_t at = row % e.period * e.n;
        const T* const values = x + row * e.n;
        const T* const slopes = dy + row * e.n;
        if (to.dx != nullptr) row_input(e, unit, values, slopes, weight + at, to.dx + row * e.n);
        if (to.dw != nullptr)
          row_weights(e.n, unit, values, slopes, partial.dw(i) + at, partial.db(i) + at);
      }
    }
  });
  if (to.dw == nullptr) return;
  sum(partial.dw(0), Extents{1, blocks, width}, to.dw);
  sum(partial.db(0), Extents{1, blocks, width}, to.db);
}

#define XGRAD_INSTANTIATE(T)                                                           \
  template void normalize_rows(const NormRows&, const T*, const T*, const T*, T*,      \
                               const NormStatistics<T>&);                              \
  template void normalize_rows_backward(const NormRows&, const T*, const T*, const T*, \
                                        const NormStatistics<const T>&, const NormGradients<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
