#include <xgrad/ops/along.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/channels.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/reduce.hpp>
#include <xgrad/ops/logic.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <type_traits>
#include <utility>

namespace xgrad {
namespace {

bool contains(const Axes& axes, std::size_t axis) {
  return std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
}

/// `shape` with the axes reduced to 1.
Shape kept_shape(const Shape& shape, const Axes& axes) {
  Shape result = shape;
  for (auto axis : axes) result[static_cast<std::size_t>(axis)] = 1;
  return result;
}

/// `shape` without the axes.
Shape dropped_shape(const Shape& shape, const Axes& axes) {
  Shape result;
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (!contains(axes, i)) result.push_back(shape[i]);
  return result;
}

std::int64_t count_of(const Shape& shape, const Axes& axes) {
  std::int64_t product = 1;
  for (auto axis : axes) product *= shape[static_cast<std::size_t>(axis)];
  return product;
}

std::int64_t product_of(const Shape& shape, std::size_t begin, std::size_t end) {
  std::int64_t product = 1;
  for (std::size_t i = begin; i < end; ++i) product *= shape[i];
  return product;
}

/// Of what a reduction makes: the result, and what goes from one run of axes to the next.
struct DTypes {
  DType result;
  DType between;
};

/// The axes of x in the order in which they lie in memory, those of the longest strides first.
Axes memory_order(const Tensor& x) {
  Axes order;
  for (std::int64_t i = 0; i < x.dim(); ++i) order.push_back(i);
  const Strides strides = x.strides();
  std::ranges::stable_sort(order, std::greater(), [&](std::int64_t axis) {
    return strides[static_cast<std::size_t>(axis)];
  });
  return order;
}

/// Reduces runs of adjacent axes, from the last to the first, with kernel(source, extents, result).
/// Not recorded; keeps the axes with extent 1. Normalised axes only.
template <class Kernel>
Tensor reduce_runs(const char* operation, const Tensor& given, const Axes& axes,
                   const DTypes& dtypes, Kernel kernel) {
  if (!given.is_contiguous()) {
    // What is only in another order is reduced in that of memory.
    const Axes order = memory_order(given);
    const Tensor turned = permute(given.detach(), order);
    if (!turned.is_contiguous())
      return reduce_runs(operation, in_rows(given), axes, dtypes, kernel);
    Axes there;
    Axes back = order;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto from = static_cast<std::size_t>(order[i]);
      back[from] = static_cast<std::int64_t>(i);
      if (contains(axes, from)) there.push_back(static_cast<std::int64_t>(i));
    }
    return in_rows(permute(reduce_runs(operation, turned, there, dtypes, kernel), back));
  }
  const Tensor x = in_rows(given);
  Tensor result = x;
  std::size_t left = axes.size();
  for (std::size_t end = x.shape().size(); end > 0;) {
    std::size_t begin = end - 1;
    const bool reduced = contains(axes, begin);
    while (begin > 0 && contains(axes, begin - 1) == reduced) --begin;
    if (reduced) {
      left -= end - begin;
      const Shape& shape = result.shape();
      const kernels::Extents extents{product_of(shape, 0, begin), product_of(shape, begin, end),
                                     product_of(shape, end, shape.size())};
      Shape next = shape;
      for (std::size_t i = begin; i < end; ++i) next[i] = 1;
      Tensor smaller = Tensor::empty(next, left > 0 ? dtypes.between : dtypes.result);
      const profiler::Scope scope(operation, [&] {
        return profiler::work_on({&result, &smaller});
      });
      if (smaller.numel() > 0) kernel(result, extents, smaller);
      result = smaller;
    }
    end = begin;
  }
  if (result.impl() != x.impl()) return result;
  return no_grad([&] { return x.dtype() == dtypes.result ? clone(x) : to(x, dtypes.result); });
}

/// The recorded result in the shape the caller asked for.
Tensor shaped(const Tensor& kept, const Axes& axes, bool keepdim) {
  return keepdim ? kept : kept.reshape(dropped_shape(kept.shape(), axes));
}

/// What sums of x are joined in.
DType wide(DType x) { return x == float32 ? float64 : x; }

/// f<From, To>() for a sum of x and the dtype it is made in: x's own, or its wide one.
template <class F>
void dispatch_sum(DType x, DType result, const F& f) {
  const auto with = [&]<class T>() {
    if (x == result) return f.template operator()<T, T>();
    if constexpr (std::is_same_v<T, float>) return f.template operator()<float, double>();
    if constexpr (std::is_same_v<T, double>) return f.template operator()<double, float>();
  };
  if (x == int64) return with.template operator()<std::int64_t>();
  dispatch_floating(x, "sum", with);
}

/// Σ over all axes of images but their channels, as the images lie.
Tensor sum_channels(const Tensor& x, DType result) {
  Tensor y = Tensor::empty({1, x.size(1), 1, 1}, result);
  visit<Types::floating>(
      Op::sum,
      [&]<class T>(const T* values) {
        if (x.dtype() == result)  // NOLINT(bugprone-branch-clone): of two types
          kernels::channel_sums(channel_extents(x), values, y.mutable_data<T>());
        else
          kernels::channel_sums(channel_extents(x), values, y.mutable_data<kernels::Wide<T>>());
      },
      x);
  return y;
}

/// Σ x² in x's wide dtype.
Tensor sum_of_squares(const Tensor& x, const Axes& axes) {
  bool first = true;
  const DType dtype = wide(x.dtype());
  if (axes.empty()) return to(square(x), dtype);
  return reduce_runs("sum", x, axes, {dtype, dtype},
                     [&](const Tensor& source, const kernels::Extents& e, Tensor& out) {
                       double* const to = out.mutable_data<double>();
                       dispatch_floating(source.dtype(), "sum", [&]<class T>() {
                         if (std::exchange(first, false))
                           kernels::sum_of_squares(source.data<T>(), e, to);
                         else
                           kernels::sum(source.data<T>(), e, to);
                       });
                     });
}

/// Sums over n, in the dtype that is wanted: rounded once.
Tensor divided(const Tensor& sums, double n, DType dtype) {
  Tensor y = Tensor::empty(sums.shape(), dtype);
  dispatch_floating(sums.dtype(), "mean", [&]<class From>() {
    dispatch_floating(dtype, "mean", [&]<class To>() {
      const From* const from = sums.data<From>();
      std::transform(from, from + sums.numel(), y.mutable_data<To>(),
                     [by = static_cast<From>(n)](From sum) { return static_cast<To>(sum / by); });
    });
  });
  return y;
}

/// Σ x in `result`, which is x's dtype or its wide one.
Tensor sum_values(const Tensor& x, const Axes& axes, DType result) {
  if (x.dim() == 4 && axes == Axes{0, 2, 3} && is_floating(x.dtype()))
    return sum_channels(x, result);
  return reduce_runs("sum", x, axes, {result, wide(x.dtype())},
                     [](const Tensor& source, const kernels::Extents& e, Tensor& out) {
                       dispatch_sum(source.dtype(), out.dtype(), [&]<class From, class To>() {
                         kernels::sum(source.data<From>(), e, out.mutable_data<To>());
                       });
                     });
}

}  // namespace

