#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/stream.hpp>
#include <xgrad/autograd/strided.hpp>

#include <algorithm>
#include <array>

namespace xgrad::detail {
namespace {

constexpr double nanoseconds = 0.3;  // an element

/// The loop nest: both sides' strides, axes of one element dropped and adjacent ones merged.
struct Nest {
  Shape shape;
  std::array<std::int64_t, Shape::max_size> strided{};
  std::array<std::int64_t, Shape::max_size> dense{};
};

Nest simplify(const Pattern& pattern) {
  const auto dense = row_major(pattern.shape);
  Nest nest;
  for (std::size_t axis = 0; axis < pattern.shape.size(); ++axis) {
    const std::int64_t extent = pattern.shape[axis];
    if (extent == 1) continue;
    const std::size_t next = nest.shape.size();
    if (next > 0 && nest.strided[next - 1] == pattern.strides[axis] * extent) {
      nest.shape[next - 1] *= extent;
      nest.strided[next - 1] = pattern.strides[axis];
      nest.dense[next - 1] = dense[axis];
    } else {
      nest.shape.push_back(extent);
      nest.strided[next] = pattern.strides[axis];
      nest.dense[next] = dense[axis];
    }
  }
  // At least a matrix, so that there are rows and columns to copy.
  while (nest.shape.size() < 2) {
    nest.shape.insert(0, 1);
    std::copy_backward(nest.strided.begin(), nest.strided.end() - 1, nest.strided.end());
    std::copy_backward(nest.dense.begin(), nest.dense.end() - 1, nest.dense.end());
  }
  return nest;
}

// A transposed copy reads or writes with a large stride. Square tiles let each cache line that is
// fetched be used up before it goes; a tile passes through a buffer of its own, because lines that
// lie a power of two apart push each other out of the cache.
constexpr std::int64_t tile = 16;
constexpr std::int64_t page_tile = 64;

/// A full tile of a matrix whose strided side steps by one from row to row. Streamed, the dense
/// side is written past the caches.
template <class T, bool Into>
void transpose_tile(T* dense, std::int64_t dense_row, T* strided, std::int64_t column_step,
                    bool streamed) {
  alignas(64) T buffer[tile][tile];  // by columns, as the strided side has them
  if constexpr (Into) {
    for (std::int64_t r = 0; r < tile; ++r)
      for (std::int64_t c = 0; c < tile; ++c) buffer[c][r] = dense[r * dense_row + c];
    for (std::int64_t c = 0; c < tile; ++c) std::copy_n(buffer[c], tile, strided + c * column_step);
  } else {
    for (std::int64_t c = 0; c < tile; ++c) std::copy_n(strided + c * column_step, tile, buffer[c]);
    for (std::int64_t r = 0; r < tile; ++r) {
      alignas(64) T row[tile];
      for (std::int64_t c = 0; c < tile; ++c) row[c] = buffer[c][r];
      if (streamed) {
        stream(dense + r * dense_row, row, sizeof row);
      } else {
        std::copy_n(row, tile, dense + r * dense_row);
      }
    }
  }
}

/// Whether a copy out of a transposed matrix of this size is streamed: lines would otherwise be
/// read before they are written, and a power of two apart they push each other out before they are
/// full.
template <class T, bool Into>
bool is_streamed(const T* dense, std::int64_t dense_row, std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t most = std::int64_t{4} << 20;  // bytes: the size of the larger caches
  const auto size = static_cast<std::int64_t>(sizeof(T));
  return !Into && tile * size % 64 == 0 && rows * columns * size >= most &&
         dense_row * size % 64 == 0 && reinterpret_cast<std::uintptr_t>(dense) % 64 == 0;
}

/// One matrix of the nest: rows × columns, the columns being the dense side's fastest axis.
template <class T, bool Into>
void copy_matrix(T* dense, std::int64_t dense_row, T* strided, std::int64_t row_step,
                 std::int64_t column_step, std::int64_t rows, std::int64_t columns) {
  const auto move = [&](std::int64_t r, std::int64_t c) {
    T& d = dense[r * dense_row + c];
    T& s = strided[r * row_step + c * column_step];
    if constexpr (Into) {
      s = d;
    } else {
      d = s;
    }
  };
  if (column_step == 1) {
    for (std::int64_t r = 0; r < rows; ++r) {
      if constexpr (Into) {
        std::copy_n(dense + r * dense_row, columns, strided + r * row_step);
      } else {
        std::copy_n(strided + r * row_step, columns, dense + r * dense_row);
      }
    }
    return;
  }
  const bool streamed = is_streamed<T, Into>(dense, dense_row, rows, columns);
  const auto copy_tile = [&](std::int64_t r0, std::int64_t c0) {
    if (row_step == 1 && r0 + tile <= rows && c0 + tile <= columns) {
      transpose_tile<T, Into>(dense + r0 * dense_row + c0, dense_row,
                              strided + r0 + c0 * column_step, column_step, streamed);
      return;
    }
    for (std::int64_t r = r0; r < std::min(rows, r0 + tile); ++r)
      for (std::int64_t c = c0; c < std::min(columns, c0 + tile); ++c) move(r, c);
  };
  // Tiles of tiles, so that the pages in use at a time are few.
  for (std::int64_t rs = 0; rs < rows; rs += page_tile)
    for (std::int64_t cs = 0; cs < columns; cs += page_tile)
      for (std::int64_t r0 = rs; r0 < std::min(rows, rs + page_tile); r0 += tile)
        for (std::int64_t c0 = cs; c0 < std::min(columns, cs + page_tile); c0 += tile)
          copy_tile(r0, c0);
  if (streamed) end_stream();
}

/// The outer axis that steps by one on the strided side, else the last but one: together with the
/// last axis it forms the matrices.
std::size_t row_axis(const Nest& nest) {
  const std::size_t last = nest.shape.size() - 1;
  for (std::size_t i = 0; i < last; ++i)
    if (nest.strided[i] == 1 && nest.strided[last] != 1) return i;
  return last - 1;
}

template <class T, bool Into>
void copy(const Pattern& pattern, T* dense, T* strided) {
  if (pattern.shape.numel() == 0) return;
  Nest nest = simplify(pattern);
  strided += pattern.offset;
  const std::size_t last = nest.shape.size() - 1;
  const std::size_t row = row_axis(nest);
  const std::int64_t rows = nest.shape[row];
  const std::int64_t columns = nest.shape[last];
  const auto matrix = [&](std::int64_t d, std::int64_t s, std::int64_t first, std::int64_t count) {
    copy_matrix<T, Into>(dense + d + first * nest.dense[row], nest.dense[row],
                         strided + s + first * nest.strided[row], nest.strided[row],
                         nest.strided[last], count, columns);
  };
  std::int64_t matrices = 1;
  for (std::size_t i = 0; i < last; ++i)
    if (i != row) matrices *= nest.shape[i];
  if (matrices == 1) {
    parallel_for(rows, grain_of(nanoseconds * static_cast<double>(columns)),
                 [&](std::int64_t begin, std::int64_t end) { matrix(0, 0, begin, end - begin); });
    return;
  }
  const std::int64_t grain = grain_of(nanoseconds * static_cast<double>(rows * columns));
  parallel_for(matrices, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t m = begin; m < end; ++m) {
      std::int64_t rest = m;
      std::int64_t d = 0;
      std::int64_t s = 0;
      for (std::size_t i = last; i-- > 0;) {
        if (i == row) continue;
        d += rest % nest.shape[i] * nest.dense[i];
        s += rest % nest.shape[i] * nest.strided[i];
        rest /= nest.shape[i];
      }
      matrix(d, s, 0, rows);
    }
  });
}

