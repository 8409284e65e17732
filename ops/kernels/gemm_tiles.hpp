#pragma once
#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/gemm.hpp>

#include <algorithm>
#include <cstdint>

namespace xgrad::kernels {

/// This processor's widest register.
#if defined(__AVX512F__)
inline constexpr int register_bytes = 64;
#elif defined(__AVX__)
inline constexpr int register_bytes = 32;
#else
inline constexpr int register_bytes = 16;
#endif

/// Whether a product is so small that the libraries take longer to begin than to multiply.
bool is_small_product(std::int64_t m, std::int64_t n, std::int64_t k) noexcept;

/// gemm() on one thread by this library's own kernel. It adds up 256 terms of the inner axis, one
/// after the other (where c is a row or a column in as many sums as a vector has lanes), then such
/// sums, one after the other, and adds the whole to what c holds.
template <class T>
void multiply_by_tiles(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a,
                       const Matrix<T>& b, T* c, std::int64_t c_step, bool accumulate);

/// A right matrix (k × n), its columns put side by side once for many products: in panels of
/// `width` columns, the last of which may have fewer.
template <class T>
class Panels {
 public:
  static constexpr std::int64_t width = 2 * (register_bytes / sizeof(T));
  static constexpr std::int64_t count(std::int64_t n) noexcept { return (n + width - 1) / width; }

  Panels(std::int64_t k, std::int64_t n, const Matrix<T>& b) : Panels(k, n) { assign(b); }
  /// Room for such a matrix.
  Panels(std::int64_t k, std::int64_t n);
  void assign(const Matrix<T>& b);

  /// c (m × the panel's columns) = a (m × k) · the panel, added to what c holds if `accumulate`. On
  /// one thread. It adds up 256 terms of the inner axis, one after the other, and such sums to c.
  void multiply(std::int64_t panel, std::int64_t m, const Matrix<T>& a, T* c, std::int64_t c_step,
                bool accumulate) const {
    multiply(panel, 0, k_, m, a, c, c_step, accumulate);
  }
  /// The same of all panels that have one of columns [first, first + count); `first`, a multiple of
  /// `width`, becomes c's first column.
  void multiply_columns(std::int64_t first, std::int64_t count, std::int64_t m, const Matrix<T>& a,
                        T* c, std::int64_t c_step, bool accumulate) const;
  /// c (m × n) = a (m × terms) · rows [first, first + terms), likewise.
  void multiply_rows(std::int64_t first, std::int64_t terms, std::int64_t m, const Matrix<T>& a,
                     T* c, std::int64_t c_step, bool accumulate) const;

 private:
  std::int64_t columns(std::int64_t panel) const noexcept {
    return std::min(width, n_ - panel * width);
  }
  void multiply(std::int64_t panel, std::int64_t first, std::int64_t terms, std::int64_t m,
                const Matrix<T>& a, T* c, std::int64_t c_step, bool accumulate) const;

  std::int64_t k_;
  std::int64_t n_;
  Ref<Storage> room_;
};

/// Extents whose multiples it likes best where a product is cut.
constexpr std::int64_t tile_rows = 12, tile_columns = 32;

}  // namespace xgrad::kernels
