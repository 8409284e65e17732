#pragma once
#include <cstdint>

namespace xgrad::kernels {

/// A row-major matrix in memory, `step` elements from row to row, read as its transpose if so.
template <class T>
struct Matrix {
  const T* values;
  std::int64_t step;
  bool transposed = false;

  Matrix from_row(std::int64_t i) const {
    return {values + (transposed ? i : i * step), step, transposed};
  }
  Matrix from_column(std::int64_t j) const {
    return {values + (transposed ? j * step : j), step, transposed};
  }
  /// Its transpose, read where it lies.
  Matrix turned() const { return {values, step, !transposed}; }
};

/// About what such a product takes on one thread.
constexpr double product_nanoseconds(std::int64_t m, std::int64_t n, std::int64_t k) {
  return 0.02 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

/// c (m × n, row-major, `c_step` from row to row) = a (m × k) · b (k × n), added to what c holds if
/// `accumulate`. Inside a parallel part it runs on one thread. float32 goes to oneDNN where that is
/// there, unless the product is small or XGRAD_GEMM=tiles; the rest to gemm_tiles.hpp.
///
/// These get no more than 16384 terms of the inner axis at a time (1024 where c is a row or a
/// column), and what they make of them is joined as accumulate.hpp says: so many roundings at most,
/// and some hundreds with kernels that add up in blocks, as they do.
template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a, const Matrix<T>& b,
          T* c, std::int64_t c_step, bool accumulate = false);

}  // namespace xgrad::kernels