// y = Σ x;  dL/dx = dL/dy, spread out
Tensor sum(const Tensor& input, const Axes& which, bool keepdim) {
  const detail::Running running("sum", input);
  if (is_half(input.dtype()))
    return in_float32([&](const Tensor& wide) { return sum(wide, which, keepdim); }, input);
  const Tensor x = is_floating(input.dtype()) ? input : to(input, int64);
  const Axes axes = normalize_axes(which, x.shape().size(), "sum");
  const Shape kept = kept_shape(x.shape(), axes);
  const Tensor y = shaped(sum_values(x, axes, x.dtype()), axes, keepdim);
  return record(
      Op::sum, y,
      wrt(x, linear_in([shape = x.shape(),
                        kept](const Tensor& dy) { return expand(reshape(dy, kept), shape); },
                       [axes, keepdim](const Tensor& v) { return sum(v, axes, keepdim); })));
}

namespace {

bool broadcasts_to(const Shape& from, const Shape& to) {
  if (from.size() > to.size()) return false;
  const std::size_t added = to.size() - from.size();
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] != 1 && from[i] != to[added + i]) return false;
  return true;
}

}  // namespace

Tensor sum_to(const Tensor& x, const Shape& shape) {
  const detail::Running running("sum_to", x);
  if (x.shape() == shape) return x;
  require<ShapeError>(broadcasts_to(shape, x.shape()), "sum_to: {} does not broadcast to {}", shape,
                      x.shape());
  const std::size_t added = x.shape().size() - shape.size();
  Axes axes;
  for (std::size_t i = 0; i < x.shape().size(); ++i)
    if (i < added || (shape[i - added] == 1 && x.shape()[i] != 1))
      axes.push_back(static_cast<std::int64_t>(i));
  return reshape(axes.empty() ? x : sum(x, axes, true), shape);
}

