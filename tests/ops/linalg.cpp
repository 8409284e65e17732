#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

const double inf = std::numeric_limits<double>::infinity();
using Values = std::vector<double>;

Tensor turned(const Tensor& x) { return transpose(x, -2, -1); }
bool close(const Tensor& a, const Tensor& b, double tolerance = 1e-12) {
  return a.shape() == b.shape() && allclose(a, b, 0, tolerance);
}
Tensor identity(std::int64_t n) { return eye(n, {}, {.dtype = float64}); }
Tensor matrix(const NestedList& values) { return tensor(values, {.dtype = float64}); }

template <class F>
Tensor gradient(const Tensor& x, const F& f) {
  const Tensor leaf = x.clone().requires_grad_();
  sum(f(leaf)).backward();
  return leaf.grad();
}

}  // namespace

TEST_CASE("factors put together again are the matrix") {
  for (const Shape& shape : {Shape{1, 1}, Shape{4, 4}, Shape{5, 3}, Shape{3, 5}, Shape{2, 3, 4, 2},
                             Shape{40, 40}, Shape{70, 3, 3}, Shape{0, 3, 2}}) {
    CAPTURE(shape);
    const Tensor A = normal(shape, 5);
    const std::int64_t m = A.size(-2), n = A.size(-1), k = std::min(m, n);
    for (const DType dtype : {float64, float32}) {
      const double rounding = dtype == float64 ? 1e-12 : 1e-4;
      const Tensor a = A.to(dtype);
      const auto [Q, R] = qr(a);
      CHECK(Q.size(-1) == k);
      CHECK(close(matmul(Q, R), a, rounding));
      const auto whole = qr(a, "complete");
      CHECK(whole.Q.size(-1) == m);
      CHECK(close(matmul(whole.Q, whole.R), a, rounding));
      for (const bool full : {false, true}) {
        const auto [U, S, Vh] = linalg::svd(a, full);
        CHECK(U.size(-1) == (full ? m : k));
        CHECK(Vh.size(-2) == (full ? n : k));
        CHECK(close(matmul(U.slice(-1, 0, k) * S.unsqueeze(-2), Vh.slice(-2, 0, k)), a, rounding));
        const Tensor I = eye(U.size(-1), {}, {.dtype = dtype});
        if (a.numel() > 0)
          CHECK(
              allclose(matmul(turned(U), U), I.expand(matmul(turned(U), U).shape()), 0, rounding));
      }
      CHECK(close(matmul(matmul(a, linalg::pinv(a)), a), a, rounding));
    }
    const Tensor square = matmul(A, turned(A));
    const auto [values_of, V] = linalg::eigh(square);
    CHECK(close(matmul(V * values_of.unsqueeze(-2), turned(V)), square, 1e-10));
    const Tensor positive = square + identity(m);
    const Tensor L = cholesky(positive);
    CHECK(close(matmul(L, turned(L)), positive, 1e-10));
    CHECK(equal(cholesky(positive, true), turned(L)));
    CHECK(
        close(matmul(positive, linalg::inv(positive)), identity(m).expand(positive.shape()), 1e-8));
  }
  CHECK(values(qr(normal({3, 2}), "r").Q).empty());
  const auto [U, S, V] = svd(normal({4, 2}, 3));
  CHECK(close(matmul(U * S.unsqueeze(-2), turned(V)), normal({4, 2}, 3)));
  CHECK(svd(normal({4, 2}, 3), false).U.shape() == Shape{4, 4});
  CHECK(linalg::svd(normal({4, 2}, 3)).U.shape() == Shape{4, 4});
}

