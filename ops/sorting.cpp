#include <xgrad/ops/along.hpp>
#include <xgrad/ops/arrange.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/index.hpp>
#include <xgrad/ops/kernels/sort.hpp>
#include <xgrad/ops/shape.hpp>
#include <xgrad/ops/sorting.hpp>

#include <utility>

namespace xgrad {
namespace {

/// A call of these: its axis is made the last one, and `length` of each row are kept.
struct Ranking {
  const char* operation;
  std::int64_t axis;
  bool descending;

  /// kernel(rows, result) on the rows of x; not recorded.
  template <class Kernel>
  Ranked of(const Tensor& x, std::int64_t length, bool wants_values, const Kernel& kernel) const {
    const NoGradGuard guard;
    const Tensor rows = in_rows(movedim(x.detach(), axis, -1));
    Shape shape = rows.shape();
    const std::int64_t extent = shape.back();
    shape.back() = length;
    Tensor values = wants_values ? Tensor::empty(shape, x.dtype()) : Tensor();
    Tensor indices = Tensor::empty(shape, int64);
    if (indices.numel() > 0) {
      const profiler::Scope scope(operation, [&] { return profiler::work_on({&x, &indices}); });
      kernel(kernels::SortRows{x.dtype(), rows.impl()->data(), indices.numel() / length, extent,
                               descending},
             kernels::SortResult{wants_values ? own_data<std::byte>(values) : nullptr,
                                 own_data<std::int64_t>(indices)});
    }
    const auto back = [&](const Tensor& y) { return in_rows(movedim(y, -1, axis)); };
    return {wants_values ? back(values) : Tensor(), back(indices)};
  }
};

/// y = x at i along an axis, no element twice;  dL/dx = dL/dy at i, 0 elsewhere
Ranked recorded(Op op, const Tensor& x, std::int64_t axis, Ranked y) {
  y.values =
      record(op, y.values,
             wrt(x, linear_in(
                        [axis, index = saved(y.indices), shape = x.shape()](const Tensor& dy) {
                          return scatter(zeros(shape, {.dtype = dy.dtype()}), axis, index(), dy);
                        },
                        [axis, index = saved(y.indices)](const Tensor& v) {
                          return gather(v, axis, index());
                        })));
  return y;
}

/// f(x, axis), as ranked_along() calls it, the axis as operations take it.
template <class F>
Ranked along_signed(const char* operation, const Tensor& given, std::int64_t which, const F& f) {
  return ranked_along(operation, given, which, [&](const Tensor& x, std::size_t axis) {
    return f(x, static_cast<std::int64_t>(axis));
  });
}

}  // namespace

Ranked sort(const Tensor& given, std::int64_t which, bool descending) {
  const detail::Running running("sort", given);
  return along_signed("sort", given, which, [&](const Tensor& x, std::int64_t axis) {
    return recorded(
        Op::sort, x, axis,
        Ranking{"sort", axis, descending}.of(x, x.size(axis), true, kernels::sort_rows));
  });
}

Tensor argsort(const Tensor& given, std::int64_t which, bool descending) {
  const detail::Running running("argsort", given);
  return along_signed("argsort", given, which,
                      [&](const Tensor& x, std::int64_t axis) {
                        return Ranking{"argsort", axis, descending}.of(x, x.size(axis), false,
                                                                       kernels::sort_rows);
                      })
      .indices;
}

Ranked topk(const Tensor& given, std::int64_t k, std::int64_t which, bool largest, bool sorted) {
  const detail::Running running("topk", given);
  return along_signed("topk", given, which, [&](const Tensor& x, std::int64_t axis) {
    require<ValueError>(k >= 0 && k <= x.size(axis),
                        "topk: {} elements of axis {}, which has {} (shape {})", k, which,
                        x.size(axis), x.shape());
    const auto kernel = [&](const auto& rows, const auto& result) {
      kernels::first_of_rows(rows, k, sorted, result);
    };
    return recorded(Op::topk, x, axis, Ranking{"topk", axis, largest}.of(x, k, true, kernel));
  });
}

Ranked kthvalue(const Tensor& given, std::int64_t k, std::int64_t which, bool keepdim) {
  const detail::Running running("kthvalue", given);
  return along_signed("kthvalue", given, which, [&](const Tensor& x, std::int64_t axis) {
    require<ValueError>(k >= 1 && k <= x.size(axis),
                        "kthvalue: element {} of axis {}, which has {} (shape {}); the first is 1",
                        k, which, x.size(axis), x.shape());
    const auto kernel = [&](const auto& rows, const auto& result) {
      kernels::nth_of_rows(rows, k - 1, result);
    };
    Ranked y =
        recorded(Op::kthvalue, x, axis, Ranking{"kthvalue", axis, false}.of(x, 1, true, kernel));
    if (keepdim) return y;
    return Ranked{squeeze(y.values, axis), squeeze(y.indices, axis)};
  });
}

}  // namespace xgrad
