#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/kernels/lapack.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/matrices.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/products.hpp>
#include <xgrad/ops/scan.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace xgrad::linalg {

namespace lapack = kernels::lapack;
using namespace matrices;  // NOLINT: internal
using lapack::Triangle;

// A = L Lᵀ;  dL/dA = ½ (G + Gᵀ) with G = L⁻ᵀ Φ(Lᵀ dL/dL) L⁻¹, where Φ takes the lower triangle and
// half of the diagonal (Murray 2016, "Differentiation of the Cholesky decomposition", eq. 10)
namespace {

Tensor lower_factor(const Tensor& A) {
  require_square("cholesky", A);
  const std::int64_t n = A.size(-1);
  const Shape batch = batch_of(A);
  // Row by row, a lower triangle is an upper one column by column.
  const Tensor L = no_grad([&] { return clone(triangle(A.detach(), false)); });
  if (L.numel() > 0)
    dispatch_floating(A.dtype(), "cholesky", [&]<class T>() {
      T* const values = L.mutable_data<T>();
      for_each("cholesky", batch, cubed(n) / 3, [&](std::int64_t i) {
        const int minor = lapack::cholesky(Triangle::upper, n, values + i * n * n);
        require<ValueError>(minor == 0,
                            "cholesky: {} is not positive definite: its leading minor of order {} "
                            "is not positive",
                            named(batch, i), minor);
      });
    });
  return record(Op::cholesky, L, wrt(A, [L = saved_result(L)](const Tensor& dL) {
                  const Tensor product = triangle(matmul(turned(L()), dL), false);
                  const Tensor phi = product - 0.5 * diagonal_matrix(diagonal(product));
                  const Tensor half = solve_triangular(turned(L()), phi, true);
                  const Tensor G = turned(solve_triangular(turned(L()), turned(half), true));
                  return 0.5 * (G + turned(G));
                }));
}

}  // namespace

Tensor cholesky(const Tensor& A, bool upper) {
  const detail::Running running("cholesky", A);
  const Tensor L = lower_factor(A);
  return upper ? turned(L) : L;
}

