#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/kernels/loops.hpp>

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

}  // namespace

void for_row(std::int64_t n, const bool* fixed, const Target& out, std::span<const Source> in,
             Row row, const void* f, double nanoseconds) {
  parallel_for(n, grain_of(nanoseconds), [=](std::int64_t begin, std::int64_t end) {
    std::array<const void*, LoopNest::most_operands> from;
    for (std::size_t k = 0; k < in.size(); ++k) from[k] = at(in[k], fixed[k] ? 0 : begin);
    row(f, end - begin, at(out, begin), from.data(), fixed);
  });
}

void for_rows(const Loops& loops, const Target& out, std::span<const Source> in, Row row,
              const void* f, double nanoseconds) {
  const LoopNest nest(loops.shape, std::span(loops.strides).first(in.size()));
  std::array<bool, LoopNest::most_operands> fixed{};
  for (std::size_t k = 0; k < in.size(); ++k) fixed[k] = nest.inner() > 1 && nest.step(k) == 0;
  const std::int64_t n = nest.inner();
  if (nest.rows() == 1) return for_row(n, fixed.data(), out, in, row, f, nanoseconds);
  constexpr double each = 3;  // row
  parallel_for(nest.rows(), grain_of(each + nanoseconds * static_cast<double>(n)),
               [&](std::int64_t begin, std::int64_t end) {
                 nest.for_rows(begin, end, [&](std::int64_t i, const LoopNest::Offsets& starts) {
                   std::array<const void*, LoopNest::most_operands> from;
                   for (std::size_t k = 0; k < in.size(); ++k) from[k] = at(in[k], starts[k]);
                   row(f, n, at(out, i * n), from.data(), fixed.data());
                 });
               });
}

}  // namespace xgrad::kernels::detail
