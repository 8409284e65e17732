// Linear algebra. The usual matrix of the others, [0, 1, 2, …], may be singular: it is made regular
// where it is finite.

#include "hostile.hpp"

using namespace hostile;

namespace {

/// Square, and regular where it can be.
Tensor square(Arguments& from) {
  const Tensor x = from.tensor({2, 2});
  const bool is_usual = x.defined() && x.shape() == Shape{2, 2} && x.dtype() == float32;
  return is_usual ? matmul(x, x.t()) * 0.1 + eye(2) : x;
}

}  // namespace

TEST_CASE("hostile: solving and inverting") {
  sweep({
      {"cholesky",
       [](Arguments& from) {
         const Tensor A = square(from);
         Arguments::use(cholesky(A, from.flag()));
       }},
      {"solve",
       [](Arguments& from) {
         const Tensor A = square(from);
         const Tensor B = from.tensor({2, 3});
         Arguments::use(linalg::solve(A, B, from.flag(true)));
       }},
      {"solve_triangular",
       [](Arguments& from) {
         const Tensor A = square(from);
         const Tensor B = from.tensor({2, 3});
         const bool upper = from.flag();
         const bool left = from.flag(true);
         Arguments::use(linalg::solve_triangular(A, B, upper, left, from.flag()));
       }},
      {"lstsq|pinv|svd|matrix_rank",
       [](Arguments& from) {
         const Tensor A = from.tensor({3, 2});
         const Tensor B = from.tensor({3, 2});
         Arguments::use(linalg::lstsq(A, B, from.real()).solution);
       }},
      {"inv", [](Arguments& from) { Arguments::use(linalg::inv(square(from))); }},
      {"inv", [](Arguments& from) { Arguments::use(inverse(square(from))); }},
      {"det", [](Arguments& from) { Arguments::use(det(square(from))); }},
      {"logdet|slogdet", [](Arguments& from) { Arguments::use(logdet(square(from))); }},
      {"slogdet",
       [](Arguments& from) {
         const auto [sign, size] = slogdet(square(from));
         Arguments::use({sign, size});
       }},
      {"matrix_power|inv",
       [](Arguments& from) {
         const Tensor A = square(from);
         Arguments::use(matrix_power(A, from.size(2)));
       }},
      {"matrix_exp|solve", [](Arguments& from) { Arguments::use(matrix_exp(square(from))); }},
  });
}

TEST_CASE("hostile: factors, and what is made of them") {
  sweep({
      {"qr",
       [](Arguments& from) {
         const Tensor A = from.tensor({3, 2});
         const auto [Q, R] = qr(A, from.text("reduced"));
         Arguments::use({Q, R});
       }},
      {"svd",
       [](Arguments& from) {
         const Tensor A = from.tensor({3, 2});
         const auto [U, S, Vh] = linalg::svd(A, from.flag());
         Arguments::use({U, S, Vh});
       }},
      {"svd",
       [](Arguments& from) {
         const Tensor A = from.tensor({3, 2});
         const auto [U, S, V] = svd(A, from.flag(true));
         Arguments::use({U, S, V});
       }},
      {"svdvals|svd",
       [](Arguments& from) {
         Arguments::use(linalg::svdvals(from.tensor({3, 2})));
       }},
      {"eigh",
       [](Arguments& from) {
         const Tensor A = square(from);
         const auto [values, vectors] = linalg::eigh(A, from.text("L"));
         Arguments::use({values, vectors});
       }},
      {"eigvalsh|eigh",
       [](Arguments& from) {
         const Tensor A = square(from);
         Arguments::use(linalg::eigvalsh(A, from.text("U")));
       }},
      {"pinv|svd",
       [](Arguments& from) {
         const Tensor A = square(from);
         const double atol = from.real();
         const double rtol = from.real();
         Arguments::use(linalg::pinv(A, atol, rtol, from.flag()));
       }},
      {"pinv|svd",
       [](Arguments& from) {
         const Tensor A = from.tensor({3, 2});
         Arguments::use(pinverse(A, from.real(1e-15)));
       }},
      {"matrix_rank|svdvals|svd",
       [](Arguments& from) {
         const Tensor A = square(from);
         const double atol = from.real();
         const double rtol = from.real();
         Arguments::use(linalg::matrix_rank(A, atol, rtol, from.flag()));
       }},
      {"cond|matrix_norm|svdvals|svd|slogdet",
       [](Arguments& from) {
         const Tensor A = square(from);
         Arguments::use(linalg::cond(A, from.real(2)));
       }},
      {"cond|matrix_norm|svdvals|svd|slogdet",
       [](Arguments& from) {
         const Tensor A = square(from);
         Arguments::use(linalg::cond(A, from.text("fro")));
       }},
      {"matrix_norm|svdvals|svd|amax|amin|norm",
       [](Arguments& from) {
         const Tensor A = from.tensor({3, 2});
         const double ord = from.real(1);
         const Axes axes = from.axes({-2, -1});
         Arguments::use(linalg::matrix_norm(A, ord, axes, from.flag()));
       }},
      {"matrix_norm|svdvals|svd",
       [](Arguments& from) {
         const Tensor A = from.tensor({3, 2});
         const std::string ord = from.text("nuc");
         const Axes axes = from.axes({-2, -1});
         Arguments::use(linalg::matrix_norm(A, ord, axes, from.flag()));
       }},
      {"vector_norm|norm",
       [](Arguments& from) {
         const Tensor x = from.tensor({3, 2});
         const Scalar ord = from.scalar();
         const Axes axes = from.axes({1});
         Arguments::use(linalg::vector_norm(x, ord, axes, from.flag()));
       }},
      {"norm|matrix_norm|svdvals|svd|amax|amin",
       [](Arguments& from) {
         const Tensor x = from.tensor({3, 2});
         const double ord = from.real(1);
         const Axes axes = from.axes({0, 1});
         Arguments::use(linalg::norm(x, ord, axes, from.flag()));
       }},
  });
}