namespace {

/// Whether B is a vector for each matrix of A.
bool is_vector(const Tensor& A, const Tensor& B) {
  return B.dim() == 1 || (B.dim() + 1 == A.dim() && B.shape() == batch_of(A, 1));
}

void require_fitting(const char* operation, const Tensor& A, const Tensor& B, bool left) {
  require_square(operation, A);
  require_alike(operation, A, B);
  const std::int64_t n = B.dim() < 2 ? 0 : B.size(left ? -2 : -1);
  require<ShapeError>(B.dim() >= 2 && n == A.size(-1),
                      "{}: shapes {} and {}; B must have as many {} as A", operation, A.shape(),
                      B.shape(), left ? "rows" : "columns");
}

/// The matrices of x for the batch, in row-major order, to be changed.
Tensor repeated(const Tensor& x, const Shape& batch) {
  return no_grad([&] { return clone(expand(x.detach(), with(batch, {x.size(-2), x.size(-1)}))); });
}

/// A X = B, not recorded.
Tensor solved(const char* operation, const Tensor& A, const Tensor& B) {
  const std::int64_t n = A.size(-1);
  const std::int64_t k = B.size(-1);
  const Shape batch = broadcast(batch_of(A), batch_of(B), operation);
  const Tensor factors = repeated(A, batch_of(A));
  const Tensor columns = repeated(turned(B.detach()), batch);
  const Shape own = batch_of(A);
  const std::int64_t count = own.numel();
  auto pivots = values_of<int>(count * n, operation);
  if (factors.numel() > 0)
    dispatch_floating(A.dtype(), operation, [&]<class T>() {
      T* const a = factors.mutable_data<T>();
      for_each(operation, own, cubed(n) * 2 / 3, [&](std::int64_t i) {
        const int place = lapack::lu(n, a + i * n * n, pivots.data() + i * n);
        require<ValueError>(place == 0, "{}: {} is singular", operation, named(own, i));
      });
    });
  if (columns.numel() > 0)
    dispatch_floating(A.dtype(), operation, [&]<class T>() {
      const Tensor places = expand(reshape(arange(count), own), batch).contiguous();
      const std::int64_t* const which = places.data<std::int64_t>();
      const T* const a = factors.data<T>();
      T* const b = columns.mutable_data<T>();
      // Columns are solved for by themselves: pieces of them keep all threads busy.
      const std::int64_t piece = std::min<std::int64_t>(k, 64);
      const std::int64_t pieces = (k + piece - 1) / piece;
      const double work = static_cast<double>(n) * static_cast<double>(n * 2 * piece);
      for_each(operation, {batch.numel() * pieces}, work, [&](std::int64_t i) {
        const std::int64_t matrix = i / pieces, first = i % pieces * piece;
        lapack::lu_solve(true, n, std::min(piece, k - first), a + which[matrix] * n * n,
                         pivots.data() + which[matrix] * n, b + (matrix * k + first) * n);
      });
    });
  return no_grad([&] { return clone(turned(columns)); });
}

// A X = B;  dL/dB = A⁻ᵀ dL/dX, dL/dA = −dL/dB Xᵀ
Tensor solution(const Tensor& A, const Tensor& B) {
  const Tensor X = solved("solve", A, B);
  return record(Op::solve, X,
                wrt_all(A, B,
                        [A = saved(A), X = saved_result(X), of_a = A.shape(), of_b = B.shape()](
                            const Tensor& dX, const Needs& needs) {
                          const Tensor dB = solution(turned(A()), dX);
                          return std::array{
                              needs[0] ? sum_to(-matmul(dB, turned(X())), of_a) : Tensor(),
                              needs[1] ? sum_to(dB, of_b) : Tensor()};
                        }));
}

/// f(A, B) for matrices B, from the right too, and for vectors.
template <class F>
Tensor of_either_side(const char* operation, const Tensor& A, const Tensor& B, bool left,
                      bool takes_vectors, const F& f) {
  if (takes_vectors && is_vector(A, B)) {
    require<ValueError>(left, "{}: B is a vector, which stands right of A alone", operation);
    const Tensor column = unsqueeze(B, -1);
    require_fitting(operation, A, column, true);
    return squeeze(f(A, column), -1);
  }
  require_fitting(operation, A, B, left);
  return left ? f(A, B) : turned(f(turned(A), turned(B)));
}

}  // namespace

Tensor solve(const Tensor& A, const Tensor& B, bool left) {
  const detail::Running running("solve", A, B);
  return of_either_side("solve", A, B, left, true,
                        [](const Tensor& a, const Tensor& b) { return solution(a, b); });
}

namespace {

// A X = B for a triangle of A;  dL/dB = A⁻ᵀ dL/dX, dL/dA = that triangle of −dL/dB Xᵀ
Tensor triangular_solution(const Tensor& A, const Tensor& B, bool upper, bool is_unit) {
  const std::int64_t n = A.size(-1);
  const std::int64_t k = B.size(-1);
  const Shape batch = broadcast(batch_of(A), batch_of(B), "solve_triangular");
  const Tensor X = repeated(B, batch);
  if (X.numel() > 0)
    dispatch_floating(A.dtype(), "solve_triangular", [&]<class T>() {
      const Tensor all = repeated(A, batch);
      const T* const a = all.data<T>();
      T* const x = X.mutable_data<T>();
      const double work = cubed(n) / static_cast<double>(n) * static_cast<double>(k);
      // Row by row, the transposes of all: Xᵀ Aᵀ = Bᵀ, in which Aᵀ has the other triangle.
      for_each("solve_triangular", batch, work, [&](std::int64_t i) {
        lapack::solve_from_right(upper ? Triangle::lower : Triangle::upper, is_unit, n, k,
                                 a + i * n * n, x + i * n * k);
      });
    });
  return record(Op::solve_triangular, X,
                wrt_all(A, B,
                        [A = saved(A), X = saved_result(X), of_a = A.shape(), of_b = B.shape(),
                         upper, is_unit](const Tensor& dX, const Needs& needs) {
                          const Tensor dB = triangular_solution(turned(A()), dX, !upper, is_unit);
                          const auto of_matrix = [&] {
                            return sum_to(triangle(-matmul(dB, turned(X())), upper, is_unit), of_a);
                          };
                          return std::array{needs[0] ? of_matrix() : Tensor(),
                                            needs[1] ? sum_to(dB, of_b) : Tensor()};
                        }));
}

}  // namespace

