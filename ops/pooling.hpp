#pragma once
// Internal: pools of any geometry over the last axes of a tensor. Kernels see three axes always.

#include <xgrad/ops/fold.hpp>
#include <xgrad/ops/kernels/windows.hpp>
#include <xgrad/ops/operation.hpp>
#include <xgrad/ops/pool.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>

namespace xgrad::detail {

/// The planes of x, [N, C, …] or [C, …], with axes of which only the extents are known. ShapeError
/// unless x has channels and values.
template <int rank>
kernels::Windows planes_of(const char* operation, const Shape& x);

/// ValueError where no input has such windows.
template <int rank>
void check_window(const char* operation, const Extents<rank>& kernel,
                  const PoolOptions<rank>& options);
template <int rank>
void check_window(const char* operation, const Extents<rank>& kernel,
                  const MaxUnpoolOptions<rank>& options);
void check_window(const char* operation, const Extents<2>& kernel, const FoldOptions& options);
void check_divisor(const char* operation, std::optional<std::int64_t> divisor_override);
void check_norm_type(const char* operation, double norm_type);

/// The windows of a pool over x. ShapeError or ValueError as pool.hpp says.
template <int rank>
kernels::Windows pool_windows(const char* operation, const Shape& x, const Extents<rank>& kernel,
                              const PoolOptions<rank>& options);

/// The axis of windows number `i` of `rank`.
inline kernels::WindowAxis& axis_of(kernels::Windows& w, int rank, int i) {
  return w.axes[static_cast<std::size_t>(3 - rank + i)];
}

/// x's shape with the last `rank` axes replaced by how many windows they have.
Shape pooled_shape(const Shape& x, int rank, const kernels::Windows& w);

/// The largest value under each window, and where it was in its plane. Recorded as `op`.
Ranked largest_under(Op op, const Tensor& x, int rank, const kernels::Windows& w);

/// The mean under each window. Recorded as `op`.
Tensor mean_under(Op op, const Tensor& x, int rank, const kernels::Windows& w,
                  const kernels::Divisor& divisor);
/// Its adjoint, from dy to the input's shape, whose own is recorded as `op`.
Tensor mean_under_input(Op op, const Tensor& dy, const Shape& shape, int rank,
                        const kernels::Windows& w, const kernels::Divisor& divisor);

}  // namespace xgrad::detail
