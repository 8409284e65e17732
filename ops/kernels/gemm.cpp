#include <xgrad/ops/kernels/gemm.hpp>

#include <algorithm>

#if __has_include(<xtensor-blas/xblas.hpp>)
#include <xtensor-blas/xblas.hpp>
#else
#include <xtensor/blas/xblas.hpp>
#endif

namespace xgrad::kernels {

template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a, const Matrix<T>& b,
          T* c, std::int64_t c_step, bool accumulate) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (std::int64_t i = 0; i < m && !accumulate; ++i) std::fill_n(c + i * c_step, n, T(0));
    return;
  }
  using Index = xt::blas_index_t;
  const auto index = [](std::int64_t value) { return static_cast<Index>(value); };
  const auto flag = [](bool transposed) {
    return transposed ? cxxblas::Transpose::Trans : cxxblas::Transpose::NoTrans;
  };
  cxxblas::gemm<Index>(cxxblas::StorageOrder::RowMajor, flag(a.transposed), flag(b.transposed),
                       index(m), index(n), index(k), T(1), a.values, index(a.step), b.values,
                       index(b.step), accumulate ? T(1) : T(0), c, index(c_step));
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, const Matrix<float>&,
                   const Matrix<float>&, float*, std::int64_t, bool);
template void gemm(std::int64_t, std::int64_t, std::int64_t, const Matrix<double>&,
                   const Matrix<double>&, double*, std::int64_t, bool);

}  // namespace xgrad::kernels