Tensor solve_triangular(const Tensor& A, const Tensor& B, bool upper, bool left,
                        bool unitriangular) {
  const detail::Running running("solve_triangular", A, B);
  return of_either_side("solve_triangular", A, B, left, false,
                        [&](const Tensor& a, const Tensor& b) {
                          return triangular_solution(a, b, upper == left, unitriangular);
                        });
}

// Y = A⁻¹;  dL/dA = −Yᵀ dL/dY Yᵀ
Tensor inv(const Tensor& A) {
  const detail::Running running("inv", A);
  require_square("inv", A);
  const Tensor Y = solved("inv", A, identity(A.size(-1), A));
  return record(Op::inv, Y, wrt(A, [Y = saved_result(Y)](const Tensor& dY) {
                  return -matmul(matmul(turned(Y()), dY), turned(Y()));
                }));
}

namespace {

/// put(i, U's diagonal, its step, n, sign of the exchanges) for each matrix.
template <class T, class Put>
void for_factors(const char* operation, const Tensor& A, const Put& put) {
  const std::int64_t n = A.size(-1);
  const Shape batch = batch_of(A);
  const Tensor factors = repeated(A, batch);
  T* const values = n > 0 ? factors.mutable_data<T>() : nullptr;
  auto pivots = values_of<int>(batch.numel() * n, operation);
  for_each(operation, batch, cubed(n) * 2 / 3, [&](std::int64_t i) {
    T sign = 1;
    int* const places = pivots.data() + i * n;
    if (n > 0) lapack::lu(n, values + i * n * n, places);
    for (std::int64_t k = 0; k < n; ++k)
      if (places[k] != k + 1) sign = -sign;
    put(i, values + i * n * n, n + 1, n, sign);
  });
}

/// The derivative of a determinant for any matrix, from A = U diag(S) Vh: that of Π S, which needs
/// no division, between the vectors.
Tensor cofactors(const Tensor& A) {
  const SVD by = linalg::svd(A, false);
  const Tensor one = ones(with(batch_of(A), {1}), {.dtype = A.dtype()});
  const std::int64_t n = A.size(-1);
  const auto before = [&](const Tensor& s) {
    return cat({one, slice(cumprod(s, -1), -1, 0, n - 1)}, -1);
  };
  const Tensor others = before(by.S) * flip(before(flip(by.S, -1)), -1);
  // Both are ±1, and no variables.
  const Tensor sign = no_grad([&] { return det(by.U.detach()) * det(by.Vh.detach()); });
  return matmul(scaled_columns(by.U, others), by.Vh) * unsqueeze(unsqueeze(sign, -1), -1);
}

}  // namespace

// y = |A|;  dL/dA = y A⁻ᵀ dL/dy, the matrix of cofactors; where A is nearly singular, so that its
// inverse has few digits, or none, these are found without it
Tensor det(const Tensor& A) {
  const detail::Running running("det", A);
  require_square("det", A);
  Tensor y = Tensor::empty(batch_of(A), A.dtype());
  auto is_singular = values_of<char>(y.numel(), "det");
  dispatch_floating(A.dtype(), "det", [&]<class T>() {
    T* const out = y.mutable_data<T>();
    for_factors<T>("det", A,
                   [&](std::int64_t i, const T* u, std::int64_t step, std::int64_t n, T sign) {
                     T product = sign;
                     T least = std::numeric_limits<T>::infinity(), most = 0;
                     for (std::int64_t k = 0; k < n; ++k) {
                       product *= u[k * step];
                       least = std::min(least, std::abs(u[k * step]));
                       most = std::max(most, std::abs(u[k * step]));
                     }
                     out[i] = product;
                     const T half_the_digits = std::sqrt(std::numeric_limits<T>::epsilon());
                     is_singular[static_cast<std::size_t>(i)] = least <= half_the_digits * most;
                   });
  });
  const bool is_regular = std::ranges::count(is_singular, 1) == 0;
  return record(Op::det, y,
                wrt(A, [A = saved(A), y = saved_result(y), is_regular](const Tensor& dy) {
                  const Tensor by = unsqueeze(unsqueeze(dy, -1), -1);
                  if (A().numel() == 0) return expand(by, A().shape());
                  if (!is_regular) return by * cofactors(A());
                  return by * unsqueeze(unsqueeze(y(), -1), -1) * turned(inv(A()));
                }));
}

