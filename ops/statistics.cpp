#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/along.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/statistics.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace xgrad {

std::pair<Tensor, Tensor> var_mean(const Tensor& x, const Axes& axes, std::int64_t correction,
                                   bool keepdim) {
  const detail::Running running("var_mean", x);
  require<DTypeError>(is_floating(x.dtype()), "var_mean: takes floating tensors, got {}",
                      x.dtype());
  normalize_axes(axes, x.shape().size(), "var_mean");
  return {var(x, axes, correction, keepdim), mean(x, axes, keepdim)};
}

std::pair<Tensor, Tensor> std_mean(const Tensor& x, const Axes& axes, std::int64_t correction,
                                   bool keepdim) {
  const detail::Running running("std_mean", x);
  require<DTypeError>(is_floating(x.dtype()), "std_mean: takes floating tensors, got {}",
                      x.dtype());
  normalize_axes(axes, x.shape().size(), "std_mean");
  return {xgrad::std(x, axes, correction, keepdim), mean(x, axes, keepdim)};
}

MinMax aminmax(const Tensor& x, std::optional<std::int64_t> axis, bool keepdim) {
  const detail::Running running("aminmax", x);
  const Axes axes = normalize_axes(axis ? Axes(*axis) : Axes(), x.shape().size(), "aminmax");
  std::int64_t count = 1;
  for (const std::int64_t one : axes) count *= x.shape()[static_cast<std::size_t>(one)];
  require<ValueError>(count > 0, "aminmax: no elements along axes {} of shape {}", axes, x.shape());
  return {amin(x, axes, keepdim), amax(x, axes, keepdim)};
}

namespace {

Tensor is_nan(const Tensor& x) { return x != x; }

/// pick(row, n, room for n values) for every row along the axis, which stays with extent 1: int64.
template <class Pick>
Tensor picked(const char* operation, const Tensor& x, std::size_t axis, double nanoseconds,
              const Pick& pick) {
  const kernels::Extents e = extents_along(x.shape(), axis);
  Shape kept = x.shape();
  kept[axis] = 1;
  require<ValueError>(e.n > 0 || kept.numel() == 0, "{}: no elements along axis {} of shape {}",
                      operation, axis, x.shape());
  return compute<Types::numeric, std::int64_t>(
      operation, kept,
      [&]<class T>(const T* values, std::int64_t* at) {
        kernels::parallel_for(
            e.outer * e.inner, kernels::grain_of(nanoseconds * static_cast<double>(e.n)),
            [&](std::int64_t begin, std::int64_t end) {
              auto row = values_of<T>(e.n, operation);
              auto room = values_of<T>(e.n, operation);
              for (std::int64_t i = begin; i < end; ++i) {
                const T* const from = values + i / e.inner * e.n * e.inner + i % e.inner;
                for (std::int64_t k = 0; k < e.n; ++k)
                  row[static_cast<std::size_t>(k)] = from[k * e.inner];
                at[i] = pick(row, room);
              }
            });
      },
      x.dtype() == boolean ? to(x.detach(), uint8) : x);
}

/// Puts those of a row that are not NaN into `room`; the end of them.
template <class T>
auto numbers_of(const std::vector<T>& row, std::vector<T>& room) {
  return std::copy_if(row.begin(), row.end(), room.begin(), [](T v) { return v == v; });
}

template <class T>
std::int64_t first_nan(const std::vector<T>& row) {
  return std::ranges::find_if(row, [](T v) { return v != v; }) - row.begin();
}

/// The place of the middle one of the numbers, or of a NaN that counts.
template <bool skips_nan>
constexpr auto middle = []<class T>(const std::vector<T>& row, std::vector<T>& room) {
  const auto end = numbers_of(row, room);
  const bool has_nan = end != room.end();
  if (end == room.begin() || (has_nan && !skips_nan)) return first_nan(row);
  const auto at = room.begin() + (end - room.begin() - 1) / 2;
  std::nth_element(room.begin(), at, end);
  return static_cast<std::int64_t>(std::ranges::find(row, *at) - row.begin());
};

constexpr auto most_frequent = []<class T>(const std::vector<T>& row, std::vector<T>& room) {
  const auto end = numbers_of(row, room);
  if (end == room.begin()) return first_nan(row);
  std::sort(room.begin(), end);
  T best = room.front();
  std::int64_t most = 0;
  for (auto from = room.begin(); from != end;) {
    const auto next = std::find_if(from, end, [v = *from](T other) { return other != v; });
    if (next - from > most) {
      most = next - from;
      best = *from;
    }
    from = next;
  }
  const auto last = std::find(row.rbegin(), row.rend(), best);
  return static_cast<std::int64_t>(row.rend() - last - 1);
};

/// y = x at a place of the axis;  dL/dx = dL/dy there
template <class Pick>
Ranked pick_along(const char* operation, const Tensor& given, std::int64_t which, bool keepdim,
                  double nanoseconds, const Pick& pick) {
  const detail::Running running(operation, given);
  return ranked_along(operation, given, which, [&](const Tensor& x, std::size_t axis) {
    return chosen(x, axis, picked(operation, x, axis, nanoseconds, pick), keepdim);
  });
}

constexpr double selecting = 8;  // nanoseconds a value
constexpr double sorting = 40;

// y = the middle of all;  dL/dx = dL/dy, shared evenly by the elements equal to y
template <class Pick>
Tensor middle_of_all(Op op, const Tensor& x, const Pick& pick) {
  const detail::Running running(name(op), x);
  if (x.numel() == 0) {
    require<ValueError>(is_floating(x.dtype()), "{}: no elements in shape {} of {}", name(op),
                        x.shape(), x.dtype());
    return sum(x) + std::numeric_limits<double>::quiet_NaN();
  }
  const Tensor values = x.detach();
  const Tensor flat = reshape(values, {-1});
  const Tensor y = reshape(gather(flat, 0, picked(name(op), flat, 0, selecting, pick)), {});
  if (!is_floating(x.dtype())) return y;
  const Tensor hit = to(where(is_nan(y), is_nan(values), values == y), x.dtype());
  const Tensor share = hit / sum(hit);
  return record(op, y,
                wrt(x, linear_in([share = saved(share)](const Tensor& dy) { return share() * dy; },
                                 [share = saved(share)](const Tensor& v) {
                                   return sum(where(share() == 0, 0, share() * v));
                                 })));
}

}  // namespace

