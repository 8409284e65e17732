#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/windows.hpp>

#include <algorithm>
#include <vector>

namespace xgrad::kernels {

Seen seen(const WindowAxis& a, std::int64_t i) {
  if (a.kernel == 0) return {i * a.extent / a.count, ((i + 1) * a.extent - 1) / a.count + 1};
  const std::int64_t start = i * a.stride - a.padding;
  const std::int64_t end = std::min(start + (a.kernel - 1) * a.dilation + 1, a.extent);
  const std::int64_t missed = start < 0 ? (-start - 1) / a.dilation + 1 : 0;
  return {start + missed * a.dilation, end};
}

namespace {

/// A window's parts of the three axes, and where it is among those of its plane.
struct Window {
  std::array<Seen, 3> parts;
  std::array<std::int64_t, 3> place;
  std::int64_t number;
};

/// f(window) for all windows of a plane, in order.
template <class F>
void for_each_window(const Windows& w, const F& f) {
  const auto& [depths, rows, columns] = w.axes;
  Window window{};
  auto& [d, r, c] = window.place;
  for (d = 0; d < depths.count; ++d) {
    window.parts[0] = seen(depths, d);
    for (r = 0; r < rows.count; ++r) {
      window.parts[1] = seen(rows, r);
      for (c = 0; c < columns.count; ++c, ++window.number) {
        window.parts[2] = seen(columns, c);
        f(window);
      }
    }
  }
}

/// f(first, end) for what a window sees of each row of its plane: every dilation-th position.
template <class F>
void for_each_row(const Windows& w, const std::array<Seen, 3>& parts, const F& f) {
  const auto& [depths, rows, columns] = parts;
  for (std::int64_t d = depths.begin; d < depths.end; d += w.axes[0].dilation)
    for (std::int64_t r = rows.begin; r < rows.end; r += w.axes[1].dilation) {
      const std::int64_t row = (d * w.axes[1].extent + r) * w.axes[2].extent;
      f(row + columns.begin, row + columns.end);
    }
}

/// Values under a window, at most about.
double window_size(const Windows& w) {
  double size = 1;
  for (const WindowAxis& a : w.axes)
    size *= static_cast<double>(a.kernel == 0 ? a.extent / std::max<std::int64_t>(a.count, 1) + 1
                                              : std::min(a.kernel, a.extent));
  return size;
}

/// How many windows see a value, at most.
double overlap(const Windows& w) {
  double most = 1;
  for (const WindowAxis& a : w.axes)
    most *= static_cast<double>(a.kernel == 0     ? a.count / a.extent + 2
                                : a.dilation == 1 ? (a.kernel - 1) / a.stride + 1
                                                  : a.kernel);
  return most;
}

template <class F>
void for_each_plane(const Windows& w, double nanoseconds, const F& f) {
  // Without planes the extents may be so large that their product overflows.
  if (w.planes == 0) return;
  const double plane = static_cast<double>(w.count()) * (5 + nanoseconds * window_size(w));
  parallel_for(w.planes, grain_of(plane), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) f(p);
  });
}

/// `to` = what add(sums) adds to `count` zeros: in wide numbers where one takes more terms than
/// accumulate.hpp allows.
template <class T, class Add>
void sum_up(double terms, std::int64_t count, T* to, const Add& add) {
  if (std::is_same_v<T, Wide<T>> || terms <= run) {
    std::fill_n(to, count, T(0));
    return add(to);
  }
  auto sums = values_of<Wide<T>>(count, "pooling");
  add(sums.data());
  std::ranges::transform(sums, to, [](Wide<T> sum) { return static_cast<T>(sum); });
}

}  // namespace

template <class T>
void largest_under(const Windows& w, const T* x, T* y, std::int64_t* position) {
  const std::int64_t step = w.axes[2].dilation;
  for_each_plane(w, 1.2, [&](std::int64_t p) {
    const T* const plane = x + p * w.values();
    for_each_window(w, [&, out = p * w.count()](const Window& window) {
      T best{};
      std::int64_t at = -1;
      for_each_row(w, window.parts, [&](std::int64_t first, std::int64_t end) {
        if (at < 0) best = plane[at = first];
        for (std::int64_t i = first; i < end; i += step) {
          const bool takes = takes_over(plane[i], best);
          best = takes ? plane[i] : best;
          at = takes ? i : at;
        }
      });
      y[out + window.number] = best;
      position[out + window.number] = at;
    });
  });
}

template <class T>
void largest_under_input(const Windows& w, const std::int64_t* position, const T* dy, T* dx) {
  for_each_plane(w, 0, [&](std::int64_t p) {
    sum_up(overlap(w), w.values(), dx + p * w.values(), [&](auto* sums) {
      const std::int64_t first = p * w.count();
      for (std::int64_t i = first; i < first + w.count(); ++i) sums[position[i]] += dy[i];
    });
  });
}

