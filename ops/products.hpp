#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

// Products of vectors, matrices and tensors, by matmul(): float32, float64 or 16 bits, all of a
// call alike (DTypeError). ShapeError where shapes do not fit.

/// [n, k] · [k, m]. Nothing broadcasts, as matmul's batches do.
Tensor mm(const Tensor& a, const Tensor& b);
/// [batch, n, k] · [batch, k, m].
Tensor bmm(const Tensor& a, const Tensor& b);
/// [n, k] · [k].
Tensor mv(const Tensor& a, const Tensor& x);
/// Of two vectors of one length.
Tensor dot(const Tensor& a, const Tensor& b);
/// The same: there are no complex numbers here.
Tensor vdot(const Tensor& a, const Tensor& b);
/// aᵢ bⱼ of two vectors.
Tensor outer(const Tensor& a, const Tensor& b);
/// Σ over the last axis of both, [..., k] and [..., k] to [..., ...]; a product where either is a
/// scalar.
Tensor inner(const Tensor& a, const Tensor& b);
/// beta x + alpha a b, where x broadcasts to the shape of the product. Nothing of x, NaN neither,
/// comes into the result for beta = 0.
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);
Tensor baddbmm(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta = 1,
               Scalar alpha = 1);
Tensor addmv(const Tensor& x, const Tensor& a, const Tensor& b, Scalar beta = 1, Scalar alpha = 1);

/// Einstein's sum: einsum("bhid,bhjd->bhij", {q, k}). Letters name axes. What is named twice in one
/// operand is its diagonal; what is not named in the result is summed away. Without "->" the result
/// has those that come once, in alphabetical order. "..." stands for any axes, which broadcast, as
/// do axes of extent 1; spaces count nothing. Two operands make one batched product of matrices;
/// up to ten are joined in the order of the least multiplications, more from left to right.
/// ValueError for what is no such equation.
Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands);

/// Sums over the last `axes` axes of a and the first of b.
Tensor tensordot(const Tensor& a, const Tensor& b, std::int64_t axes = 2);
/// Sums over axes of a, each together with one of b, given in the same order.
Tensor tensordot(const Tensor& a, const Tensor& b, const std::vector<std::int64_t>& axes_a,
                 const std::vector<std::int64_t>& axes_b);
/// Kronecker's product: blocks of b, each times an element of a. Up to 4 axes.
Tensor kron(const Tensor& a, const Tensor& b);
/// The vector product along an axis of extent 3; the others broadcast.
Tensor cross(const Tensor& a, const Tensor& b, std::int64_t axis = -1);
/// The distance ‖aᵢ − bⱼ‖ₚ of each row of a [..., n, k] to each of b [..., m, k]: [..., n, m].
/// p = 2 goes by a product of matrices where n or m is above 25, as in PyTorch, which leaves near
/// points the digits of |a|² alone. The gradient at a distance of 0 is 0. ValueError for p < 0.
Tensor cdist(const Tensor& a, const Tensor& b, double p = 2);
/// The sum of the diagonal of a matrix; int64 for integers and bool.
Tensor trace(const Tensor& x);
/// The product of matrices, in the order of the least multiplications. The first may be a row, the
/// last a column, as vectors.
Tensor multi_dot(const std::vector<Tensor>& matrices);
/// The same, of matrices alone.
Tensor chain_matmul(const std::vector<Tensor>& matrices);

}  // namespace xgrad

#pragma GCC visibility pop