Tensor median(const Tensor& x) { return middle_of_all(Op::median, x, middle<false>); }
Ranked median(const Tensor& x, std::int64_t axis, bool keepdim) {
  return pick_along("median", x, axis, keepdim, selecting, middle<false>);
}
Tensor nanmedian(const Tensor& x) { return middle_of_all(Op::nanmedian, x, middle<true>); }
Ranked nanmedian(const Tensor& x, std::int64_t axis, bool keepdim) {
  return pick_along("nanmedian", x, axis, keepdim, selecting, middle<true>);
}
Ranked mode(const Tensor& x, std::int64_t axis, bool keepdim) {
  return pick_along("mode", x, axis, keepdim, sorting, most_frequent);
}

namespace {

/// The places of the elements of an axis in order, NaN last.
Tensor order_along(const Tensor& x, std::size_t axis) {
  const kernels::Extents e = extents_along(x.shape(), axis);
  return compute<Types::floating, std::int64_t>(
      "quantile", x.shape(),
      [&]<class T>(const T* values, std::int64_t* at) {
        kernels::parallel_for(
            e.outer * e.inner, kernels::grain_of(2 * sorting * static_cast<double>(e.n)),
            [&](std::int64_t begin, std::int64_t end) {
              auto order = values_of<std::int64_t>(e.n, "quantile");
              for (std::int64_t i = begin; i < end; ++i) {
                const std::int64_t base = i / e.inner * e.n * e.inner + i % e.inner;
                const auto value = [&](std::int64_t k) { return values[base + k * e.inner]; };
                std::iota(order.begin(), order.end(), std::int64_t{0});
                std::ranges::stable_sort(order, [&](std::int64_t a, std::int64_t b) {
                  return value(a) < value(b) || (value(a) == value(a) && value(b) != value(b));
                });
                for (std::int64_t k = 0; k < e.n; ++k)
                  at[base + k * e.inner] = order[static_cast<std::size_t>(k)];
              }
            });
      },
      x);
}

/// Between which elements a quantile lies, and how far from the lower.
struct Ranks {
  Tensor below, above;  ///< int64
  Tensor weight;
};

/// Numbers of float64 rounded one by one, as int64.
Tensor rounded(const Tensor& ranks, double (*how)(double)) {
  return compute<Types::floating, std::int64_t>(
      "quantile", ranks.shape(),
      [&](const auto* from, std::int64_t* to) {
        std::transform(from, from + ranks.numel(), to, [how](auto rank) {
          return static_cast<std::int64_t>(how(static_cast<double>(rank)));
        });
      },
      ranks);
}

Ranks ranks_of(const Tensor& q, std::int64_t n, std::string_view interpolation, DType dtype) {
  const Tensor ranks = to(q, float64) * (n - 1);
  const Tensor values = ranks.detach();
  const auto at = [&](double (*how)(double)) { return rounded(values, how); };
  const auto exactly = [&](const Tensor& place) {
    return Ranks{place, place, zeros(ranks.shape(), {.dtype = dtype})};
  };
  if (interpolation == "lower") return exactly(at(std::floor));
  if (interpolation == "higher") return exactly(at(std::ceil));
  if (interpolation == "nearest") return exactly(at(std::nearbyint));
  const Tensor below = at(std::floor);
  const Tensor above = at(std::ceil);
  if (interpolation == "midpoint") return {below, above, 0.5 * to(above - below, dtype)};
  require<ValueError>(interpolation == "linear",
                      "quantile: the interpolation is {}; it is linear, lower, higher, nearest or "
                      "midpoint",
                      std::string(interpolation.substr(0, 20)));
  return {below, above, to(ranks - to(below, float64), dtype)};
}

/// Along the last axis, in whose place the quantiles come.
Tensor quantiles_of_rows(const Tensor& x, const Tensor& q, std::string_view interpolation) {
  const std::int64_t n = x.size(-1);
  const auto last = static_cast<std::size_t>(x.dim() - 1);
  const Ranks ranks = ranks_of(q, n, interpolation, x.dtype());
  const Tensor order = order_along(x.detach(), last);
  const Tensor end = gather(x.detach(), -1, slice(order, -1, n - 1));
  const auto take = [&](const Tensor& places) {
    return gather(x, -1, gather(order, -1, where(is_nan(end), n - 1, places)));
  };
  const Tensor low = take(ranks.below);
  const Tensor high = take(ranks.above);
  // As PyTorch's lerp: exact at both ends; and nothing is added where there is but one.
  const Tensor& w = ranks.weight;
  const Tensor step = where(w.detach() == 0, 0, high - low);
  return where(w.detach() < 0.5, low + w * step, high - (1 - w) * step);
}

void check_quantiles(const Tensor& x, const Tensor& q) {
  require<DTypeError>(is_floating(x.dtype()), "quantile: takes floating tensors, got {}",
                      x.dtype());
  require<DTypeError>(q.dtype() == x.dtype(), "quantile: q is {}, it must be {} as x is", q.dtype(),
                      x.dtype());
  require<ShapeError>(q.dim() <= 1, "quantile: q has shape {}, it must have one axis or none",
                      q.shape());
  for (const double one : q.to_vector<double>())
    require<ValueError>(one >= 0 && one <= 1, "quantile: q is {}; it must lie in [0, 1]", one);
}

}  // namespace