namespace {

/// Σ x under a window; rows lie side by side, for means have no dilation.
template <class T>
Wide<T> sum_under(const Windows& w, const std::array<Seen, 3>& parts, const T* x) {
  const auto extent = [&](std::size_t axis) { return parts[axis].end - parts[axis].begin; };
  const std::int64_t width = extent(2);
  const std::int64_t rows = extent(0) * extent(1);
  if (rows * width <= run) {
    T sum = 0;
    for_each_row(w, parts, [&](std::int64_t first, std::int64_t end) {
      for (std::int64_t i = first; i < end; ++i) sum += x[i];
    });
    return sum;
  }
  const auto sum_row = [&](std::int64_t number, Wide<T>* to) {
    const std::int64_t depth = parts[0].begin + number / extent(1);
    const std::int64_t row = depth * w.axes[1].extent + parts[1].begin + number % extent(1);
    const T* const from = x + row * w.axes[2].extent + parts[2].begin;
    sum_lanes<1, T>(width, to, [from](std::int64_t i, std::size_t) { return from[i]; });
  };
  std::array<Wide<T>, most_depth> room;
  Wide<T> sum = 0;
  join_blocks(
      0, rows, 1, sum_row, [](auto a, auto b) { return a + b; }, &sum, room.data());
  return sum;
}

/// What the sum under a window is divided by.
std::int64_t number_under(const Windows& w, const Window& window, const Divisor& divisor) {
  if (divisor.number != 0) return divisor.number;
  std::int64_t count = 1;
  for (std::size_t i = 0; i < 3; ++i) {
    const WindowAxis& a = w.axes[i];
    const std::int64_t start = window.place[i] * a.stride - a.padding;
    count *= divisor.count_padding ? std::min(a.kernel, a.extent + a.padding - start)
                                   : window.parts[i].end - window.parts[i].begin;
  }
  return count;
}

}  // namespace

template <class T>
void mean_under(const Windows& w, const Divisor& divisor, const T* x, T* y) {
  for_each_plane(w, 0.6, [&](std::int64_t p) {
    for_each_window(w, [&, out = y + p * w.count()](const Window& window) {
      const auto number = static_cast<Wide<T>>(number_under(w, window, divisor));
      const Wide<T> sum = sum_under(w, window.parts, x + p * w.values());
      out[window.number] = static_cast<T>(sum / number);
    });
  });
}

template <class T>
void mean_under_input(const Windows& w, const Divisor& divisor, const T* dy, T* dx) {
  for_each_plane(w, 0.6, [&](std::int64_t p) {
    sum_up(overlap(w), w.values(), dx + p * w.values(), [&]<class Sum>(Sum* sums) {
      for_each_window(w, [&, in = dy + p * w.count()](const Window& window) {
        const auto number = static_cast<Wide<T>>(number_under(w, window, divisor));
        const auto share = static_cast<Sum>(static_cast<Wide<T>>(in[window.number]) / number);
        for_each_row(w, window.parts, [=](std::int64_t first, std::int64_t end) {
          for (std::int64_t i = first; i < end; ++i) sums[i] += share;
        });
      });
    });
  });
}

namespace {

/// The windows whose value number `place` lies on the axis.
Seen windows_with(const WindowAxis& a, std::int64_t place) {
  const std::int64_t shift = place * a.dilation - a.padding;
  const std::int64_t begin = shift >= 0 ? 0 : (-shift - 1) / a.stride + 1;
  const std::int64_t end = shift >= a.extent ? 0 : (a.extent - 1 - shift) / a.stride + 1;
  return {std::min(begin, a.count), std::clamp(end, std::min(begin, a.count), a.count)};
}

/// f(row of columns, windows, offset) for every place in a window and every row of windows: those
/// windows see the values at offset + stride · window of the plane, the others padding.
template <class F>
void for_each_column(const Windows& w, const F& f) {
  const auto& [depths, rows, columns] = w.axes;
  std::int64_t at = 0;
  for (std::int64_t r = 0; r < rows.kernel; ++r) {
    const Seen inside = windows_with(rows, r);
    for (std::int64_t c = 0; c < columns.kernel; ++c) {
      const Seen windows = windows_with(columns, c);
      for (std::int64_t i = 0; i < rows.count; ++i, at += columns.count) {
        const std::int64_t row = i * rows.stride + r * rows.dilation - rows.padding;
        const bool is_inside = i >= inside.begin && i < inside.end;
        f(at, is_inside ? windows : Seen{0, 0},
          row * columns.extent + c * columns.dilation - columns.padding);
      }
    }
  }
}

}  // namespace

template <class T>
void unfold(const Windows& w, const T* x, T* columns) {
  const std::int64_t width = w.axes[2].count;
  const std::int64_t stride = w.axes[2].stride;
  const std::int64_t all = w.axes[1].kernel * w.axes[2].kernel * w.count();
  for_each_plane(w, 0.5, [&](std::int64_t p) {
    const T* const plane = x + p * w.values();
    for_each_column(w, [&](std::int64_t at, const Seen& windows, std::int64_t offset) {
      T* const out = columns + p * all + at;
      std::fill(out, out + windows.begin, T(0));
      for (std::int64_t i = windows.begin; i < windows.end; ++i)
        out[i] = plane[offset + i * stride];
      std::fill(out + windows.end, out + width, T(0));
    });
  });
}

template <class T>
void fold(const Windows& w, const T* columns, T* x) {
  const std::int64_t stride = w.axes[2].stride;
  const std::int64_t all = w.axes[1].kernel * w.axes[2].kernel * w.count();
  for_each_plane(w, 0.5, [&](std::int64_t p) {
    sum_up(overlap(w), w.values(), x + p * w.values(), [&](auto* sums) {
      for_each_column(w, [&](std::int64_t at, const Seen& windows, std::int64_t offset) {
        const T* const in = columns + p * all + at;
        for (std::int64_t i = windows.begin; i < windows.end; ++i)
          sums[offset + i * stride] += in[i];
      });
    });
  });
}

#define XGRAD_INSTANTIATE(T)                                                            \
  template void largest_under(const Windows&, const T*, T*, std::int64_t*);             \
  template void largest_under_input(const Windows&, const std::int64_t*, const T*, T*); \
  template void mean_under(const Windows&, const Divisor&, const T*, T*);               \
  template void mean_under_input(const Windows&, const Divisor&, const T*, T*);         \
  template void unfold(const Windows&, const T*, T*);                                   \
  template void fold(const Windows&, const T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