TEST_CASE("equations are solved, from both sides, for vectors and over batches") {
  const Tensor A = normal({2, 1, 3, 3}, 1) + 3 * identity(3);
  const Tensor B = normal({4, 3, 2}, 2);
  CHECK(close(matmul(A, linalg::solve(A, B)), B.expand({2, 4, 3, 2})));
  const Tensor rows = normal({5, 3}, 3);
  CHECK(close(matmul(linalg::solve(A, rows, false), A), rows.expand({2, 1, 5, 3})));
  const Tensor v = normal({3}, 4);
  CHECK(close(matmul(A, linalg::solve(A, v).unsqueeze(-1)).squeeze(-1), v.expand({2, 1, 3})));
  for (const bool upper : {false, true})
    for (const bool unit : {false, true}) {
      const Tensor mask =
          upper ? arange(3) >= arange(3).unsqueeze(1) : arange(3) <= arange(3).unsqueeze(1);
      Tensor T = where(mask, A, 0);
      if (unit) T = where(identity(3) == 1, 1, T);
      CHECK(close(matmul(T, linalg::solve_triangular(A, B, upper, true, unit)),
                  B.expand({2, 4, 3, 2})));
      CHECK(close(matmul(linalg::solve_triangular(A, rows, upper, false, unit), T),
                  rows.expand({2, 1, 5, 3})));
    }
  CHECK(values(linalg::solve_triangular(matrix({{0., 0.}, {1., 1.}}), matrix({{1.}, {1.}}),
                                        false))[0] == inf);
  CHECK(linalg::solve(zeros({0, 0}), zeros({0, 2})).shape() == Shape{0, 2});
}

TEST_CASE("determinants by hand, and their derivatives where there is no inverse") {
  CHECK(det(matrix({{1., 2.}, {3., 4.}})).item() == doctest::Approx(-2));
  CHECK(det(matrix({{0., 1.}, {1., 0.}})).item() == -1);
  CHECK(values(det(zeros({2, 0, 0}))) == Values{1, 1});
  CHECK(det(zeros({0, 3, 3})).shape() == Shape{0});
  const auto [sign, size] = slogdet(matrix({{0., 2.}, {3., 0.}}));
  CHECK(sign.item() == -1);
  CHECK(size.item() == doctest::Approx(std::log(6)));
  CHECK(std::isnan(logdet(matrix({{0., 2.}, {3., 0.}})).item()));
  CHECK(logdet(matrix({{2., 0.}, {0., 3.}})).item() == doctest::Approx(std::log(6)));
  CHECK(slogdet(zeros({2, 2})).sign.item() == 0);
  CHECK(slogdet(zeros({2, 2})).logabsdet.item() == -inf);
  // Cofactors: of rank 1, of rank 2 − 1e−9, of rank 0.
  const auto cofactors = [](const Tensor& A) {
    return gradient(A, [](auto& x) { return det(x); });
  };
  CHECK(close(cofactors(matrix({{1., 2.}, {2., 4.}})), matrix({{4., -2.}, {-2., 1.}})));
  CHECK(
      close(cofactors(matrix({{1., 2.}, {2., 4. + 1e-9}})), matrix({{4. + 1e-9, -2.}, {-2., 1.}})));
  CHECK(close(cofactors(zeros({2, 2}, {.dtype = float64})), zeros({2, 2}, {.dtype = float64})));
  CHECK(cofactors(matrix({{0.}})).item() == 1);
  CHECK(close(cofactors(stack({matrix({{1., 1.}, {1., 1.}}), matrix({{0., -1.}, {1., 0.}})})),
              stack({matrix({{1., -1.}, {-1., 1.}}), matrix({{0., -1.}, {1., 0.}})})));
  const Tensor A = matrix({{1., 2.}, {2., 4.}});
  CHECK(gradgradcheck([](const Tensor& x) { return det(x); }, {A}));
}

TEST_CASE("least squares") {
  const Tensor A = normal({6, 3}, 1), B = normal({6, 2}, 2);
  const auto [X, residuals, rank, singular] = linalg::lstsq(A, B);
  CHECK(allclose(matmul(turned(A), matmul(A, X) - B), zeros({3, 2}, {.dtype = float64}), 0, 1e-12));
  CHECK(close(residuals, square(matmul(A, X) - B).sum(0)));
  CHECK(rank.item<int>() == 3);
  CHECK(close(singular, linalg::svdvals(A)));
  // Of low rank, the solution of the smallest norm.
  const Tensor low = matrix({{1., 1.}, {1., 1.}, {1., 1.}});
  const auto least = linalg::lstsq(low, matrix({{1.}, {2.}, {3.}}));
  CHECK(close(least.solution, matrix({{1.}, {1.}})));
  CHECK(least.rank.item<int>() == 1);
  CHECK(least.residuals.shape() == Shape{0});
  CHECK(linalg::lstsq(low, tensor({1., 2., 3.}, {.dtype = float64})).solution.shape() == Shape{2});
}

