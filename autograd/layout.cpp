#include <xgrad/autograd/layout.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/autograd/strided.hpp>

#include <utility>

namespace xgrad {
namespace {

ImageExtents extents(const Shape& shape) { return {shape[0], shape[1], shape[2] * shape[3]}; }

using detail::tensor_of;

/// The values of x in memory of their own, in row-major order.
Tensor gathered(const Tensor& x) {
  Tensor rows = Tensor::empty(x.shape(), x.dtype());
  const profiler::Scope scope("rearranging copy", [&] { return profiler::work_on({&x, &rows}); });
  detail::copy_from({x.shape(), x.strides()}, item_size(x.dtype()), x.impl()->data(),
                    rows.storage()->own());
  return rows;
}

}  // namespace

bool blockable(const Shape& shape, DType dtype) {
  return dtype == float32 && shape.size() == 4 && shape[1] % channel_block() == 0 &&
         shape.numel() > 0;
}

Layout layout_of(const Tensor& x) {
  const Storage& storage = *x.storage();
  if (!storage.is_blocked()) return Layout::plain;
  const bool whole = x.is_contiguous() && x.impl()->offset == 0 &&
                     blockable(x.shape(), x.dtype()) && extents(x.shape()) == storage.images();
  return whole ? Layout::blocked : Layout::plain;
}

Layout common_layout(const Tensor& a, const Tensor& b) {
  const bool blocked = layout_of(a) == Layout::blocked || layout_of(b) == Layout::blocked;
  return blocked ? Layout::blocked : Layout::plain;
}

bool lie_alike(const Tensor& a, const Tensor& b) {
  if (!a.is_contiguous() || !b.is_contiguous()) return false;
  if (!a.storage()->is_blocked() && !b.storage()->is_blocked()) return true;
  return layout_of(a) == Layout::blocked && layout_of(b) == Layout::blocked;
}

Tensor empty(const Shape& shape, DType dtype, Layout layout) {
  if (layout == Layout::plain) return Tensor::empty(shape, dtype);
  bytes_of(shape, dtype);  // tells what cannot be
  return tensor_of(Storage::allocate_blocked(extents(shape)), 0, shape, dtype);
}

Tensor arranged(const Tensor& x, Layout layout) {
  if (layout == Layout::plain) {
    if (!x.is_contiguous()) return gathered(x);
    if (!x.storage()->is_blocked()) return x;
    return tensor_of(x.storage()->row_major(), x.impl()->offset, x.shape(), x.dtype());
  }
  if (layout_of(x) == Layout::blocked) return x;
  const auto bytes = static_cast<std::size_t>(x.numel()) * sizeof(float);
  Tensor whole = x;
  // A part of a storage has no blocks that could be kept with it, nor has another order of it.
  if (!x.is_contiguous() || x.impl()->offset != 0 || x.storage()->byte_count() != bytes)
    whole = gathered(x);
  return tensor_of(whole.storage()->in_blocks(extents(x.shape())), 0, x.shape(), x.dtype());
}

Tensor detail::in_rows(const Tensor& x) { return arranged(x, Layout::plain); }

}  // namespace xgrad
