#pragma once
// Internal: what elementwise operations share.

#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/operation.hpp>

namespace xgrad {

/// Both sides as tensors of one dtype.
struct Operands {
  Tensor a;
  Tensor b;
};
Operands resolve(const Operand& a, const Operand& b);

/// y[i] = f(x[i]) in x's floating dtype. Not recorded.
template <class F>
Tensor map_floating(const char* operation, const Tensor& x, const F& f) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch_floating(x.dtype(), operation, [&]<class T>() {
    kernels::map(f, x.numel(), y.mutable_data<T>(), x.data<T>());
  });
  return y;
}

template <class F>
Tensor map_numeric(const char* operation, const Tensor& x, const F& f) {
  Tensor y = Tensor::empty(x.shape(), x.dtype());
  dispatch_numeric(x.dtype(), operation, [&]<class T>() {
    kernels::map(f, x.numel(), y.mutable_data<T>(), x.data<T>());
  });
  return y;
}

/// f(a, b), broadcast, for a and b of one numeric dtype. Not recorded.
template <class F>
Tensor combine(const char* operation, const Tensor& a, const Tensor& b, const F& f) {
  Tensor y = Tensor::empty(broadcast(a.shape(), b.shape(), operation), a.dtype());
  dispatch_numeric(a.dtype(), operation, [&]<class T>() {
    kernels::map(f, y.shape(), y.mutable_data<T>(), a.data<T>(), a.shape(), b.data<T>(), b.shape());
  });
  return y;
}

}  // namespace xgrad
