#pragma once
// Internal: LAPACK (OpenBLAS's) on one matrix, for float and double. Matrices lie column by column,
// without gaps unless a step from column to column is given; so one that lies row by row is here
// its transpose. Nothing is checked: no matrix is empty, no extent above what an int holds.
// int results are LAPACK's: 0, or what is wrong.

#include <cstdint>

namespace xgrad::kernels::lapack {

/// The triangle of a matrix that is read.
enum class Triangle : char { upper = 'U', lower = 'L' };

/// a = its Cholesky factor, in the triangle. i where the leading minor of order i is not positive.
template <class T>
int cholesky(Triangle triangle, std::int64_t n, T* a);
/// a = L U of its permuted rows: row i was exchanged with row pivots[i] − 1. i where U has a 0 at
/// i.
template <class T>
int lu(std::int64_t n, T* a, int* pivots);
/// b [n, k] = a⁻¹ b, or that of the transpose, from what lu() made of a.
template <class T>
void lu_solve(bool transposed, std::int64_t n, std::int64_t k, const T* a, const int* pivots, T* b);
/// x [k, n] = x a⁻¹ for a triangle of a [n, n], whose diagonal counts as ones if `is_unit`.
template <class T>
void solve_from_right(Triangle triangle, bool is_unit, std::int64_t n, std::int64_t k, const T* a,
                      T* x);
/// a [m, n] = R above its diagonal and what q() needs below.
template <class T>
int qr(std::int64_t m, std::int64_t n, T* a, T* scales);
/// a [m, columns] = Q from `count` reflections of qr().
template <class T>
int q(std::int64_t m, std::int64_t columns, std::int64_t count, T* a, const T* scales);
/// a [m, n] = u diag(s) vt, min(m, n) columns of u and rows of vt, or all if `is_full`; a is lost.
template <class T>
int svd(bool is_full, std::int64_t m, std::int64_t n, T* a, T* s, T* u, T* vt);
/// a = its eigenvectors, one to a column, for eigenvalues w in ascending order.
template <class T>
int eigh(Triangle triangle, std::int64_t n, T* a, T* w);

}  // namespace xgrad::kernels::lapack