// y = Σ x / n;  dL/dx = dL/dy / n, spread out
Tensor mean(const Tensor& x, const Axes& which, bool keepdim) {
  const detail::Running running("mean", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return mean(wide, which, keepdim); }, x);
  require<DTypeError>(is_floating(x.dtype()),
                      "mean: takes floating tensors, got {}; use x.to(xgrad::float32).mean()",
                      x.dtype());
  const Axes axes = normalize_axes(which, x.shape().size(), "mean");
  const Shape kept = kept_shape(x.shape(), axes);
  const auto n = static_cast<double>(count_of(x.shape(), axes));
  constexpr double few = 256;  // that many are summed in x's own dtype anyway
  const Tensor sums = sum_values(x, axes, n <= few ? x.dtype() : wide(x.dtype()));
  const Tensor y = shaped(divided(sums, n, x.dtype()), axes, keepdim);
  return record(
      Op::mean, y,
      wrt(x, linear_in([shape = x.shape(), kept,
                        n](const Tensor& dy) { return expand(reshape(dy / n, kept), shape); },
                       [axes, keepdim](const Tensor& v) { return mean(v, axes, keepdim); })));
}

Tensor detail::centered(const Tensor& x, const Axes& axes) {
  const Tensor d = x - mean(x, axes, true);
  return d - mean(d, axes, true);
}

// y = (Σ d² − (Σ d)² / n) / (n − c) with d = x − m: for any m near the mean, which what is rounded
// is not quite (Chan, Golub and LeVeque, 1983).  dL/dx = 2 (x − mean) / (n − c) dL/dy
Tensor var(const Tensor& x, const Axes& which, std::int64_t correction, bool keepdim) {
  const detail::Running running("var", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return var(wide, which, correction, keepdim); }, x);
  require<DTypeError>(is_floating(x.dtype()),
                      "var: takes floating tensors, got {}; use x.to(xgrad::float32).var()",
                      x.dtype());
  const Axes axes = normalize_axes(which, x.shape().size(), "var");
  const Shape kept = kept_shape(x.shape(), axes);
  const auto n = count_of(x.shape(), axes);
  const double freedom = std::max(static_cast<double>(n) - static_cast<double>(correction), 0.0);
  const auto spread_of = [&](const Tensor& d) {
    const Tensor sums = sum_values(d, axes, wide(x.dtype()));
    const Tensor squares = sum_of_squares(d, axes);
    return maximum(squares - sums * (sums / static_cast<double>(n)), 0);
  };
  const Tensor y = no_grad([&] {
    const Tensor d = x - mean(x, axes, true);
    Tensor spread = spread_of(d);
    if (n > 0 && !all_finite(spread)) {
      // Squares overflow, perhaps those of what the mean's rounding left of equal values.
      const Tensor far = amax(abs(d), axes, true);
      const Tensor unit = to(where(far == 0, 1, far), spread.dtype());
      spread = where(isfinite(spread), spread, spread_of(d / to(unit, d.dtype())) * unit * unit);
    }
    return shaped(divided(spread, freedom, x.dtype()), axes, keepdim);
  });
  return record(Op::var, y, wrt(x, [x = saved(x), kept, axes, freedom](const Tensor& dy) {
                  return detail::centered(x(), axes) * (reshape(dy, kept) * (2 / freedom));
                }));
}

