#include <xgrad/ops/kernels/broadcast.hpp>
#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/kernels/parallel.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace xgrad::kernels::detail {
namespace {

const void* at(const Source& source, std::int64_t element) {
  return static_cast<const std::byte*>(source.values) +
         element * static_cast<std::int64_t>(source.item);
}

void* at(const Target& target, std::int64_t element) {
  return static_cast<std::byte*>(target.values) + element * static_cast<std::int64_t>(target.item);
}

/// Calls f(first, n, where each source's values start) for rows, or parts of the only one, of n
/// values from `first` on.
template <std::size_t Sources, class F>
void for_rows_of(const BroadcastPlan<Sources>& plan, const F& f) {
  using Starts = std::array<std::int64_t, Sources>;
  const std::int64_t n = plan.inner();
  if (plan.rows() == 1) {
    parallel_for(n, worthwhile, [&](std::int64_t begin, std::int64_t end) {
      Starts starts{};
      for (std::size_t k = 0; k < Sources; ++k) starts[k] = plan.fixed(k) ? 0 : begin;
      f(begin, end - begin, starts);
    });
    return;
  }
  const std::int64_t grain = worthwhile / std::max<std::int64_t>(n, 1) + 1;
  parallel_for(plan.rows(), grain, [&](std::int64_t begin, std::int64_t end) {
    plan.for_rows(begin, end,
                  [&](std::int64_t row, const Starts& starts) { f(row * n, n, starts); });
  });
}

}  // namespace

void for_rows(const Target& out, const Source& a, const Source& b, RowOf2 row, const void* f) {
  const BroadcastPlan<2> plan(out.shape, {&a.shape, &b.shape});
  const bool many = plan.inner() > 1;
  for_rows_of(plan, [&](std::int64_t first, std::int64_t n, const auto& starts) {
    row(f, n, at(out, first), at(a, starts[0]), many && plan.fixed(0), at(b, starts[1]),
        many && plan.fixed(1));
  });
}

void for_rows(const Target& out, const Source& a, const Source& b, const Source& c, RowOf3 row,
              const void* f) {
  const BroadcastPlan<3> plan(out.shape, {&a.shape, &b.shape, &c.shape});
  const bool many = plan.inner() > 1;
  for_rows_of(plan, [&](std::int64_t first, std::int64_t n, const auto& starts) {
    row(f, n, at(out, first), at(a, starts[0]), many && plan.fixed(0), at(b, starts[1]),
        many && plan.fixed(1), at(c, starts[2]), many && plan.fixed(2));
  });
}

}  // namespace xgrad::kernels::detail
