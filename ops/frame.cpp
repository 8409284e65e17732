#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/kernels/loops.hpp>

#include <algorithm>
#include <optional>

namespace xgrad {

Tensor changeable(const Tensor& x) {
  const bool taken = takes_memory(x) && x.is_contiguous() && layout_of(x) == Layout::plain;
  return taken ? x.detach() : detail::converted(x, x.dtype());
}

namespace detail {

Tensor converted(const Tensor& x, DType dtype) {
  Tensor y = Tensor::empty(x.shape(), dtype);
  copy_values(x, y);
  return y;
}

namespace {

/// Rows of this many values are worth a call each to an Expression.
constexpr std::int64_t long_row = 64;

/// Whether tensors of one shape are images of which some lie in blocks, and all can.
bool meet_in_blocks(std::span<const Tensor* const> x) {
  const auto can = [](const Tensor* other) { return other->dtype() == float32; };
  const auto does = [](const Tensor* other) {
    return other->storage()->is_blocked() && layout_of(*other) == Layout::blocked;
  };
  return std::ranges::any_of(x, does) && std::ranges::all_of(x, can);
}

/// The last axis of more than one element; none where there is but one value.
std::optional<std::size_t> row_axis(const Shape& shape) {
  for (std::size_t i = shape.size(); i-- > 0;)
    if (shape[i] > 1) return i;
  return {};
}

}  // namespace

Elementwise::Elementwise(const char* operation, std::span<const Tensor* const> x, DType dtype,
                         const Options& options) {
  // Of those that are more than one value each, or all are.
  const Tensor* like = x.front();
  for (const Tensor* other : x.subspan(1))
    if (other->numel() != 1 || other->dim() > like->dim()) like = other;
  bool alike = true;
  bool together = true;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const bool same = x[i]->shape() == like->shape();
    fixed[i] = !same && x[i]->numel() == 1 && x[i]->dim() <= like->dim() && !options.whole_rows;
    alike = alike && (fixed[i] || same);
    together = together && (fixed[i] || (same && x[i]->is_contiguous()));
  }
  const bool blocked = dtype == float32 && alike && meet_in_blocks(x);
  if (together || blocked)
    as_they_lie(x, *like, dtype, blocked ? Layout::blocked : Layout::plain, options.takes_first);
  else
    by_strides(operation, x, dtype, options.whole_rows);
}

void Elementwise::as_they_lie(std::span<const Tensor* const> x, const Tensor& like, DType dtype,
                              Layout layout, bool takes_first) {
  const Tensor& first = *x.front();
  const bool taken = takes_first && !fixed[0] && dtype == first.dtype() &&
                     layout_of(first) == layout && takes_memory(first);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (layout == Layout::blocked && !fixed[i]) copies_[i] = arranged(*x[i], layout);
    from[i] = copies_[i].defined() ? own_data<std::byte>(copies_[i]) : x[i]->impl()->data();
  }
  y = taken ? first.detach() : empty(like.shape(), dtype, layout);
  to = taken ? change_own_data<std::byte>(y) : own_data<std::byte>(y);
}

void Elementwise::by_strides(const char* operation, std::span<const Tensor* const> x, DType dtype,
                             bool whole_rows) {
  Shape shape = x.front()->shape();
  for (const Tensor* other : x.subspan(1)) shape = broadcast(shape, other->shape(), operation);
  y = Tensor::empty(shape, dtype);
  to = own_data<std::byte>(y);
  loops.emplace().shape = shape;
  auto& strides = loops->strides;
  const auto lay = [&](std::size_t i, const Tensor& values) {
    from[i] = values.impl()->data();
    strides[i] = kernels::broadcast_strides(shape, values.shape(), values.strides());
  };
  const auto copy = [&](std::size_t i, const Tensor& values) {
    copies_[i] = in_rows(values);
    lay(i, copies_[i]);
  };
  const auto axis = row_axis(shape);
  for (std::size_t i = 0; i < x.size(); ++i) {
    lay(i, *x[i]);
    const std::int64_t step = axis ? strides[i][*axis] : 1;
    if (step != 1 && step != 0) copy(i, *x[i]);
  }
  if (!whole_rows) return;
  const kernels::LoopNest nest(shape, std::span(strides).first(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (nest.step(i) != 0 && (nest.rows() == 1 || nest.inner() >= long_row)) continue;
    const Tensor& values = copies_[i].defined() ? copies_[i] : *x[i];
    copy(i, values.alias(shape, strides[i]));
  }
}

}  // namespace detail
}  // namespace xgrad