// y = √var x;  dL/dx = (x − mean) / ((n − c) y) dL/dy, 0 where y is
Tensor std(const Tensor& x, const Axes& which, std::int64_t correction, bool keepdim) {
  const detail::Running running("std", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return std(wide, which, correction, keepdim); }, x);
  require<DTypeError>(is_floating(x.dtype()),
                      "std: takes floating tensors, got {}; use x.to(xgrad::float32).std()",
                      x.dtype());
  const Axes axes = normalize_axes(which, x.shape().size(), "std");
  const Shape kept = kept_shape(x.shape(), axes);
  const double freedom = std::max(
      static_cast<double>(count_of(x.shape(), axes)) - static_cast<double>(correction), 0.0);
  const Tensor y = no_grad([&] { return sqrt(var(x, which, correction, keepdim)); });
  return record(Op::std, y,
                wrt(x, [x = saved(x), y = saved_result(y), kept, axes, freedom](const Tensor& dy) {
                  return detail::centered(x(), axes) *
                         reshape(divided_or_0(dy, y()) / freedom, kept);
                }));
}

namespace {

/// |x|ᵖ⁻¹ with the sign of x, 0 where x is 0.
Tensor signed_power(const Tensor& x, double p) {
  const Tensor is_0 = x == 0;
  return where(is_0, 0, sign(x) * pow(abs(where(is_0, 1, x)), p - 1));
}

Tensor norm_values(const Tensor& x, const Axes& axes, double p) {
  if (p == 0) return sum(to(x != 0, x.dtype()), axes, true);
  if (p == 2) {
    const Tensor squares = sum_of_squares(x, axes);
    return to(sqrt(squares), x.dtype());
  }
  return pow(sum(pow(abs(x), p), axes, true), 1 / p);
}

}  // namespace

// y = (Σ |x|ᵖ)^(1/p);  dL/dx = ±|x|ᵖ⁻¹ / yᵖ⁻¹ dL/dy, 0 where x or y is; 0 for p = 0
Tensor norm(const Tensor& x, Scalar given, const Axes& which, bool keepdim) {
  const detail::Running running("norm", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return norm(wide, given, which, keepdim); }, x);
  require<DTypeError>(is_floating(x.dtype()), "norm: takes floating tensors, got {}", x.dtype());
  const auto p = given.to<double>();
  require_number("norm", "p", p);
  const Axes axes = normalize_axes(which, x.shape().size(), "norm");
  const Shape kept = kept_shape(x.shape(), axes);
  require<ValueError>(
      (p >= 0 && !std::isinf(p)) || count_of(x.shape(), axes) > 0 || kept.numel() == 0,
      "norm: no elements along axes {} of shape {}, for p = {}", axes, x.shape(), p);
  if (std::isinf(p)) return p > 0 ? amax(abs(x), which, keepdim) : amin(abs(x), which, keepdim);
  if (p == 1) return sum(abs(x), which, keepdim);
  const Tensor y = no_grad([&] { return shaped(norm_values(x, axes, p), axes, keepdim); });
  return record(Op::norm, y, wrt(x, [x = saved(x), y = saved_result(y), kept, p](const Tensor& dy) {
                  if (p == 0) return expand(reshape(dy * 0, kept), x().shape());
                  if (p == 2) return divided_or_0(x() * reshape(dy, kept), reshape(y(), kept));
                  return signed_power(x(), p) *
                         reshape(divided_or_0(dy, signed_power(y(), p)), kept);
                }));
}

