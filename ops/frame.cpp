#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/kernels/loops.hpp>

#include <algorithm>
#include <optional>

namespace xgrad::detail {

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
  const auto does = [](const Tensor* other) { return layout_of(*other) == Layout::blocked; };
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
  const auto is_like_first = [&](const Tensor* other) {
    return other->shape() == x.front()->shape();
  };
  const auto is_together = [](const Tensor* other) { return other->is_contiguous(); };
  if (std::ranges::all_of(x, is_like_first) &&
      (std::ranges::all_of(x, is_together) || meet_in_blocks(x)))
    as_they_lie(x, dtype, options.takes_first);
  else
    by_strides(operation, x, dtype, options.whole_rows);
}

void Elementwise::as_they_lie(std::span<const Tensor* const> x, DType dtype, bool takes_first) {
  const Tensor& first = *x.front();
  const bool blocked = dtype == float32 && meet_in_blocks(x);
  const Layout layout = blocked ? Layout::blocked : Layout::plain;
  const bool taken =
      takes_first && dtype == first.dtype() && layout_of(first) == layout && takes_memory(first);
  loops.shape = {first.numel()};
  for (std::size_t i = 0; i < x.size(); ++i) {
    in[i] = arranged(*x[i], layout);
    from[i] = own_data<std::byte>(in[i]);
    loops.strides[i] = {1};
  }
  y = taken ? first.detach() : empty(first.shape(), dtype, layout);
  to = taken ? change_own_data<std::byte>(y) : own_data<std::byte>(y);
}

void Elementwise::by_strides(const char* operation, std::span<const Tensor* const> x, DType dtype,
                             bool whole_rows) {
  Shape shape = x.front()->shape();
  for (const Tensor* other : x.subspan(1)) shape = broadcast(shape, other->shape(), operation);
  y = Tensor::empty(shape, dtype);
  to = own_data<std::byte>(y);
  loops.shape = shape;
  const auto lay = [&](std::size_t i, const Tensor& values) {
    in[i] = values;
    from[i] = values.impl()->data();
    loops.strides[i] = kernels::broadcast_strides(shape, values.shape(), values.strides());
  };
  const auto axis = row_axis(shape);
  for (std::size_t i = 0; i < x.size(); ++i) {
    lay(i, *x[i]);
    const std::int64_t step = axis ? loops.strides[i][*axis] : 1;
    if (step != 1 && step != 0) lay(i, in_rows(in[i]));
  }
  if (!whole_rows) return;
  const kernels::LoopNest nest(shape, std::span(loops.strides).first(x.size()));
  for (std::size_t i = 0; i < x.size(); ++i)
    if (nest.step(i) == 0 || (nest.rows() > 1 && nest.inner() < long_row))
      lay(i, in_rows(in[i].alias(shape, loops.strides[i])));
}

}  // namespace xgrad::detail
