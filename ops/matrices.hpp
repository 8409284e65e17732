#pragma once
// Internal: what linear algebra shares. Matrices are the last two axes of a tensor.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/room.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <cstdint>
#include <string>

namespace xgrad::matrices {

inline Tensor turned(const Tensor& x) { return transpose(x, -2, -1); }

/// The axes before the last `count`.
inline Shape batch_of(const Tensor& x, std::size_t count = 2) {
  Shape batch = x.shape();
  for (std::size_t i = 0; i < count; ++i) batch.erase(batch.size() - 1);
  return batch;
}
inline Shape with(Shape batch, std::initializer_list<std::int64_t> extents) {
  for (const std::int64_t extent : extents) batch.push_back(extent);
  return batch;
}

inline void require_matrix(const char* operation, const Tensor& x) {
  require<ShapeError>(x.dim() >= 2, "{}: shape {}; the last two axes must be those of a matrix",
                      operation, x.shape());
  require<DTypeError>(x.dtype() == float32 || x.dtype() == float64,
                      "{}: takes float32 and float64, got {}; convert with x.to(xgrad::float32)",
                      operation, x.dtype());
  // LAPACK counts in 32 bits, up to four times the square of this.
  constexpr std::int64_t most = 20000;
  require<ValueError>(x.numel() == 0 || (x.size(-1) <= most && x.size(-2) <= most),
                      "{}: a matrix of {} by {}; at most {} are possible", operation, x.size(-2),
                      x.size(-1), most);
}
inline void require_square(const char* operation, const Tensor& x) {
  require_matrix(operation, x);
  require<ShapeError>(x.size(-1) == x.size(-2), "{}: shape {}; the matrix must be square",
                      operation, x.shape());
}
inline void require_alike(const char* operation, const Tensor& a, const Tensor& b) {
  require<DTypeError>(a.dtype() == b.dtype(), "{}: operands are {} and {}; convert one with x.to()",
                      operation, a.dtype(), b.dtype());
}

/// How a message calls a matrix.
inline std::string named(const Shape& batch, std::int64_t i) {
  return batch.empty() ? "the matrix"
                       : "matrix " + std::to_string(i) + " of the batch " + to_string(batch);
}

/// f(i) for each matrix of a batch, several at once, each on one thread; `work` is about how many
/// multiplications one takes.
template <class F>
void for_each(const char* operation, const Shape& batch, double work, const F& f) {
  const std::int64_t count = batch.numel();
  if (count == 0) return;
  const std::int64_t grain = kernels::grain_of(1000 + 0.3 * work);
  const std::size_t room =
      static_cast<std::size_t>(kernels::part_count(count, grain)) * kernels::room_for_openblas;
  require<MemoryError>(kernels::has_room(room), "{}: no memory for {} bytes of OpenBLAS's buffers",
                       operation, room);
  kernels::parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    const kernels::SerialScope serial;
    for (std::int64_t i = begin; i < end; ++i) f(i);
  });
}

inline double cubed(std::int64_t n) {
  const auto extent = static_cast<double>(n);
  return extent * extent * extent;
}

/// x where it is on or below the diagonal, or on or above it; without the diagonal if `strict`.
inline Tensor triangle(const Tensor& x, bool upper, bool strict = false) {
  const Tensor rows = unsqueeze(arange(x.size(-2)), 1);
  const Tensor columns = arange(x.size(-1));
  const std::int64_t apart = strict ? 1 : 0;
  return where(upper ? columns - rows >= apart : rows - columns >= apart, x, 0);
}

inline Tensor identity(std::int64_t n, const Tensor& like) {
  return eye(n, {}, {.dtype = like.dtype()});
}
/// diag(s) x and x diag(s)
inline Tensor scaled_rows(const Tensor& s, const Tensor& x) { return unsqueeze(s, -1) * x; }
inline Tensor scaled_columns(const Tensor& x, const Tensor& s) { return x * unsqueeze(s, -2); }
/// The diagonal of square matrices.
inline Tensor diagonal(const Tensor& x) {
  return sum(where(identity(x.size(-1), x) == 1, x, 0), -1);
}
/// Matrices whose diagonal is s.
inline Tensor diagonal_matrix(const Tensor& s) {
  return where(identity(s.size(-1), s) == 1, unsqueeze(s, -1), 0);
}

/// A symmetric matrix from its lower triangle.
inline Tensor mirrored(const Tensor& x) {
  return triangle(x, false) + turned(triangle(x, false, true));
}

}  // namespace xgrad::matrices
