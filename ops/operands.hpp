#pragma once
// Internal: what elementwise operations share.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/operation.hpp>
#include <xgrad/ops/reduce.hpp>

namespace xgrad {

/// Both sides as tensors of one dtype.
struct Operands {
  Tensor a;
  Tensor b;
};
/// ValueError for an undefined one, numbered from `first`.
Operands resolve(const char* operation, const Operand& a, const Operand& b, std::size_t first = 1);

/// A rule for x that was broadcast: what `rule` gives, summed over the repetitions.
template <BackwardRule Rule>
auto summed_to(const Tensor& x, Rule rule) {
  return [shape = x.shape(), rule = std::move(rule)](Tensor dy) mutable {
    return sum_to(rule(std::move(dy)), shape);
  };
}

/// y[i] = f(x[i]) in x's floating dtype. Not recorded.
template <class F>
Tensor map_floating(const char* operation, const Tensor& x, const F& f) {
  const detail::Running running(operation, x);
  const Tensor in = as_it_lies(x);
  Tensor y = empty_like(in);
  const profiler::Scope scope(operation, [&] { return profiler::work_on({&x, &y}, 1); });
  dispatch_floating(x.dtype(), operation, [&]<class T>() {
    kernels::map(f, y.numel(), own_data<T>(y), own_data<T>(in));
  });
  return y;
}

/// The memory of x, which takes_memory(), for a result.
inline Tensor taken(const Tensor& x) {
  Tensor y = x.detach();
  y.impl()->copied_by = nullptr;
  return y;
}

/// y[i] = f(x[i]) in the memory of x, which takes_memory(): a tensor off the tape that shares it.
template <class F>
Tensor map_numeric_in_place(const char* operation, const Tensor& x, const F& f) {
  Tensor y = taken(x);
  const profiler::Scope scope(operation, [&] { return profiler::work_on({&x, &y}, 1); });
  dispatch_numeric(x.dtype(), operation, [&]<class T>() {
    T* const values = change_own_data<T>(y);
    kernels::map(f, y.numel(), values, values);
  });
  return y;
}

template <class F>
Tensor map_numeric(const char* operation, const Tensor& x, const F& f) {
  const detail::Running running(operation, x);
  const Tensor in = as_it_lies(x);
  Tensor y = empty_like(in);
  const profiler::Scope scope(operation, [&] { return profiler::work_on({&x, &y}, 1); });
  dispatch_numeric(x.dtype(), operation,
                   [&]<class T>() { kernels::map(f, y.numel(), own_data<T>(y), own_data<T>(in)); });
  return y;
}

/// f(a, b) for two of one shape and dtype, in the layout of either.
template <class F>
Tensor combine_arranged(const char* operation, const Tensor& a, const Tensor& b, const F& f) {
  const Layout layout = common_layout(a, b);
  const Tensor left = arranged(a, layout);
  const Tensor right = arranged(b, layout);
  Tensor y = empty(a.shape(), a.dtype(), layout);
  const profiler::Scope scope(operation, [&] { return profiler::work_on({&a, &b, &y}, 1); });
  dispatch_numeric(a.dtype(), operation, [&]<class T>() {
    const Shape line{y.numel()};
    kernels::map(f, line, own_data<T>(y), own_data<T>(left), line, own_data<T>(right), line);
  });
  return y;
}

/// f(a, b) for two of one shape and dtype that lie_alike() in the memory of a, which
/// takes_memory().
template <class F>
Tensor combine_in_place(const char* operation, const Tensor& a, const Tensor& b, const F& f) {
  Tensor y = taken(a);
  const profiler::Scope scope(operation, [&] { return profiler::work_on({&a, &b, &y}, 1); });
  dispatch_numeric(a.dtype(), operation, [&]<class T>() {
    const Shape line{y.numel()};
    T* const values = change_own_data<T>(y);
    kernels::map(f, line, values, values, line, own_data<T>(b), line);
  });
  return y;
}

/// f(a, b), broadcast, for a and b of one numeric dtype. Not recorded.
template <class F>
Tensor combine(const char* operation, const Tensor& a, const Tensor& b, const F& f) {
  const detail::Running running(operation, a, b);
  if ((a.storage()->is_blocked() || b.storage()->is_blocked()) && a.shape() == b.shape())
    return combine_arranged(operation, a, b, f);
  Tensor y = Tensor::empty(broadcast(a.shape(), b.shape(), operation), a.dtype());
  const profiler::Scope scope(operation, [&] { return profiler::work_on({&a, &b, &y}, 1); });
  dispatch_numeric(a.dtype(), operation, [&]<class T>() {
    kernels::map(f, y.shape(), y.mutable_data<T>(), a.data<T>(), a.shape(), b.data<T>(), b.shape());
  });
  return y;
}

}  // namespace xgrad
