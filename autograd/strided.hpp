#pragma once
// Internal: copies between contiguous memory and a strided pattern, which is all that reading and
// writing views, flipping and padding come to.

#include <xgrad/autograd/shape.hpp>

#include <cstddef>
#include <cstdint>

namespace xgrad::detail {

/// Element (i, j, …) of the pattern lies `offset + i·strides[0] + j·strides[1] + …` elements into
/// the strided side. Strides may be 0 or negative.
struct Pattern {
  Shape shape;
  Strides strides;
  std::int64_t offset = 0;
};

/// Whether the pattern is one run of memory, in row-major order.
bool is_row_major(const Shape& shape, const Strides& strides) noexcept;

/// Whether two elements may lie in one place: an axis of stride 0 has several.
bool has_repetitions(const Shape& shape, const Strides& strides) noexcept;

/// dense ← strided, elements of `item` bytes (1, 2, 4 or 8).
void copy_from(const Pattern& pattern, std::size_t item, const void* strided, void* dense);
/// strided ← dense. No two elements of the pattern may coincide.
void copy_into(const Pattern& pattern, std::size_t item, const void* dense, void* strided);
/// strided ← one value
void fill(const Pattern& pattern, std::size_t item, const void* value, void* strided);

}  // namespace xgrad::detail
