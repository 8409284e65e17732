// Matrices far from singular, with singular values and eigenvalues far from each other: what has no
// derivative, or hardly one, is in tests/ops/linalg.cpp. Functions of vectors that are unique up to
// a sign are made such that the sign does not count.

#include <limits>

#include "ops/table.hpp"

namespace table {
namespace {

using Function = std::function<Tensor(const Tensor&)>;

/// In float32 what is of 16 bits, which linear algebra does not take.
Tensor widely(const Tensor& x, const Function& f) {
  const bool is_half = x.dtype() == bfloat16 || x.dtype() == float16;
  return is_half ? f(x.to(float32)).to(x.dtype()) : f(x);
}

/// With 3, 6, 9, … added along the diagonal.
Tensor spread(const Tensor& x) {
  const std::int64_t n = x.size(-2), m = x.size(-1);
  return x * 0.2 + eye(n, m, {.dtype = x.dtype()}) * (3 + 3 * arange(m).to(x.dtype()));
}
Tensor symmetric(const Tensor& x) { return spread(x) + transpose(spread(x), -2, -1); }
Tensor positive(const Tensor& x) {
  return matmul(x, transpose(x, -2, -1)) + eye(x.size(-2), {}, {.dtype = x.dtype()});
}

Row of(const char* name, const Shape& shape, const Function& f) {
  return {name, {normal(shape)}, [f](const Inputs& x) { return widely(x[0], f); }};
}

/// On a matrix and on a batch.
Rows squares(const Function& f) {
  return {of("matrix", {3, 3}, f), of("batch", {2, 1, 2, 2}, f), of("1 by 1", {1, 1}, f),
          of("none", {0, 2, 2}, f)};
}
Rows rectangles(const Function& f) {
  return {of("square", {3, 3}, f), of("tall", {4, 2}, f), of("wide", {2, 4}, f),
          of("batch", {2, 3, 2}, f), of("none", {0, 3, 2}, f)};
}

Row with(const char* name, const Shape& a, const Shape& b,
         const std::function<Tensor(const Tensor&, const Tensor&)>& f) {
  return {name, {normal(a), normal(b, 2)}, [f](const Inputs& x) {
            return widely(x[0],
                          [&](const Tensor& first) { return f(first, x[1].to(first.dtype())); });
          }};
}

}  // namespace

template <>
Rows rows<Op::cholesky>() {
  Rows rows = squares([](const Tensor& x) { return cholesky(positive(x)); });
  rows.push_back(of("upper", {3, 3}, [](const Tensor& x) { return cholesky(positive(x), true); }));
  return rows;
}

template <>
Rows rows<Op::solve>() {
  const auto solve = [](auto& a, auto& b) { return linalg::solve(spread(a), b); };
  return {with("columns", {3, 3}, {3, 2}, solve),
          with("a vector", {3, 3}, {3}, solve),
          with("vectors", {2, 3, 3}, {2, 3}, solve),
          with("a batch and one", {2, 2, 2}, {2, 1}, solve),
          with("one and a batch", {2, 2}, {3, 2, 2}, solve),
          with("from the right", {3, 3}, {2, 3},
               [](auto& a, auto& b) { return linalg::solve(spread(a), b, false); }),
          with("no columns", {2, 2}, {2, 0}, solve)};
}

template <>
Rows rows<Op::solve_triangular>() {
  Rows rows;
  for (const bool upper : {false, true})
    for (const bool unit : {false, true}) {
      rows.push_back(with("left", {2, 3, 3}, {3, 2}, [=](auto& a, auto& b) {
        return linalg::solve_triangular(spread(a), b, upper, true, unit);
      }));
      rows.push_back(with("right", {2, 2}, {3, 2}, [=](auto& a, auto& b) {
        return linalg::solve_triangular(spread(a), b, upper, false, unit);
      }));
    }
  return rows;
}

template <>
Rows rows<Op::lstsq>() {
  const auto solve = [](auto& a, auto& b) { return linalg::lstsq(spread(a), b).solution; };
  return {with("tall", {4, 2}, {4, 3}, solve), with("wide", {2, 3}, {2, 1}, solve),
          with("a vector", {3, 2}, {3}, solve),
          with("residuals", {4, 2}, {4, 2}, [](auto& a, auto& b) {
            return linalg::lstsq(spread(a), b).residuals.reshape({2});
          })};
}

template <>
Rows rows<Op::inv>() {
  return squares([](const Tensor& x) { return linalg::inv(spread(x)); });
}

template <>
Rows rows<Op::det>() {
  Rows rows = squares([](const Tensor& x) { return det(spread(x)); });
  rows.push_back(of("singular", {2}, [](const Tensor& x) {
    const Tensor zero = zeros_like(x);
    return det(stack({x, zero})) + det(stack({x * x, x}));
  }));
  return rows;
}

template <>
Rows rows<Op::slogdet>() {
  return squares([](const Tensor& x) { return slogdet(spread(x)).logabsdet; });
}

template <>
Rows rows<Op::qr>() {
  // A sign of a column of Q is one of a row of R.
  Rows rows = rectangles([](const Tensor& x) {
    const auto [Q, R] = qr(spread(x));
    return matmul(square(Q), square(R)) + square(R).sum(-2, true);
  });
  rows.push_back(of("r", {3, 2}, [](const Tensor& x) { return square(qr(spread(x), "r").R); }));
  return rows;
}

template <>
Rows rows<Op::svd>() {
  Rows rows = rectangles([](const Tensor& x) {
    const auto [U, S, Vh] = linalg::svd(spread(x), false);
    return matmul(square(U) * (1 + S).unsqueeze(-2), square(Vh)) +
           matmul(U * exp(S * -0.2).unsqueeze(-2), Vh);
  });
  rows.push_back(of("all vectors of a square", {3, 3}, [](const Tensor& x) {
    const auto [U, S, Vh] = linalg::svd(spread(x));
    return matmul(square(U) * S.unsqueeze(-2), square(Vh));
  }));
  rows.push_back(of("values beside all vectors", {4, 2},
                    [](const Tensor& x) { return linalg::svd(spread(x)).S; }));
  rows.push_back(of("torch's", {3, 2}, [](const Tensor& x) {
    const auto [U, S, V] = svd(spread(x));
    return square(U).sum() * S + square(V).sum(0) * S + matmul(square(V), S).sum();
  }));
  return rows;
}

template <>
Rows rows<Op::svdvals>() {
  return rectangles([](const Tensor& x) { return linalg::svdvals(spread(x)); });
}

template <>
Rows rows<Op::eigh>() {
  return squares([](const Tensor& x) {
    const auto [values, V] = linalg::eigh(symmetric(x));
    return matmul(square(V), values.unsqueeze(-1)) +
           matmul(V * exp(values * -0.1).unsqueeze(-2), transpose(V, -2, -1));
  });
}

template <>
Rows rows<Op::eigvalsh>() {
  return squares([](const Tensor& x) { return linalg::eigvalsh(symmetric(x), "U"); });
}

template <>
Rows rows<Op::pinv>() {
  Rows rows = rectangles([](const Tensor& x) { return linalg::pinv(spread(x)); });
  // Where the rank is below both extents, a change within matrices of that rank.
  rows.push_back(with("of low rank", {3, 1}, {1, 4}, [](auto& a, auto& b) {
    return linalg::pinv(matmul(a + 2, b + 2), {}, 1e-5);
  }));
  rows.push_back(of("hermitian", {3, 3},
                    [](const Tensor& x) { return linalg::pinv(symmetric(x), {}, {}, true); }));
  return rows;
}

template <>
Rows rows<Op::matrix_norm>() {
  Rows rows;
  for (const char* ord : {"fro", "nuc"})
    rows.push_back(of(ord, {2, 3, 2}, [ord](const Tensor& x) {
      return linalg::matrix_norm(spread(x), ord, {-2, -1}, true);
    }));
  constexpr double inf = std::numeric_limits<double>::infinity();
  for (const double ord : {1., -1., 2., -2., inf, -inf})
    rows.push_back(of("a number", {3, 2, 2}, [ord](const Tensor& x) {
      return linalg::matrix_norm(x, ord, {0, -1});
    }));
  return rows;
}

template <>
Rows rows<Op::matrix_power>() {
  Rows rows;
  for (const std::int64_t n : {1, 2, 5, -1, -3})
    rows.push_back(
        of("power", {2, 2, 2}, [n](const Tensor& x) { return matrix_power(spread(x) / 4, n); }));
  return rows;
}

template <>
Rows rows<Op::matrix_exp>() {
  Rows rows = squares([](const Tensor& x) { return matrix_exp(x); });
  rows.push_back(of("halved", {2, 2, 2}, [](const Tensor& x) {
    return matrix_exp(x * tensor({1., 8.}, {.dtype = x.dtype()}).reshape({2, 1, 1})) * 0.01;
  }));
  return rows;
}

template <>
Rows rows<Op::cond>() {
  const auto cond = [](const Tensor& x) { return linalg::cond(spread(x)); };
  Rows rows{of("matrix", {3, 3}, cond), of("batch", {2, 1, 2, 2}, cond)};
  rows.push_back(of("tall", {4, 2}, [](const Tensor& x) { return linalg::cond(spread(x), -2); }));
  rows.push_back(of("1", {3, 3}, [](const Tensor& x) { return linalg::cond(spread(x), 1); }));
  rows.push_back(of("fro", {3, 3}, [](const Tensor& x) { return linalg::cond(spread(x), "fro"); }));
  return rows;
}

}  // namespace table