// y = ln |det A|;  dL/dA = A⁻ᵀ dL/dy, and nothing by way of the sign
SignLogDet slogdet(const Tensor& A) {
  const detail::Running running("slogdet", A);
  require_square("slogdet", A);
  Tensor sign = Tensor::empty(batch_of(A), A.dtype());
  Tensor size = Tensor::empty(batch_of(A), A.dtype());
  dispatch_floating(A.dtype(), "slogdet", [&]<class T>() {
    T* const signs = sign.mutable_data<T>();
    T* const sizes = size.mutable_data<T>();
    for_factors<T>("slogdet", A,
                   [=](std::int64_t i, const T* u, std::int64_t step, std::int64_t n, T exchanges) {
                     T so_far = exchanges;
                     T sum = 0;
                     for (std::int64_t k = 0; k < n; ++k) {
                       const T value = u[k * step];
                       so_far *= value > 0 ? T(1) : value < 0 ? T(-1) : value;
                       sum += std::log(std::abs(value));
                     }
                     signs[i] = so_far;
                     sizes[i] = sum;
                   });
  });
  size = record(Op::slogdet, size, wrt(A, [A = saved(A)](const Tensor& dy) {
                  const detail::Running backward("slogdet");
                  return unsqueeze(unsqueeze(dy, -1), -1) * turned(inv(A()));
                }));
  return {sign, size};
}

LeastSquares lstsq(const Tensor& A, const Tensor& B, std::optional<double> rcond) {
  const detail::Running running("lstsq", A, B);
  require_matrix("lstsq", A);
  require_alike("lstsq", A, B);
  const bool column = is_vector(A, B);
  const Tensor right = column ? unsqueeze(B, -1) : B;
  require<ShapeError>(right.dim() >= 2 && right.size(-2) == A.size(-2),
                      "lstsq: shapes {} and {}; B must have as many rows as A", A.shape(),
                      B.shape());
  broadcast(batch_of(A), batch_of(right), "lstsq");
  const double least = rcond.value_or(-1);
  require<ValueError>(!rcond || least >= 0, "lstsq: rcond is {}; it must not be negative", least);
  LeastSquares y;
  y.solution = matmul(pinv(A, {}, rcond), right);
  y.rank = matrix_rank(A, {}, rcond);
  y.singular_values = no_grad([&] { return svdvals(A); });
  const bool is_full = A.size(-2) > A.size(-1) && equal(y.rank, full_like(y.rank, A.size(-1)));
  y.residuals =
      is_full ? sum(square(matmul(A, y.solution) - right), -2) : zeros({0}, {.dtype = A.dtype()});
  if (column) y.solution = squeeze(y.solution, -1);
  return y;
}

Tensor matrix_power(const Tensor& A, std::int64_t n) {
  const detail::Running running("matrix_power", A);
  require_square("matrix_power", A);
  if (n == 0) return clone(expand(identity(A.size(-1), A), A.shape()));
  Tensor square = n > 0 ? A : inv(A);
  Tensor y;
  // The size of the least number too, which has no negative.
  for (auto left = n > 0 ? static_cast<std::uint64_t>(n) : 0 - static_cast<std::uint64_t>(n);;) {
    if (left % 2 == 1) y = y.defined() ? matmul(y, square) : square;
    left /= 2;
    if (left == 0) return y;
    square = matmul(square, square);
  }
}

}  // namespace xgrad::linalg

namespace xgrad {

Tensor logdet(const Tensor& A) {
  const detail::Running running("logdet", A);
  const auto [sign, size] = linalg::slogdet(A);
  return where(sign == -1, std::numeric_limits<double>::quiet_NaN(), size);
}

}  // namespace xgrad
