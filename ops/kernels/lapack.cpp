#include <xgrad/ops/kernels/lapack.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

extern "C" {
void spotrf_(const char*, const int*, float*, const int*, int*);
void dpotrf_(const char*, const int*, double*, const int*, int*);
void sgetrf_(const int*, const int*, float*, const int*, int*, int*);
void dgetrf_(const int*, const int*, double*, const int*, int*, int*);
void sgetrs_(const char*, const int*, const int*, const float*, const int*, const int*, float*,
             const int*, int*);
void dgetrs_(const char*, const int*, const int*, const double*, const int*, const int*, double*,
             const int*, int*);
void strsm_(const char*, const char*, const char*, const char*, const int*, const int*,
            const float*, const float*, const int*, float*, const int*);
void dtrsm_(const char*, const char*, const char*, const char*, const int*, const int*,
            const double*, const double*, const int*, double*, const int*);
void sgeqrf_(const int*, const int*, float*, const int*, float*, float*, const int*, int*);
void dgeqrf_(const int*, const int*, double*, const int*, double*, double*, const int*, int*);
void sorgqr_(const int*, const int*, const int*, float*, const int*, const float*, float*,
             const int*, int*);
void dorgqr_(const int*, const int*, const int*, double*, const int*, const double*, double*,
             const int*, int*);
void sgesdd_(const char*, const int*, const int*, float*, const int*, float*, float*, const int*,
             float*, const int*, float*, const int*, int*, int*);
void dgesdd_(const char*, const int*, const int*, double*, const int*, double*, double*, const int*,
             double*, const int*, double*, const int*, int*, int*);
void ssyevd_(const char*, const char*, const int*, float*, const int*, float*, float*, const int*,
             int*, const int*, int*);
void dsyevd_(const char*, const char*, const int*, double*, const int*, double*, double*,
             const int*, int*, const int*, int*);
}

namespace xgrad::kernels::lapack {
namespace {

/// The function for T of the two.
template <class T, class Single, class Double>
constexpr auto pick(Single* single, Double* twice) {
  if constexpr (std::is_same_v<T, float>)
    return single;
  else
    return twice;
}

int as_int(std::int64_t n) { return static_cast<int>(n); }

/// run(room, its size), asked first with −1 how much room it wants.
template <class T, class F>
void with_room(const F& run) {
  T wanted = 0;
  int size = -1;
  run(&wanted, &size);
  // A float may not hold it: one step up.
  size = std::max(1, static_cast<int>(std::nextafter(wanted, std::numeric_limits<T>::max())) + 1);
  std::vector<T> room(static_cast<std::size_t>(size));
  run(room.data(), &size);
}

}  // namespace

template <class T>
int cholesky(Triangle triangle, std::int64_t extent, T* a) {
  const int n = as_int(extent);
  const char which = static_cast<char>(triangle);
  int info = 0;
  pick<T>(spotrf_, dpotrf_)(&which, &n, a, &n, &info);
  return info;
}

template <class T>
int lu(std::int64_t extent, T* a, int* pivots) {
  const int n = as_int(extent);
  int info = 0;
  pick<T>(sgetrf_, dgetrf_)(&n, &n, a, &n, pivots, &info);
  return info;
}

template <class T>
void lu_solve(bool transposed, std::int64_t extent, std::int64_t columns, const T* a,
              const int* pivots, T* b) {
  const int n = as_int(extent), k = as_int(columns);
  const char which = transposed ? 'T' : 'N';
  int info = 0;
  pick<T>(sgetrs_, dgetrs_)(&which, &n, &k, a, &n, pivots, b, &n, &info);
}

template <class T>
void solve_from_right(Triangle triangle, bool is_unit, std::int64_t extent, std::int64_t rows,
                      const T* a, T* x) {
  const int n = as_int(extent), k = as_int(rows);
  const char side = 'R', plain = 'N', which = static_cast<char>(triangle);
  const char diagonal = is_unit ? 'U' : 'N';
  const T one = 1;
  pick<T>(strsm_, dtrsm_)(&side, &which, &plain, &diagonal, &k, &n, &one, a, &n, x, &k);
}

template <class T>
int qr(std::int64_t rows, std::int64_t columns, T* a, T* scales) {
  const int m = as_int(rows), n = as_int(columns);
  int info = 0;
  with_room<T>([&](T* room, const int* size) {
    pick<T>(sgeqrf_, dgeqrf_)(&m, &n, a, &m, scales, room, size, &info);
  });
  return info;
}

template <class T>
int q(std::int64_t rows, std::int64_t columns, std::int64_t count, T* a, const T* scales) {
  const int m = as_int(rows), n = as_int(columns), k = as_int(count);
  int info = 0;
  with_room<T>([&](T* room, const int* size) {
    pick<T>(sorgqr_, dorgqr_)(&m, &n, &k, a, &m, scales, room, size, &info);
  });
  return info;
}

template <class T>
int svd(bool is_full, std::int64_t rows, std::int64_t columns, T* a, T* s, T* u, T* vt) {
  const int m = as_int(rows), n = as_int(columns), k = std::min(m, n);
  const char which = is_full ? 'A' : 'S';
  const int rows_of_vt = is_full ? n : k;
  std::vector<int> places(8 * static_cast<std::size_t>(k));
  int info = 0;
  with_room<T>([&](T* room, const int* size) {
    pick<T>(sgesdd_, dgesdd_)(&which, &m, &n, a, &m, s, u, &m, vt, &rows_of_vt, room, size,
                              places.data(), &info);
  });
  return info;
}

template <class T>
int eigh(Triangle triangle, std::int64_t extent, T* a, T* w) {
  const int n = as_int(extent);
  const char vectors = 'V', which = static_cast<char>(triangle);
  // What LAPACK's manual asks for; the question for it takes a call as well.
  const int size = 1 + 6 * n + 2 * n * n, places = 3 + 5 * n;
  std::vector<T> room(static_cast<std::size_t>(size));
  std::vector<int> numbers(static_cast<std::size_t>(places));
  int info = 0;
  pick<T>(ssyevd_, dsyevd_)(&vectors, &which, &n, a, &n, w, room.data(), &size, numbers.data(),
                            &places, &info);
  return info;
}

#define XGRAD_INSTANTIATE(T)                                                                \
  template int cholesky(Triangle, std::int64_t, T*);                                        \
  template int lu(std::int64_t, T*, int*);                                                  \
  template void lu_solve(bool, std::int64_t, std::int64_t, const T*, const int*, T*);       \
  template void solve_from_right(Triangle, bool, std::int64_t, std::int64_t, const T*, T*); \
  template int qr(std::int64_t, std::int64_t, T*, T*);                                      \
  template int q(std::int64_t, std::int64_t, std::int64_t, T*, const T*);                   \
  template int svd(bool, std::int64_t, std::int64_t, T*, T*, T*, T*);                       \
  template int eigh(Triangle, std::int64_t, T*, T*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels::lapack
