#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/kernels/gemm.hpp>
#include <xgrad/ops/peak.hpp>

#include <algorithm>
#include <chrono>

namespace xgrad::profiler {
namespace {

/// The shortest of a few runs, in seconds; the first one warms up.
template <class F>
double shortest(int runs, const F& f) {
  double best = 0;
  for (int i = 0; i <= runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (i == 1 || (i > 1 && elapsed.count() < best)) best = elapsed.count();
  }
  return best;
}

}  // namespace

Peak measure_peak() {
  constexpr std::int64_t n = 1024;
  const Tensor a = Tensor::empty({n, n}).fill_(1);
  Tensor c = Tensor::empty({n, n});
  const double product = shortest(4, [&] {
    kernels::gemm<float>(n, n, n, {a.data<float>(), n}, {a.data<float>(), n},
                         c.mutable_data<float>(), n);
  });
  constexpr std::int64_t many = 16'000'000;
  const Tensor x = Tensor::empty({many}).fill_(1);
  Tensor y = Tensor::empty({many});
  const double sum = shortest(3, [&] {
    kernels::map(kernels::Formula{[](float v) { return v + 1; }}, many, {}, y.mutable_data<float>(),
                 x.data<float>());
  });
  return {.flops = 2.0 * n * n * n / product, .bytes = 2.0 * many * sizeof(float) / sum};
}

}  // namespace xgrad::profiler
