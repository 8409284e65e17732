#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/strided.hpp>

#include <algorithm>
#include <type_traits>

namespace xgrad::kernels {
namespace {

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

// A transposed copy reads or writes with a large stride; square tiles let each cache line that is
// fetched be used up before it goes.
constexpr std::int64_t tile = 16;

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
  for (std::int64_t r0 = 0; r0 < rows; r0 += tile)
    for (std::int64_t c0 = 0; c0 < columns; c0 += tile)
      for (std::int64_t r = r0; r < std::min(rows, r0 + tile); ++r)
        for (std::int64_t c = c0; c < std::min(columns, c0 + tile); ++c) move(r, c);
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
    parallel_for(rows, worthwhile / columns + 1,
                 [&](std::int64_t begin, std::int64_t end) { matrix(0, 0, begin, end - begin); });
    return;
  }
  const std::int64_t grain = worthwhile / (rows * columns) + 1;
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

template <bool Into>
void copy_items(const Pattern& pattern, std::size_t item, void* dense, void* strided) {
  switch (item) {
    case 1:
      return copy<std::uint8_t, Into>(pattern, static_cast<std::uint8_t*>(dense),
                                      static_cast<std::uint8_t*>(strided));
    case 4:
      return copy<std::uint32_t, Into>(pattern, static_cast<std::uint32_t*>(dense),
                                       static_cast<std::uint32_t*>(strided));
    default:
      return copy<std::uint64_t, Into>(pattern, static_cast<std::uint64_t*>(dense),
                                       static_cast<std::uint64_t*>(strided));
  }
}

}  // namespace

std::array<std::int64_t, Shape::max_size> row_major(const Shape& shape) {
  std::array<std::int64_t, Shape::max_size> strides{};
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0; step *= shape[i]) strides[i] = step;
  return strides;
}

void copy_from(const Pattern& pattern, std::size_t item, const void* strided, void* dense) {
  copy_items<false>(pattern, item, dense, const_cast<void*>(strided));
}

void copy_into(const Pattern& pattern, std::size_t item, const void* dense, void* strided) {
  copy_items<true>(pattern, item, const_cast<void*>(dense), strided);
}

}  // namespace xgrad::kernels