// The product of halves, again and again: derivatives of multiplications, never a division.
Tensor prod(const Tensor& x, const Axes& which, bool keepdim) {
  const detail::Running running("prod", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return prod(wide, which, keepdim); }, x);
  const Axes axes = normalize_axes(which, x.shape().size(), "prod");
  Axes order;
  for (std::size_t i = 0; i < x.shape().size(); ++i)
    if (!contains(axes, i)) order.push_back(static_cast<std::int64_t>(i));
  const Shape outer = dropped_shape(x.shape(), axes);
  for (auto axis : axes) order.push_back(axis);
  Shape flat = outer;
  flat.push_back(count_of(x.shape(), axes));

  Tensor y = reshape(permute(is_floating(x.dtype()) ? x : to(x, int64), order), flat);
  if (flat.back() == 0) return 1 + sum(x, axes, keepdim);
  for (std::int64_t n = flat.back(); n > 1; n = n / 2 + n % 2) {
    const Tensor halves = slice(y, -1, 0, n / 2) * slice(y, -1, n / 2, n / 2 * 2);
    y = n % 2 == 0 ? halves : cat({halves, slice(y, -1, n - 1)}, -1);
  }
  return reshape(y, keepdim ? kept_shape(x.shape(), axes) : outer);
}

namespace {

// y = max x;  dL/dx = dL/dy, shared evenly by the elements equal to y
template <class Kernel>
Tensor extreme(Op op, const Tensor& x, const Axes& which, bool keepdim, Kernel kernel) {
  const detail::Running running(name(op), x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return extreme(op, wide, which, keepdim, kernel); },
                      x);
  if (x.dtype() == boolean) return to(extreme(op, to(x, uint8), which, keepdim, kernel), boolean);
  const Axes axes = normalize_axes(which, x.shape().size(), name(op));
  const Shape kept = kept_shape(x.shape(), axes);
  require<ValueError>(count_of(x.shape(), axes) > 0 || kept.numel() == 0,
                      "{}: no elements along axes {} of shape {}", name(op), axes, x.shape());
  const Tensor y =
      shaped(reduce_runs(name(op), x, axes, {x.dtype(), x.dtype()}, kernel), axes, keepdim);
  return record(op, y, wrt(x, [x = saved(x), y = saved_result(y), kept, axes](const Tensor& dy) {
                  // NaN is not equal to itself, and the largest and smallest of all.
                  const Tensor found = reshape(y(), kept);
                  const Tensor hit =
                      to(where(found == found, x() == found, x() != x()), dy.dtype());
                  return hit / sum(hit, axes, true) * reshape(dy, kept);
                }));
}

}  // namespace

namespace {

Tensor largest(Op op, const Tensor& x, const Axes& axes, bool keepdim) {
  return extreme(op, x, axes, keepdim, [](const Tensor& source, const auto& e, Tensor& out) {
    dispatch_numeric(source.dtype(), "max",
                     [&]<class T>() { kernels::max(source.data<T>(), e, out.mutable_data<T>()); });
  });
}

Tensor smallest(Op op, const Tensor& x, const Axes& axes, bool keepdim) {
  return extreme(op, x, axes, keepdim, [](const Tensor& source, const auto& e, Tensor& out) {
    dispatch_numeric(source.dtype(), "min",
                     [&]<class T>() { kernels::min(source.data<T>(), e, out.mutable_data<T>()); });
  });
}

}  // namespace

Tensor max(const Tensor& x, const Axes& axes, bool keepdim) {
  return largest(Op::max, x, axes, keepdim);
}
Tensor min(const Tensor& x, const Axes& axes, bool keepdim) {
  return smallest(Op::min, x, axes, keepdim);
}
Tensor amax(const Tensor& x, const Axes& axes, bool keepdim) {
  return largest(Op::amax, x, axes, keepdim);
}
Tensor amin(const Tensor& x, const Axes& axes, bool keepdim) {
  return smallest(Op::amin, x, axes, keepdim);
}