/// f(a value of an unsigned type of `item` bytes)
template <class F>
void visit_item(std::size_t item, const F& f) {
  switch (item) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

template <bool Into>
void copy_items(const Pattern& pattern, std::size_t item, void* dense, void* strided) {
  visit_item(item, [&]<class T>(T) {
    copy<T, Into>(pattern, static_cast<T*>(dense), static_cast<T*>(strided));
  });
}

}  // namespace

bool is_row_major(const Shape& shape, const Strides& strides) noexcept {
  std::int64_t step = 1;
  bool in_order = true;
  for (std::size_t i = shape.size(); i-- > 0; step *= shape[i]) {
    if (shape[i] == 0) return true;
    in_order = in_order && (shape[i] == 1 || strides[i] == step);
  }
  return in_order;
}

bool has_repetitions(const Shape& shape, const Strides& strides) noexcept {
  bool repeats = false;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return false;
    repeats = repeats || (shape[i] > 1 && strides[i] == 0);
  }
  return repeats;
}

void copy_from(const Pattern& pattern, std::size_t item, const void* strided, void* dense) {
  copy_items<false>(pattern, item, dense, const_cast<void*>(strided));
}

void copy_into(const Pattern& pattern, std::size_t item, const void* dense, void* strided) {
  copy_items<true>(pattern, item, const_cast<void*>(dense), strided);
}

void fill(const Pattern& pattern, std::size_t item, const void* value, void* strided) {
  if (pattern.shape.numel() == 0) return;
  const Nest nest = simplify(pattern);
  const std::size_t last = nest.shape.size() - 1;
  const std::int64_t columns = nest.shape[last];
  const std::int64_t step = nest.strided[last];
  visit_item(item, [&]<class T>(T) {
    T* const start = static_cast<T*>(strided) + pattern.offset;
    const T one = *static_cast<const T*>(value);
    const std::int64_t rows = nest.shape.numel() / columns;
    parallel_for(rows, grain_of(nanoseconds * static_cast<double>(columns)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t row = begin; row < end; ++row) {
                     T* to = start;
                     std::int64_t rest = row;
                     for (std::size_t i = last; i-- > 0; rest /= nest.shape[i])
                       to += rest % nest.shape[i] * nest.strided[i];
                     for (std::int64_t j = 0; j < columns; ++j) to[j * step] = one;
                   }
                 });
  });
}

}  // namespace xgrad::detail
