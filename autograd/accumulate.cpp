#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/profiler.hpp>

namespace xgrad::detail {

Tensor add_gradients(const Tensor& a, const Tensor& b) {
  Tensor sum = Tensor::empty(a.shape(), a.dtype());
  const profiler::Scope scope("add_gradients", [&] {
    return profiler::work_on({&a, &b, &sum}, 1);
  });
  dispatch_floating(a.dtype(), "add_gradients", [&]<class T>() {
    const T* x = a.data<T>();
    const T* y = b.data<T>();
    T* out = sum.mutable_data<T>();
    for (std::int64_t i = 0; i < sum.numel(); ++i) out[i] = x[i] + y[i];
  });
  const auto pass = [](const Tensor& dy) { return dy; };
  return record("add_gradients", sum, wrt(a, pass), wrt(b, pass));
}

}  // namespace xgrad::detail