// y = ln Σ eˣ;  dL/dx = eˣ⁻ʸ dL/dy
Tensor logsumexp(const Tensor& x, const Axes& which, bool keepdim) {
  const detail::Running running("logsumexp", x);
  if (is_half(x.dtype()))
    return in_float32([&](const Tensor& wide) { return logsumexp(wide, which, keepdim); }, x);
  require<DTypeError>(is_floating(x.dtype()), "logsumexp: takes floating tensors, got {}",
                      x.dtype());
  const Axes axes = normalize_axes(which, x.shape().size(), "logsumexp");
  const Shape kept = kept_shape(x.shape(), axes);
  const Tensor y = no_grad([&] {
    if (count_of(x.shape(), axes) == 0)
      return shaped(full(kept, -std::numeric_limits<double>::infinity(), {.dtype = x.dtype()}),
                    axes, keepdim);
    // Without a finite largest value (all −inf, or an inf) there is nothing to subtract.
    const Tensor top = amax(x, axes, true);
    const Tensor shift = where(abs(top) == std::numeric_limits<double>::infinity(), 0, top);
    return shaped(log(sum(exp(x - shift), axes, true)) + shift, axes, keepdim);
  });
  return record(Op::logsumexp, y,
                wrt(x, [x = saved(x), y = saved_result(y), kept](const Tensor& dy) {
                  return reshape(dy, kept) * exp(x() - reshape(y(), kept));
                }));
}

namespace {

template <class Kernel>
Tensor position(const char* operation, const Tensor& x, std::optional<std::int64_t> which,
                bool keepdim, Kernel kernel) {
  const detail::Running running(operation, x);
  if (!which) {
    const Tensor flat = position(operation, x.detach().reshape({x.numel()}), 0, false, kernel);
    return keepdim ? flat.reshape(kept_shape(x.shape(), normalize_axes({}, x.shape().size(), "")))
                   : flat;
  }
  const std::size_t axis = normalize_axis(*which, x.shape().size(), operation);
  const Shape& shape = x.shape();
  require<ValueError>(shape[axis] > 0, "{}: no elements along axis {} of shape {}", operation,
                      *which, shape);
  Shape result = shape;
  result[axis] = 1;
  const kernels::Extents extents = extents_along(shape, axis);
  const Tensor out = compute<Types::numeric, std::int64_t>(
      operation, result, [&](const auto* values, std::int64_t* at) { kernel(values, extents, at); },
      x);
  if (!keepdim) result.erase(axis);
  return out.reshape(result);
}

}  // namespace

namespace {

constexpr auto find_largest = [](auto... a) { kernels::argmax(a...); };
constexpr auto find_smallest = [](auto... a) { kernels::argmin(a...); };

/// y = x at its extreme;  dL/dx = dL/dy there
template <class Kernel>
Ranked extreme_along(Op op, const Tensor& given, std::int64_t which, bool keepdim, Kernel kernel) {
  const detail::Running running(name(op), given);
  return ranked_along(name(op), given, which, [&](const Tensor& x, std::size_t axis) {
    const Tensor ordered = x.dtype() == boolean ? to(x, uint8) : x;
    const auto along = static_cast<std::int64_t>(axis);
    return chosen(x, axis, position(name(op), ordered, along, true, kernel), keepdim);
  });
}

}  // namespace

Ranked detail::max_along(const Tensor& x, std::int64_t axis, bool keepdim) {
  return extreme_along(Op::max, x, axis, keepdim, find_largest);
}
Ranked detail::min_along(const Tensor& x, std::int64_t axis, bool keepdim) {
  return extreme_along(Op::min, x, axis, keepdim, find_smallest);
}

Tensor argmax(const Tensor& x, std::optional<std::int64_t> axis, bool keepdim) {
  return position("argmax", x, axis, keepdim, find_largest);
}

Tensor argmin(const Tensor& x, std::optional<std::int64_t> axis, bool keepdim) {
  return position("argmin", x, axis, keepdim, find_smallest);
}

}  // namespace xgrad
