#include <xgrad/ops/along.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/scan.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/rules.hpp>
#include <xgrad/ops/scan.hpp>

#include <algorithm>
#include <limits>

namespace xgrad {

using kernels::Direction;

namespace {

Direction opposite(Direction direction) {
  return direction == Direction::forward ? Direction::backward : Direction::forward;
}

/// f(x, axis), the axis counted from the front, in x's shape; integers and bools as int64.
template <class F>
Tensor scan_along(const char* operation, const Tensor& given, std::int64_t axis, const F& f) {
  const detail::Running running(operation, given);
  const Tensor x = is_floating(given.dtype()) ? given : to(given, int64);
  if (x.dim() > 0) return f(x, normalize_axis(axis, x.shape().size(), operation));
  require<ShapeError>(axis == 0 || axis == -1, "{}: axis {} of a scalar; it is 0 or -1", operation,
                      axis);
  return reshape(f(reshape(x, {1}), std::size_t{0}), {});
}

/// x moved by one along the axis, where what was at i + 1 comes to i for Direction::backward, what
/// was at i − 1 otherwise; `fill` comes in at the other end.
Tensor moved(const Tensor& x, std::size_t which, Direction direction, double fill) {
  const auto axis = static_cast<std::int64_t>(which);
  if (x.size(axis) == 0) return x;
  Shape edge = x.shape();
  edge[which] = 1;
  const Tensor end = full(edge, fill, {.dtype = x.dtype()});
  return direction == Direction::backward ? cat({slice(x, axis, 1), end}, axis)
                                          : cat({end, slice(x, axis, 0, x.size(axis) - 1)}, axis);
}

// yᵢ = Σ x over j ≤ i, or ≥ i backward;  dL/dxⱼ = Σ dL/dy, the other way
Tensor sums_so_far(const Tensor& x, std::size_t axis, Direction direction) {
  const kernels::Extents e = extents_along(x.shape(), axis);
  const Tensor y = compute<Types::numeric>(
      Op::cumsum, x.shape(),
      [&](const auto* from, auto* to) { kernels::cumulative_sum(from, e, direction, to); }, x);
  return record(
      Op::cumsum, y,
      wrt(x, linear_in(
                 [axis, direction](const Tensor& dy) {
                   return sums_so_far(dy, axis, opposite(direction));
                 },
                 [axis, direction](const Tensor& v) { return sums_so_far(v, axis, direction); })));
}

// sᵢ = bᵢ + aᵢ sᵢ₋₁. What a change of bᵢ does to L by way of all later s obeys the same recurrence
// the other way, rᵢ = dL/dsᵢ + aᵢ₊₁ rᵢ₊₁;  dL/dbᵢ = rᵢ, dL/daᵢ = rᵢ sᵢ₋₁
Tensor recur(const Tensor& a, const Tensor& b, std::size_t axis, Direction direction) {
  const kernels::Extents e = extents_along(b.shape(), axis);
  const Tensor s = compute<Types::floating>(
      Op::recurrence, b.shape(),
      [&](const auto* factors, const auto* terms, auto* to) {
        kernels::recurrence(factors, terms, e, direction, to);
      },
      a, b);
  const Direction back = opposite(direction);
  const auto behind = [axis, back](const Tensor& factors, const Tensor& ds) {
    return recur(moved(factors, axis, back, 0), ds, axis, back);
  };
  return record(
      Op::recurrence, s,
      wrt(a, [=, a = saved(a), s = saved_result(s)](
                 const Tensor& ds) { return behind(a(), ds) * moved(s(), axis, direction, 0); }),
      wrt(b, linear_in(
                 [=, a = saved(a)](const Tensor& ds) { return behind(a(), ds); },
                 [=, a = saved(a)](const Tensor& v) { return recur(a(), v, axis, direction); })));
}

}  // namespace

Tensor detail::recurrence(const Tensor& a, const Tensor& b, std::int64_t axis, bool backward) {
  const Running running("recurrence", a, b);
  require<ShapeError>(a.shape() == b.shape(), "recurrence: shapes {} and {} differ", a.shape(),
                      b.shape());
  require<DTypeError>(a.dtype() == b.dtype(), "recurrence: {} and {} differ", a.dtype(), b.dtype());
  return recur(a, b, normalize_axis(axis, b.shape().size(), "recurrence"),
               backward ? Direction::backward : Direction::forward);
}

Tensor cumsum(const Tensor& given, std::int64_t which) {
  return scan_along("cumsum", given, which, [](const Tensor& x, std::size_t axis) {
    return sums_so_far(x, axis, Direction::forward);
  });
}

// y = Π x over j ≤ i;  dL/dxⱼ = yⱼ₋₁ sⱼ with sⱼ = dL/dyⱼ + xⱼ₊₁ sⱼ₊₁: no division
Tensor cumprod(const Tensor& given, std::int64_t which) {
  return scan_along("cumprod", given, which, [](const Tensor& x, std::size_t axis) {
    const kernels::Extents e = extents_along(x.shape(), axis);
    const Tensor y = compute<Types::numeric>(
        Op::cumprod, x.shape(),
        [&](const auto* from, auto* to) { kernels::cumulative_product(from, e, to); }, x);
    return record(Op::cumprod, y,
                  wrt(x, [axis, x = saved(x), y = saved_result(y)](const Tensor& dy) {
                    const Tensor later = moved(x(), axis, Direction::backward, 0);
                    return moved(y(), axis, Direction::forward, 1) *
                           recur(later, dy, axis, Direction::backward);
                  }));
  });
}

// y = ln Σ eˣ over j ≤ i;  dL/dxⱼ = e^(xⱼ − yⱼ) sⱼ with sⱼ = dL/dyⱼ + e^(yⱼ − yⱼ₊₁) sⱼ₊₁, in which
// no exponent is above 0
Tensor logcumsumexp(const Tensor& given, std::int64_t which) {
  if (given.defined())
    require<DTypeError>(is_floating(given.dtype()), "logcumsumexp: takes floating tensors, got {}",
                        given.dtype());
  return scan_along("logcumsumexp", given, which, [](const Tensor& x, std::size_t axis) {
    if (is_half(x.dtype()))
      return in_float32(
          [&](const Tensor& wide) { return logcumsumexp(wide, static_cast<std::int64_t>(axis)); },
          x);
    const kernels::Extents e = extents_along(x.shape(), axis);
    const Tensor y = compute<Types::floating>(
        Op::logcumsumexp, x.shape(),
        [&](const auto* from, auto* to) { kernels::cumulative_logsumexp(from, e, to); }, x);
    return record(Op::logcumsumexp, y,
                  wrt(x, [axis, x = saved(x), y = saved_result(y)](const Tensor& dy) {
                    constexpr double least = -std::numeric_limits<double>::infinity();
                    const Tensor is_none = y() == least;
                    const Tensor at = where(is_none, 0, y());
                    const auto along = static_cast<std::int64_t>(axis);
                    const Tensor next = cat({slice(at, along, 1), slice(at, along, -1)}, along);
                    const Tensor own = where(x() == least, -1e4, x() - at);
                    const Tensor later = where(is_none, 0, at - next);
                    return exp(own) * recur(exp(later), dy, axis, Direction::backward);
                  }));
  });
}

namespace {

/// y = x at the best place so far;  dL/dx = dL/dy added there
template <class Find>
Ranked best_along(const char* operation, const Tensor& given, std::int64_t which,
                  const Find& find) {
  const detail::Running running(operation, given);
  return ranked_along(operation, given, which, [&](const Tensor& x, std::size_t axis) {
    const kernels::Extents e = extents_along(x.shape(), axis);
    const Tensor at = compute<Types::numeric, std::int64_t>(
        operation, x.shape(), [&](const auto* from, std::int64_t* to) { find(from, e, to); },
        x.dtype() == boolean ? to(x, uint8) : x);
    return chosen(x, axis, at, true);
  });
}

}  // namespace

Ranked cummax(const Tensor& x, std::int64_t axis) {
  return best_along("cummax", x, axis, [](auto... a) { kernels::cumulative_argmax(a...); });
}
Ranked cummin(const Tensor& x, std::int64_t axis) {
  return best_along("cummin", x, axis, [](auto... a) { kernels::cumulative_argmin(a...); });
}

Tensor diff(const Tensor& given, std::int64_t n, std::int64_t which, const Tensor& prepend,
            const Tensor& append) {
  const detail::Running running("diff", given);
  require<ValueError>(n >= 0, "diff: n is {}; it must not be negative", n);
  require<ShapeError>(given.dim() > 0, "diff: a scalar has no axis {}", which);
  const auto axis = static_cast<std::int64_t>(normalize_axis(which, given.shape().size(), "diff"));
  if (n == 0) return given;
  Tensor x = given;
  if (prepend.defined()) x = cat({prepend, x}, axis);
  if (append.defined()) x = cat({x, append}, axis);
  // So many differences leave nothing of the axis.
  for (std::int64_t i = std::min(n, x.size(axis)); i > 0; --i) {
    const Tensor later = slice(x, axis, 1);
    const Tensor earlier = slice(x, axis, 0, std::max<std::int64_t>(x.size(axis) - 1, 0));
    x = x.dtype() == boolean ? later != earlier : later - earlier;
  }
  return x;
}

}  // namespace xgrad