Tensor quantile(const Tensor& x, const Tensor& q, std::optional<std::int64_t> which, bool keepdim,
                std::string_view interpolation) {
  const detail::Running running("quantile", x, q);
  check_quantiles(x, q);
  if (is_half(x.dtype()))
    return in_float32(
        [&](const Tensor& wide, const Tensor& at) {
          return quantile(wide, at, which, keepdim, interpolation);
        },
        x, q);
  const bool is_all = !which || x.dim() == 0;
  if (which && x.dim() == 0)
    require<ShapeError>(*which == 0 || *which == -1, "quantile: axis {} of a scalar; it is 0 or -1",
                        *which);
  const std::size_t axis = is_all ? 0 : normalize_axis(*which, x.shape().size(), "quantile");
  Axes order;  // the axis last
  for (std::size_t i = 0; i < x.shape().size(); ++i)
    if (i != axis) order.push_back(static_cast<std::int64_t>(i));
  order.push_back(static_cast<std::int64_t>(axis));
  const Tensor rows = is_all ? reshape(x, {x.numel()}) : permute(x, order);
  require<ValueError>(rows.size(-1) > 0, "quantile: no elements along axis {} of shape {}", axis,
                      x.shape());
  Tensor y = quantiles_of_rows(rows, reshape(q, {q.numel()}), interpolation);
  // [rows…, q] as [q, rows…], an axis of 1 where the reduced one was.
  Axes back{y.dim() - 1};
  for (std::int64_t i = 0; i + 1 < y.dim(); ++i) back.push_back(i);
  y = permute(y, back);
  if (keepdim && is_all)
    for (std::int64_t i = 0; i < x.dim(); ++i) y = unsqueeze(y, -1);
  else if (keepdim)
    y = unsqueeze(y, static_cast<std::int64_t>(axis) + 1);
  return q.dim() == 0 ? squeeze(y, 0) : y;
}

Tensor quantile(const Tensor& x, double q, std::optional<std::int64_t> axis, bool keepdim,
                std::string_view interpolation) {
  const detail::Running running("quantile", x);
  require<DTypeError>(is_floating(x.dtype()), "quantile: takes floating tensors, got {}",
                      x.dtype());
  require<ValueError>(q >= 0 && q <= 1, "quantile: q is {}; it must lie in [0, 1]", q);
  if (is_half(x.dtype()))
    return in_float32(
        [&](const Tensor& wide) { return quantile(wide, q, axis, keepdim, interpolation); }, x);
  return quantile(x, full({}, q, {.dtype = x.dtype()}), axis, keepdim, interpolation);
}

// NaN compares false with itself, and counts as 0.
Tensor nansum(const Tensor& x, const Axes& axes, bool keepdim) {
  const detail::Running running("nansum", x);
  normalize_axes(axes, x.shape().size(), "nansum");
  return sum(is_floating(x.dtype()) ? where(is_nan(x), 0, x) : x, axes, keepdim);
}

Tensor nanmean(const Tensor& x, const Axes& axes, bool keepdim) {
  const detail::Running running("nanmean", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return nanmean(wide, axes, keepdim); }, x);
  require<DTypeError>(is_floating(x.dtype()), "nanmean: takes floating tensors, got {}", x.dtype());
  normalize_axes(axes, x.shape().size(), "nanmean");
  return nansum(x, axes, keepdim) / sum(x == x, axes, keepdim);
}

}  // namespace xgrad
