#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/reduce.hpp>
#include <xgrad/ops/kernels/softmax.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

namespace xgrad::kernels {
namespace {

constexpr std::int64_t chunk = 512;  // values of a row worked on together, in the first cache

/// f(where row i starts, i) for all rows.
template <class F>
void for_rows(const Rows& rows, const F& f) {
  const double nanoseconds = 45 + 0.5 * static_cast<double>(rows.n);
  parallel_for(rows.count, grain_of(nanoseconds), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) f(i * rows.n, i);
  });
}

template <class T>
T max_of(std::int64_t n, const T* x) {
  if (n <= terms_together) return max_row(x, n);
  T result;
  max(x, Extents{1, n, 1}, &result);
  return result;
}

template <class T>
T sum_of(std::int64_t n, const T* x) {
  if (n <= terms_together) return sum_row(x, n);
  T result;
  sum(x, Extents{1, n, 1}, &result);
  return result;
}

/// Σ f(values) over chunks of a row: f fills a buffer from position i on with `count` values.
template <class T, class F>
T sum_of_chunks(std::int64_t n, const F& f) {
  std::array<T, chunk> buffer;
  const auto part = [&](std::int64_t c, Wide<T>* to) {
    const std::int64_t count = std::min(chunk, n - c * chunk);
    f(c * chunk, count, buffer.data());
    *to = static_cast<Wide<T>>(sum_row(buffer.data(), count));
  };
  Wide<T> total = 0;
  std::array<Wide<T>, most_depth> room;
  if (n > 0) join_blocks(0, (n + chunk - 1) / chunk, 1, part, std::plus<>(), &total, room.data());
  return static_cast<T>(total);
}

/// out = eˣ⁻ᵗ
template <class T>
void exp_shifted(std::int64_t n, const T* x, T shift, T* out) {
  detail::row(Expression{[shift](const auto& v) { return exp(v - shift); }}, n, out, x);
}

}  // namespace

template <class T>
void softmax(const Rows& rows, const T* x, T* y) {
  if (rows.n == 0) return;
  for_rows(rows, [&](std::int64_t at, std::int64_t) {
    exp_shifted(rows.n, x + at, max_of(rows.n, x + at), y + at);
    const T total = sum_of(rows.n, y + at);
    for (std::int64_t i = at; i < at + rows.n; ++i) y[i] /= total;
  });
}

template <class T>
void log_softmax(const Rows& rows, const T* x, T* y) {
  if (rows.n == 0) return;
  for_rows(rows, [&](std::int64_t at, std::int64_t) {
    const T* const row = x + at;
    const T top = max_of(rows.n, row);
    const T total = sum_of_chunks<T>(rows.n, [&](std::int64_t i, std::int64_t count, T* out) {
      exp_shifted(count, row + i, top, out);
    });
    const T log_total = std::log(total);
    for (std::int64_t i = 0; i < rows.n; ++i) y[at + i] = row[i] - top - log_total;
  });
}

template <class T>
void softmax_input(const Rows& rows, const T* dy, const T* y, T* dx) {
  for_rows(rows, [&](std::int64_t at, std::int64_t) {
    const T* const p = y + at;
    const T* const d = dy + at;
    const T dot = sum_of_chunks<T>(rows.n, [&](std::int64_t i, std::int64_t count, T* out) {
      for (std::int64_t j = 0; j < count; ++j) out[j] = p[i + j] * d[i + j];
    });
    for (std::int64_t i = 0; i < rows.n; ++i) dx[at + i] = p[i] * (d[i] - dot);
  });
}

template <class T>
void log_softmax_input(const Rows& rows, const T* dy, const T* y, T* dx) {
  for_rows(rows, [&](std::int64_t at, std::int64_t) {
    const T total = sum_of(rows.n, dy + at);
    exp_shifted(rows.n, y + at, T(0), dx + at);
    for (std::int64_t i = at; i < at + rows.n; ++i) dx[i] = dy[i] - dx[i] * total;
  });
}

template <class T>
double cross_entropy(const Rows& rows, const T* y, const SmoothedTargets& targets) {
  const double each = targets.smoothing / static_cast<double>(rows.n);
  double total = 0;
  if (rows.count > 0)
    sum_lanes<1, double>(rows.count, &total, [&](std::int64_t i, std::size_t) {
      const T* const row = y + i * rows.n;
      const double hit = (1 - targets.smoothing) * static_cast<double>(row[targets.classes[i]]);
      return each > 0 ? hit + each * static_cast<double>(sum_of(rows.n, row)) : hit;
    });
  return -total;
}

template <class T>
void cross_entropy_input(const Rows& rows, const T* y, const SmoothedTargets& targets, T scale,
                         T* dx) {
  const T each = static_cast<T>(targets.smoothing / static_cast<double>(rows.n));
  const T hit = static_cast<T>(1 - targets.smoothing);
  for_rows(rows, [&](std::int64_t at, std::int64_t i) {
    T* const out = dx + at;
    exp_shifted(rows.n, y + at, T(0), out);
    out[targets.classes[i]] -= hit;
    for (std::int64_t c = 0; c < rows.n; ++c) out[c] = (out[c] - each) * scale;
  });
}

#define XGRAD_INSTANTIATE(T)                                                    \
  template void softmax(const Rows&, const T*, T*);                             \
  template void log_softmax(const Rows&, const T*, T*);                         \
  template void softmax_input(const Rows&, const T*, const T*, T*);             \
  template void log_softmax_input(const Rows&, const T*, const T*, T*);         \
  template double cross_entropy(const Rows&, const T*, const SmoothedTargets&); \
  template void cross_entropy_input(const Rows&, const T*, const SmoothedTargets&, T, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
