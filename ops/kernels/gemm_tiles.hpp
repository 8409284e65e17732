#pragma once
#include <xgrad/ops/kernels/gemm.hpp>

#include <cstdint>

namespace xgrad::kernels {

/// Whether a product is so small that the libraries take longer to begin than to multiply.
bool is_small_product(std::int64_t m, std::int64_t n, std::int64_t k) noexcept;

/// gemm() on one thread by this library's own kernel. It adds up 256 terms of the inner axis, one
/// after the other (where c is a row or a column in as many sums as a vector has lanes), then such
/// sums, one after the other, and adds the whole to what c holds.
template <class T>
void multiply_by_tiles(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a,
                       const Matrix<T>& b, T* c, std::int64_t c_step, bool accumulate);

/// Extents whose multiples it likes best where a product is cut.
constexpr std::int64_t tile_rows = 12, tile_columns = 32;

}  // namespace xgrad::kernels