TEST_CASE("norms, ranks and condition numbers by hand") {
  const Tensor A = matrix({{3., 0.}, {-4., 0.}});
  CHECK(linalg::matrix_norm(A).item() == 5);
  CHECK(linalg::matrix_norm(A, "nuc").item() == doctest::Approx(5));
  CHECK(linalg::matrix_norm(A, 1).item() == 7);
  CHECK(linalg::matrix_norm(A, -1).item() == 0);
  CHECK(linalg::matrix_norm(A, inf).item() == 4);
  CHECK(linalg::matrix_norm(A, -inf).item() == 3);
  CHECK(linalg::matrix_norm(A, 2).item() == doctest::Approx(5));
  CHECK(std::abs(linalg::matrix_norm(A, -2).item()) < 1e-15);
  CHECK(linalg::matrix_norm(A, inf, {1, 0}).item() == 7);
  CHECK(linalg::matrix_norm(normal({2, 3, 4}), 2, {2, 0}, true).shape() == Shape{1, 3, 1});
  CHECK(linalg::vector_norm(A).item() == 5);
  CHECK(linalg::norm(A).item() == 5);
  CHECK(linalg::norm(A, 1).item() == 7);
  CHECK(values(linalg::norm(A, 1, 1)) == Values{3, 4});
  CHECK(linalg::norm(A, "nuc").item() == doctest::Approx(5));
  CHECK(linalg::matrix_rank(A).item<int>() == 1);
  CHECK(linalg::matrix_rank(identity(3)).item<int>() == 3);
  CHECK(linalg::matrix_rank(matrix({{1., 0.}, {0., 1e-3}}), 1e-2).item<int>() == 1);
  CHECK(linalg::matrix_rank(matrix({{1., 9.}, {0., 1.}}), {}, {}, true).item<int>() == 2);
  CHECK(linalg::cond(matrix({{4., 0.}, {0., 2.}})).item() == doctest::Approx(2));
  CHECK(linalg::cond(matrix({{4., 0.}, {0., 2.}}), 1).item() == doctest::Approx(2));
  CHECK(linalg::cond(A, "fro").item() == inf);
  CHECK(values(matrix_power(matrix({{1., 1.}, {0., 1.}}), 5)) == Values{1, 5, 0, 1});
  CHECK(values(matrix_power(matrix({{1., 1.}, {0., 1.}}), -2)) == Values{1, -2, 0, 1});
  CHECK(values(matrix_power(A, 0)) == Values{1, 0, 0, 1});
}

TEST_CASE("the exponential of a matrix") {
  // Of a nilpotent one, of a rotation, of diagonal ones however large, of a batch of unlike size.
  CHECK(close(matrix_exp(matrix({{0., 5.}, {0., 0.}})), matrix({{1., 5.}, {0., 1.}})));
  const double t = 30;
  CHECK(close(matrix_exp(matrix({{0., -t}, {t, 0.}})),
              matrix({{std::cos(t), -std::sin(t)}, {std::sin(t), std::cos(t)}})));
  const Tensor d = tensor({-40., 0., 1., 20.}, {.dtype = float64});
  const Tensor e = matrix_exp(identity(4) * d);
  CHECK(allclose(e, identity(4) * exp(d), 1e-13, 1e-10));
  const Tensor both = stack({normal({3, 3}, 1) * 0.01, normal({3, 3}, 2) * 3});
  CHECK(close(matrix_exp(both)[0], matrix_exp(both[0])));
  CHECK(allclose(matrix_exp(both)[1], matrix_exp(both[1]), 1e-12));
  CHECK(allclose(matmul(matrix_exp(both), matrix_exp(-both)), identity(3).expand({2, 3, 3}), 0,
                 1e-5));
  CHECK(matrix_exp(zeros({2, 0, 0})).shape() == Shape{2, 0, 0});
}

