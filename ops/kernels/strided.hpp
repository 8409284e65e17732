#pragma once
// Internal: copies between contiguous memory and a strided pattern, which is all that permuting,
// slicing, flipping, expanding and padding come to.

#include <xgrad/autograd/shape.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace xgrad::kernels {

/// Element (i, j, …) of the pattern lies `offset + i·strides[0] + j·strides[1] + …` elements into
/// the strided side. Strides may be 0 or negative.
struct Pattern {
  Shape shape;
  std::array<std::int64_t, Shape::max_size> strides{};
  std::int64_t offset = 0;
};

/// The row-major strides of `shape`.
std::array<std::int64_t, Shape::max_size> row_major(const Shape& shape);

/// dense ← strided, elements of `item` bytes (1, 4 or 8).
void copy_from(const Pattern& pattern, std::size_t item, const void* strided, void* dense);
/// strided ← dense. No two elements of the pattern may coincide.
void copy_into(const Pattern& pattern, std::size_t item, const void* dense, void* strided);

}  // namespace xgrad::kernels
