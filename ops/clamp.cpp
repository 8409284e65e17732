// Bounds that are tensors.

#include <xgrad/ops/create.hpp>
#include <xgrad/ops/math.hpp>
#include <xgrad/ops/operands.hpp>

#include <limits>

namespace xgrad {

using kernels::Formula;

namespace {

/// What no value is beyond on that side.
Tensor no_bound(DType dtype, bool above) {
  return dispatch(dtype, [&]<class T>() {
    const Tensor bound = Tensor::empty({}, dtype);
    if constexpr (std::numeric_limits<T>::is_integer) {
      using Limits = std::numeric_limits<T>;
      return bound.fill_(above ? Limits::max() : Limits::lowest());
    } else {
      constexpr double infinity = std::numeric_limits<double>::infinity();
      return bound.fill_(above ? infinity : -infinity);
    }
  });
}

}  // namespace

// y = min(max(x, lo), hi);  dL/dx = dL/dy where lo ≤ x ≤ hi, dL/dlo = dL/dy where x < lo < hi,
// dL/dhi = dL/dy where x > hi or lo > hi, else 0
Tensor detail::clamp_between(const Tensor& x, const Tensor& min, const Tensor& max) {
  const Running running("clamp", x);
  require<ValueError>(min.defined() || max.defined(),
                      "clamp: neither a minimum nor a maximum was given");
  const Tensor least_of_all = min.defined() ? min : no_bound(x.dtype(), false);
  const auto [first, low] = Operands("clamp", x, least_of_all);
  // Of the dtype that x and the minimum meet in: the minimum may be more than x's dtype holds.
  const Tensor most_of_all = max.defined() ? max : no_bound(first.dtype(), true);
  const auto [both, high] = Operands("clamp", first, most_of_all);
  const Tensor& v = both;
  const Tensor& hi = high;
  const Tensor lo = to(low, v.dtype());

  const auto held = [](auto value, auto least, auto most) {
    const auto above = value < least || least != least ? least : value;
    const auto inside = above > most || most != most ? most : above;
    return value != value ? value : least != least ? least : inside;
  };
  const auto part = [&](const Tensor& side, auto goes) {
    return elementwise_to(
        side, [v = saved(v), lo = saved(lo), hi = saved(hi), goes](const Tensor& dy) {
          return where(map<Types::numeric, bool>(Op::clamp, Formula{goes}, v(), lo(), hi()), dy, 0);
        });
  };
  const bool two = max.defined();  // an infinite minimum is below no maximum where there is none
  return record(
      Op::clamp, map<Types::numeric>(Op::clamp, Formula{held}, v, lo, hi),
      wrt(v, part(v, [](auto value, auto least,
                        auto most) { return least <= value && value <= most; })),
      wrt(lo, part(lo, [two](auto value, auto least,
                             auto most) { return value < least && (least < most || !two); })),
      wrt(hi, part(hi, [](auto value, auto least, auto most) {
            return value > most || least > most;
          })));
}

Tensor clamp_min(const Tensor& x, const Operand& min) {
  const detail::Running running("clamp_min", x);
  if (min.is_undefined()) detail::throw_undefined_argument("clamp_min", 2);
  return min.is_tensor() ? clamp(x, min.tensor()) : clamp(x, min.scalar());
}

Tensor clamp_max(const Tensor& x, const Operand& max) {
  const detail::Running running("clamp_max", x);
  if (max.is_undefined()) detail::throw_undefined_argument("clamp_max", 2);
  return max.is_tensor() ? clamp(x, Tensor(), max.tensor()) : clamp(x, {}, max.scalar());
}

}  // namespace xgrad