TEST_CASE("eigenvalues and singular values of equal size still have gradients of their sums") {
  const Tensor I = identity(3);
  CHECK(close(gradient(I, [](auto& x) { return linalg::eigvalsh(x); }), I));
  CHECK(close(gradient(I, [](auto& x) { return linalg::svdvals(x); }), I));
  // Of one triangle alone.
  CHECK(
      close(linalg::eigvalsh(matrix({{1., 9.}, {0., 2.}})), tensor({1., 2.}, {.dtype = float64})));
  CHECK(close(linalg::eigvalsh(matrix({{1., 0.}, {9., 2.}}), "U"),
              tensor({1., 2.}, {.dtype = float64})));
}

TEST_CASE("matrices that have no such factor are named") {
  const Tensor batch =
      stack({identity(2), matrix({{1., 2.}, {2., 1.}}), matrix({{1., 1.}, {1., 1.}})});
  CHECK(
      message_of<ValueError>([&] { cholesky(batch); }) ==
      "cholesky: matrix 1 of the batch [3] is not positive definite: its leading minor of order 2 "
      "is not positive");
  CHECK(message_of<ValueError>([&] { linalg::inv(batch); }) ==
        "inv: matrix 2 of the batch [3] is singular");
  CHECK(message_of<ValueError>([] {
          linalg::solve(zeros({2, 2}), zeros({2}));
        }) == "solve: the matrix is singular");
  const Tensor broken = stack({identity(2), full({2, 2}, NAN, {.dtype = float64})});
  CHECK(message_of<ValueError>([&] { linalg::svd(broken); }) ==
        "svd: matrix 1 of the batch [2] holds NaN or infinity");
  CHECK(message_of<ValueError>([&] { linalg::eigh(broken); }) ==
        "eigh: matrix 1 of the batch [2] holds NaN or infinity");
  CHECK(message_of<ShapeError>([] {
          det(zeros({2, 3}));
        }) == "det: shape [2, 3]; the matrix must be square");
  CHECK(message_of<ShapeError>([] { linalg::svd(zeros({3})); }) ==
        "svd: shape [3]; the last two axes must be those of a matrix");
  CHECK(message_of<DTypeError>([] {
          linalg::inv(zeros({2, 2}, {.dtype = bfloat16}));
        }) == "inv: takes float32 and float64, got bfloat16; convert with x.to(xgrad::float32)");
  CHECK(message_of<ShapeError>([] {
          linalg::solve(eye(2), zeros({3, 1}));
        }) == "solve: shapes [2, 2] and [3, 1]; B must have as many rows as A");
  CHECK(message_of<ValueError>([] { qr(eye(2), "raw"); }) ==
        "qr: the mode is raw; it is reduced, complete or r");
  CHECK(message_of<ValueError>([] { linalg::matrix_norm(eye(2), 3); }) ==
        "matrix_norm: ord is 3; it is 1, 2, inf, the same below 0, fro or nuc");
  const Tensor tall = normal({3, 2}).requires_grad_();
  CHECK(message_of<GraphError>([&] { qr(tall, "complete").Q.sum().backward(); }) ==
        "qr: of more rows than columns, mode \"complete\" has no derivatives; \"reduced\" has");
  CHECK(message_of<GraphError>([&] { linalg::svd(tall).U.sum().backward(); }) ==
        "svd: of all of U and Vh there are no derivatives; with full_matrices = false there are");
}

TEST_CASE("batches give the same bits on any number of threads") {
  const Tensor A = normal({60, 20, 20}, 9);
  const auto all = [&] {
    return std::vector{linalg::svd(A, false).S, linalg::inv(A), det(A), qr(A).R,
                       linalg::eigh(A).eigenvalues};
  };
  const auto expected = all();
  for (const int threads : {1, 3}) {
    const Threads guard(threads);
    const auto found = all();
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(equal(found[i], expected[i]));
  }
}

TEST_CASE("as many columns as there are pieces of, on however many threads") {
  const Tensor A = normal({3, 30, 30}) + 10 * eye(30, {}, {.dtype = float64});
  for (const std::int64_t columns : {63, 64, 65, 200}) {
    CAPTURE(columns);
    const Tensor B = normal({3, 30, columns}, 2);
    const Tensor X = linalg::solve(A, B);
    CHECK(allclose(matmul(A, X), B, 1e-12, 1e-12));
    for (const int threads : {1, 3}) {
      const Threads some(threads);
      CHECK(equal(linalg::solve(A, B), X));
    }
  }
}
