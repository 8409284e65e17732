#pragma once
#include <xgrad/autograd/tensor.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/products.hpp>

#include <optional>
#include <string_view>

// Some C headers have a macro of this name.
#pragma push_macro("R")
#undef R

#pragma GCC visibility push(default)

namespace xgrad {

/// Linear algebra as torch.linalg has it, by LAPACK. Matrices are the last two axes, those before
/// are a batch. float32 and float64 (DTypeError otherwise: 16 bits are too few digits); ShapeError
/// where a matrix has to be square and is not; ValueError that names the matrix of the batch where
/// one has no such result.
namespace linalg {

/// L with A = L Lᵀ, lower; or upper, with A = Uᵀ U. Of A the lower triangle is read; the gradient
/// is symmetric. ValueError where a matrix is not positive definite.
Tensor cholesky(const Tensor& A, bool upper = false);

/// X with A X = B, or X A = B if not `left`. B is a vector where it has one axis, or the shape of A
/// without the last axis; batches broadcast. ValueError where a matrix is singular.
Tensor solve(const Tensor& A, const Tensor& B, bool left = true);
/// The same for a triangle of A, whose diagonal counts as ones if `unitriangular`; a 0 there gives
/// infinities and NaN.
Tensor solve_triangular(const Tensor& A, const Tensor& B, bool upper, bool left = true,
                        bool unitriangular = false);

struct LeastSquares {
  Tensor solution;   ///< of the smallest norm
  Tensor residuals;  ///< Σ (A X − B)² by columns; [0] unless there are more rows than columns
                     ///< and all matrices have full rank
  Tensor rank;       ///< int64
  Tensor singular_values;  ///< of A
};
/// X with the smallest ‖A X − B‖, from the singular values of A above `rcond` times the largest
/// (default: as pinv()).
LeastSquares lstsq(const Tensor& A, const Tensor& B, std::optional<double> rcond = {});

/// ValueError where a matrix is singular.
Tensor inv(const Tensor& A);
/// The gradient is right at singular matrices too. There, a second derivative needs singular values
/// that differ.
Tensor det(const Tensor& A);

struct SignLogDet {
  Tensor sign;
  Tensor logabsdet;
};
/// The sign of the determinant, 0 where it is 0, and the logarithm of its size, −inf there.
SignLogDet slogdet(const Tensor& A);

struct QR {
  Tensor Q;
  Tensor R;
};
/// A = Q R for A [m, n] and k = min(m, n): Q [m, k] and R [k, n] for mode "reduced", [m, m] and
/// [m, n] for "complete", R alone for "r" (Q is then [0]). Derivatives need the first k columns to
/// be independent, and those of "complete" m ≤ n.
QR qr(const Tensor& A, std::string_view mode = "reduced");

struct SVD {
  Tensor U;
  Tensor S;   ///< in descending order
  Tensor Vh;  ///< the right vectors as rows
};
/// A = U diag(S) Vh for A [m, n] and k = min(m, n): U [m, k] and Vh [k, n], or [m, m] and [n, n] if
/// `full_matrices`. Vectors are unique up to a sign, and derivatives through them need singular
/// values that differ and are not 0 (infinite or NaN otherwise); those of all of U or Vh, where
/// that is more than k vectors, do not exist (GraphError). ValueError for NaN and infinities.
SVD svd(const Tensor& A, bool full_matrices = true);
Tensor svdvals(const Tensor& A);

struct Eigh {
  Tensor eigenvalues;   ///< in ascending order
  Tensor eigenvectors;  ///< as columns
};
/// A = V diag(λ) Vᵀ of a symmetric matrix, of which the triangle `uplo` is read, "L" or "U".
/// Vectors are unique up to a sign; derivatives through them need eigenvalues that differ.
/// ValueError for NaN and infinities.
Eigh eigh(const Tensor& A, std::string_view uplo = "L");
Tensor eigvalsh(const Tensor& A, std::string_view uplo = "L");

/// The pseudoinverse (Moore and Penrose), from the singular values above atol and above rtol times
/// the largest. rtol is by default max(m, n) ε, and 0 where atol alone is given. If `hermitian`,
/// the lower triangle is read.
Tensor pinv(const Tensor& A, std::optional<double> atol = {}, std::optional<double> rtol = {},
            bool hermitian = false);
/// How many singular values are above those bounds: int64.
Tensor matrix_rank(const Tensor& A, std::optional<double> atol = {},
                   std::optional<double> rtol = {}, bool hermitian = false);
/// ‖A‖ ‖A⁻¹‖ in matrix_norm's p; ∞ where a matrix is singular.
Tensor cond(const Tensor& A, double p = 2);
Tensor cond(const Tensor& A, std::string_view p);

/// "fro" (of all elements) or "nuc" (the sum of singular values).
Tensor matrix_norm(const Tensor& A, std::string_view ord = "fro", const Axes& axes = {-2, -1},
                   bool keepdim = false);
/// 1 (the largest sum of a column of |A|), −1 (the smallest), ±inf (of rows), 2 or −2 (the largest
/// and the smallest singular value).
Tensor matrix_norm(const Tensor& A, double ord, const Axes& axes = {-2, -1}, bool keepdim = false);
/// xgrad::norm.
Tensor vector_norm(const Tensor& x, Scalar ord = 2, const Axes& axes = {}, bool keepdim = false);
/// The vector norm of one axis, of all elements without `ord`, and the matrix norm otherwise.
Tensor norm(const Tensor& x, std::optional<double> ord = {}, const Axes& axes = {},
            bool keepdim = false);
Tensor norm(const Tensor& x, std::string_view ord, const Axes& axes = {-2, -1},
            bool keepdim = false);

/// Aⁿ, of the inverse for n < 0.
Tensor matrix_power(const Tensor& A, std::int64_t n);
/// Σ Aⁿ / n!, by scaling and squaring (Higham, 2005).
Tensor matrix_exp(const Tensor& A);

using xgrad::cross;
using xgrad::matmul;
using xgrad::multi_dot;

}  // namespace linalg

// What torch has without linalg.

using linalg::cholesky;
using linalg::det;
using linalg::matrix_exp;
using linalg::matrix_power;
using linalg::qr;
using linalg::slogdet;

inline Tensor inverse(const Tensor& A) { return linalg::inv(A); }
inline Tensor pinverse(const Tensor& A, double rcond = 1e-15) { return linalg::pinv(A, {}, rcond); }
/// NaN where the determinant is negative, −inf where it is 0.
Tensor logdet(const Tensor& A);

struct OldSVD {
  Tensor U;
  Tensor S;
  Tensor V;  ///< the right vectors as columns
};
/// linalg::svd with V for Vh, and k vectors alone if `some`.
OldSVD svd(const Tensor& A, bool some = true);

}  // namespace xgrad

#pragma GCC visibility pop

#pragma pop_macro("R")
