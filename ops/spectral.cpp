// Factors of a matrix: QR, singular values, eigenvalues, and what is made of them. Their rules are
// those of Giles (2008), "An extended collection of matrix derivative results", and, for what has
// more rows than columns, of Townsend (2016), "Differentiating the singular value decomposition".

#include <xgrad/autograd/sizes.hpp>
#include <xgrad/ops/kernels/lapack.hpp>
#include <xgrad/ops/linalg.hpp>
#include <xgrad/ops/matrices.hpp>
#include <xgrad/ops/operation.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

namespace xgrad::linalg {

namespace lapack = kernels::lapack;
using namespace matrices;  // NOLINT: internal
using detail::in_rows;
using lapack::Triangle;

namespace {

Tensor values_like(const Tensor& A, const Shape& shape) { return Tensor::empty(shape, A.dtype()); }

/// a or b, or their sum where both are there.
Tensor plus(const Tensor& a, const Tensor& b) {
  if (!a.defined()) return b;
  return b.defined() ? a + b : a;
}

/// LAPACK's iterations do not end on NaN and infinities.
template <class T>
void require_finite(const char* operation, const Shape& batch, std::int64_t i, const T* values,
                    std::int64_t count) {
  require<ValueError>(std::all_of(values, values + count, [](T v) { return std::isfinite(v); }),
                      "{}: {} holds NaN or infinity", operation, named(batch, i));
}

/// Q [m, columns] and R [columns, n].
std::array<Tensor, 2> qr_values(const Tensor& A, std::int64_t columns) {
  const std::int64_t m = A.size(-2);
  const std::int64_t n = A.size(-1);
  const std::int64_t k = std::min(m, n);
  const Shape batch = batch_of(A);
  // Column by column, as LAPACK has matrices.
  const Tensor factors = no_grad([&] { return clone(turned(A.detach())); });
  Tensor q = values_like(A, with(batch, {columns, m}));
  Tensor r = zeros(with(batch, {columns, n}), {.dtype = A.dtype()});
  if (k == 0) q.copy_(expand(eye(columns, m, {.dtype = A.dtype()}), q.shape()));
  if (k > 0 && batch.numel() > 0)
    dispatch_floating(A.dtype(), "qr", [&]<class T>() {
      T* const f = factors.mutable_data<T>();
      T* const to_q = q.mutable_data<T>();
      T* const to_r = r.mutable_data<T>();
      const double work = 4 * static_cast<double>(m) * static_cast<double>(n * k);
      for_each("qr", batch, work, [&](std::int64_t i) {
        T* const a = f + i * m * n;
        auto scales = values_of<T>(k, "qr");
        lapack::qr(m, n, a, scales.data());
        for (std::int64_t row = 0; row < k; ++row)
          for (std::int64_t column = row; column < n; ++column)
            to_r[(i * columns + row) * n + column] = a[column * m + row];
        T* const own = to_q + i * columns * m;
        std::copy_n(a, m * k, own);
        lapack::q(m, columns, k, own, scales.data());
      });
    });
  return {no_grad([&] { return clone(turned(q)); }), r};
}

// A = Q R, m ≥ n;  dL/dA = (dL/dQ + Q S) R⁻ᵀ, where S is the lower triangle, mirrored, of
// R dL/dRᵀ − dL/dQᵀ Q (Walter and Lehmann 2010, "Algorithmic differentiation of linear algebra
// functions with application in optimum experimental design")
Tensor tall_rule(const Tensor& Q, const Tensor& R, const Tensor& dQ, const Tensor& dR) {
  Tensor inner, sum;
  if (dR.defined()) inner = matmul(R, turned(dR));
  if (dQ.defined()) inner = plus(inner, -matmul(turned(dQ), Q));
  sum = plus(dQ, matmul(Q, mirrored(inner)));
  return turned(solve_triangular(R, turned(sum), true));
}

QR tall(const Tensor& A, bool is_complete) {
  const std::int64_t columns = is_complete ? A.size(-2) : A.size(-1);
  const bool has_rule = columns == A.size(-1);
  const auto results = qr_values(A, columns);
  const auto [Q, R] = record(
      Op::qr, results,
      wrt_all(A, [Q = saved_result(results[0], 0), R = saved_result(results[1], 1), has_rule](
                     std::span<Tensor> dys, const Needs&) {
        require<GraphError>(has_rule,
                            "qr: of more rows than columns, mode \"complete\" has no derivatives; "
                            "\"reduced\" has");
        return std::array{tall_rule(Q(), R(), dys[0], dys[1])};
      }));
  return {Q, R};
}

}  // namespace

QR qr(const Tensor& A, std::string_view mode) {
  const detail::Running running("qr", A);
  require_matrix("qr", A);
  require<ValueError>(mode == "reduced" || mode == "complete" || mode == "r",
                      "qr: the mode is {}; it is reduced, complete or r",
                      std::string(mode.substr(0, 20)));
  const std::int64_t m = A.size(-2);
  const std::int64_t n = A.size(-1);
  QR y;
  if (m >= n) {
    y = tall(A, mode == "complete");
  } else {
    // What stands right of the square part is turned as that is.
    const auto [Q, R] = tall(slice(A, -1, 0, m), false);
    y = {Q, cat({R, matmul(turned(Q), slice(A, -1, m))}, -1)};
  }
  if (mode == "r") y.Q = zeros({0}, {.dtype = A.dtype()});
  return y;
}

namespace {

std::array<Tensor, 3> svd_values(const Tensor& A, bool is_full) {
  const std::int64_t m = A.size(-2);
  const std::int64_t n = A.size(-1);
  const std::int64_t k = std::min(m, n);
  const Shape batch = batch_of(A);
  const std::int64_t left = is_full ? m : k;
  const std::int64_t right = is_full ? n : k;
  const Tensor rows = no_grad([&] { return clone(A.detach()); });
  Tensor u = values_like(A, with(batch, {m, left}));
  Tensor s = values_like(A, with(batch, {k}));
  Tensor vh = values_like(A, with(batch, {right, n}));
  if (k == 0) {
    u.copy_(expand(eye(m, left, {.dtype = A.dtype()}), u.shape()));
    vh.copy_(expand(eye(right, n, {.dtype = A.dtype()}), vh.shape()));
  }
  if (k > 0 && batch.numel() > 0)
    dispatch_floating(A.dtype(), "svd", [&]<class T>() {
      T* const a = rows.mutable_data<T>();
      T* const to_u = u.mutable_data<T>();
      T* const to_s = s.mutable_data<T>();
      T* const to_vh = vh.mutable_data<T>();
      const double work = 20 * static_cast<double>(m) * static_cast<double>(n * k);
      // Row by row, Aᵀ = V S Uᵀ: LAPACK's left vectors, column by column, are the rows of Vh.
      for_each("svd", batch, work, [&](std::int64_t i) {
        require_finite("svd", batch, i, a + i * m * n, m * n);
        const int info = lapack::svd(is_full, n, m, a + i * m * n, to_s + i * k,
                                     to_vh + i * right * n, to_u + i * m * left);
        require<ValueError>(info == 0, "svd: of {} {} values were not found", named(batch, i),
                            info);
      });
    });
  return {u, s, vh};
}

/// Where i ≠ j, values[j] − values[i]; 1 on the diagonal.
Tensor gaps(const Tensor& values) {
  const Tensor apart = unsqueeze(values, -2) - unsqueeze(values, -1);
  return where(identity(values.size(-1), values) == 1, 1, apart);
}

/// (X − Xᵀ) / gaps of the squares
Tensor rotation(const Tensor& x, const Tensor& gap) { return (x - turned(x)) / gap; }

// A = U S Vᵀ;  dL/dA = U (F(Uᵀ dL/dU) S + S F(Vᵀ dL/dV) + dL/dS) Vᵀ, F(X)ᵢⱼ = (Xᵢⱼ − Xⱼᵢ) /
// (sⱼ² − sᵢ²), and what of dL/dU and dL/dV is outside of the spaces of U and V, over S
Tensor svd_rule(const SVD& y, const Tensor& dU, const Tensor& dS, const Tensor& dVh) {
  Tensor inner = dS.defined() ? diagonal_matrix(dS) : Tensor();
  Tensor outside;
  if (dU.defined() || dVh.defined()) {
    const Tensor gap = gaps(square(y.S));
    if (dU.defined()) {
      const Tensor along = matmul(turned(y.U), dU);
      inner = plus(inner, scaled_columns(rotation(along, gap), y.S));
      if (y.U.size(-2) > y.U.size(-1))
        outside = matmul((dU - matmul(y.U, along)) / unsqueeze(y.S, -2), y.Vh);
    }
    if (dVh.defined()) {
      const Tensor along = matmul(y.Vh, turned(dVh));
      inner = plus(inner, scaled_rows(y.S, rotation(along, gap)));
      if (y.Vh.size(-1) > y.Vh.size(-2))
        outside =
            plus(outside, matmul(y.U, (dVh - matmul(turned(along), y.Vh)) / unsqueeze(y.S, -1)));
    }
  }
  return plus(outside, matmul(matmul(y.U, inner), y.Vh));
}

// All of U and Vh, where A is not square, have no derivatives, but S has: it is a node of its own.
SVD with_all_vectors(const Tensor& A, const std::array<Tensor, 3>& values) {
  const Tensor S = record(Op::svd, values[1], wrt(A, [A = saved(A)](const Tensor& dS) {
                            return svd_rule(linalg::svd(A(), false), {}, dS, {});
                          }));
  const auto [U, Vh] =
      record(Op::svd, std::array{values[0], values[2]},
             wrt_all(A, [](std::span<Tensor>, const Needs&) -> std::array<Tensor, 1> {
               raise<GraphError>(
                   "svd: of all of U and Vh there are no derivatives; with full_matrices = false "
                   "there are");
             }));
  return {U, S, Vh};
}

}  // namespace

SVD svd(const Tensor& A, bool full_matrices) {
  const detail::Running running("svd", A);
  require_matrix("svd", A);
  const auto results = svd_values(A, full_matrices);
  if (full_matrices && A.size(-1) != A.size(-2)) return with_all_vectors(A, results);
  const auto [U, S, Vh] =
      record(Op::svd, results,
             wrt_all(A, [U = saved_result(results[0], 0), S = saved_result(results[1], 1),
                         Vh = saved_result(results[2], 2)](std::span<Tensor> dys, const Needs&) {
               return std::array{svd_rule({U(), S(), Vh()}, dys[0], dys[1], dys[2])};
             }));
  return {U, S, Vh};
}

Tensor svdvals(const Tensor& A) {
  const detail::Running running("svdvals", A);
  require_matrix("svdvals", A);
  return linalg::svd(A, false).S;
}

// A = V Λ Vᵀ;  dL/dA = V (F(Vᵀ dL/dV) + dL/dΛ) Vᵀ, F(X)ᵢⱼ = Xᵢⱼ / (λⱼ − λᵢ), 0 on the diagonal
Eigh eigh(const Tensor& A, std::string_view uplo) {
  const detail::Running running("eigh", A);
  require_square("eigh", A);
  const bool is_upper = uplo == "U" || uplo == "u";
  require<ValueError>(is_upper || uplo == "L" || uplo == "l",
                      "eigh: the triangle is {}; it is L or U", std::string(uplo.substr(0, 20)));
  const std::int64_t n = A.size(-1);
  const Shape batch = batch_of(A);
  const Tensor rows = no_grad([&] { return clone(triangle(A.detach(), is_upper)); });
  Tensor values = values_like(A, with(batch, {n}));
  if (rows.numel() > 0)
    dispatch_floating(A.dtype(), "eigh", [&]<class T>() {
      T* const a = rows.mutable_data<T>();
      T* const w = values.mutable_data<T>();
      for_each("eigh", batch, 10 * cubed(n), [&](std::int64_t i) {
        require_finite("eigh", batch, i, a + i * n * n, n * n);
        const int info =
            lapack::eigh(is_upper ? Triangle::lower : Triangle::upper, n, a + i * n * n, w + i * n);
        require<ValueError>(info == 0, "eigh: of {} the eigenvalues were not found",
                            named(batch, i));
      });
    });
  const std::array results{values, no_grad([&] { return clone(turned(rows)); })};
  const auto [eigenvalues, eigenvectors] = record(
      Op::eigh, results,
      wrt_all(A, [values = saved_result(results[0], 0), vectors = saved_result(results[1], 1)](
                     std::span<Tensor> dys, const Needs&) {
        const Tensor V = vectors();
        Tensor inner = dys[0].defined() ? diagonal_matrix(dys[0]) : Tensor();
        if (dys[1].defined()) {
          const Tensor along = matmul(turned(V), dys[1]);
          inner = plus(inner, (along - diagonal_matrix(diagonal(along))) / gaps(values()));
        }
        return std::array{matmul(matmul(V, inner), turned(V))};
      }));
  return {eigenvalues, eigenvectors};
}

Tensor eigvalsh(const Tensor& A, std::string_view uplo) {
  const detail::Running running("eigvalsh", A);
  require_square("eigvalsh", A);
  return eigh(A, uplo).eigenvalues;
}

namespace {

/// Which singular values count.
Tensor counts(const char* operation, const Tensor& S, const Tensor& A, std::optional<double> atol,
              std::optional<double> rtol) {
  const double least = atol.value_or(0);
  require<ValueError>(least >= 0, "{}: atol is {}; it must not be negative", operation, least);
  const double epsilon = A.dtype() == float32 ? 0x1p-23 : 0x1p-52;
  const auto extent = static_cast<double>(std::max(A.size(-1), A.size(-2)));
  const double relative = rtol.value_or(least > 0 ? 0 : extent * epsilon);
  require<ValueError>(relative >= 0, "{}: rtol is {}; it must not be negative", operation,
                      relative);
  return S > maximum(slice(S, -1, 0, 1) * relative, least);
}

}  // namespace

// Y = A⁺;  dL/dA = −Yᵀ G Yᵀ + (I − A Y) Gᵀ Y Yᵀ + Yᵀ Y Gᵀ (I − Y A) with G = dL/dY (Golub and
// Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least squares problems")
Tensor pinv(const Tensor& given, std::optional<double> atol, std::optional<double> rtol,
            bool hermitian) {
  const detail::Running running("pinv", given);
  hermitian ? require_square("pinv", given) : require_matrix("pinv", given);
  const Tensor A = hermitian ? mirrored(given) : given;
  const Tensor Y = no_grad([&] {
    const SVD y = linalg::svd(A.detach(), false);
    const Tensor is_counted = counts("pinv", y.S, A, atol, rtol);
    const Tensor inverse = where(is_counted, 1 / where(is_counted, y.S, 1), 0);
    return contiguous(matmul(scaled_columns(turned(y.Vh), inverse), turned(y.U)));
  });
  return record(Op::pinv, Y, wrt(A, [A = saved(A), Y = saved_result(Y)](const Tensor& G) {
                  const Tensor a = A(), y = Y();
                  const Tensor left = matmul(turned(G), y);   // Gᵀ Y
                  const Tensor right = matmul(y, turned(G));  // Y Gᵀ
                  const Tensor of_columns = matmul(left, turned(y));
                  const Tensor of_rows = matmul(turned(y), right);
                  return -matmul(matmul(turned(y), G), turned(y)) + of_columns -
                         matmul(a, matmul(y, of_columns)) + of_rows - matmul(matmul(of_rows, y), a);
                }));
}

Tensor matrix_rank(const Tensor& A, std::optional<double> atol, std::optional<double> rtol,
                   bool hermitian) {
  const detail::Running running("matrix_rank", A);
  hermitian ? require_square("matrix_rank", A) : require_matrix("matrix_rank", A);
  const NoGradGuard guard;
  const Tensor S = svdvals(hermitian ? mirrored(A) : A);
  return sum(counts("matrix_rank", S, A, atol, rtol), -1);
}

}  // namespace xgrad::linalg

namespace xgrad {

OldSVD svd(const Tensor& A, bool some) {
  const auto [U, S, Vh] = linalg::svd(A, !some);
  return {U, S, matrices::turned(Vh)};
}

}  // namespace xgrad
