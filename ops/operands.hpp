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

#include <array>
#include <cstdint>
#include <utility>

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

/// What an operation is called, in messages and by the profiler.
struct Name {
  const char* text;

  Name(Op op) : text(name(op)) {}               // NOLINT: an Op is a name
  Name(const char* literal) : text(literal) {}  // NOLINT
};

/// The dtypes that an operation takes.
enum class Types : std::uint8_t { numeric, floating };

/// y[i] = f(x[i]…) for tensors of one shape and dtype, in the layout they meet in. Not recorded.
template <Types types, class F, class... X>
Tensor map(Name operation, const F& f, const Tensor& x, const X&... more) {
  const detail::Running running(operation.text, x, more...);
  Layout layout = layout_of(x);
  ((layout = layout_of(more) == Layout::blocked ? Layout::blocked : layout), ...);
  const std::array in{arranged(x, layout), arranged(more, layout)...};
  Tensor y = empty(x.shape(), x.dtype(), layout);
  const profiler::Scope scope(operation.text, [&] {
    return profiler::work_on({&x, &more..., &y}, 1);
  });
  const auto work = [&]<class T>() {
    const auto from = [&]<std::size_t... I>(std::index_sequence<I...>) {
      kernels::map(f, y.numel(), own_data<T>(y), own_data<T>(in[I])...);
    };
    from(std::make_index_sequence<1 + sizeof...(X)>());
  };
  if constexpr (types == Types::floating)
    dispatch_floating(x.dtype(), operation.text, work);
  else
    dispatch_numeric(x.dtype(), operation.text, work);
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
Tensor map_numeric_in_place(Name operation, const Tensor& x, const F& f) {
  Tensor y = taken(x);
  const profiler::Scope scope(operation.text, [&] { return profiler::work_on({&x, &y}, 1); });
  dispatch_numeric(x.dtype(), operation.text, [&]<class T>() {
    T* const values = change_own_data<T>(y);
    kernels::map(f, y.numel(), values, values);
  });
  return y;
}

/// f(a, b) for two of one shape and dtype, in the layout of either.
template <class F>
Tensor combine_arranged(Name operation, const Tensor& a, const Tensor& b, const F& f) {
  const Layout layout = common_layout(a, b);
  const Tensor left = arranged(a, layout);
  const Tensor right = arranged(b, layout);
  Tensor y = empty(a.shape(), a.dtype(), layout);
  const profiler::Scope scope(operation.text, [&] { return profiler::work_on({&a, &b, &y}, 1); });
  dispatch_numeric(a.dtype(), operation.text, [&]<class T>() {
    const Shape line{y.numel()};
    kernels::map(f, line, own_data<T>(y), own_data<T>(left), line, own_data<T>(right), line);
  });
  return y;
}

/// f(a, b) for two of one shape and dtype that lie_alike() in the memory of a, which
/// takes_memory().
template <class F>
Tensor combine_in_place(Name operation, const Tensor& a, const Tensor& b, const F& f) {
  Tensor y = taken(a);
  const profiler::Scope scope(operation.text, [&] { return profiler::work_on({&a, &b, &y}, 1); });
  dispatch_numeric(a.dtype(), operation.text, [&]<class T>() {
    const Shape line{y.numel()};
    T* const values = change_own_data<T>(y);
    kernels::map(f, line, values, values, line, own_data<T>(b), line);
  });
  return y;
}

/// f(a, b), broadcast, for a and b of one numeric dtype. Not recorded.
template <class F>
Tensor combine(Name operation, const Tensor& a, const Tensor& b, const F& f) {
  const detail::Running running(operation.text, a, b);
  if ((a.storage()->is_blocked() || b.storage()->is_blocked()) && a.shape() == b.shape())
    return combine_arranged(operation, a, b, f);
  Tensor y = Tensor::empty(broadcast(a.shape(), b.shape(), operation.text), a.dtype());
  const profiler::Scope scope(operation.text, [&] { return profiler::work_on({&a, &b, &y}, 1); });
  dispatch_numeric(a.dtype(), operation.text, [&]<class T>() {
    kernels::map(f, y.shape(), y.mutable_data<T>(), a.data<T>(), a.shape(), b.data<T>(), b.shape());
  });
  return y;
}

}  // namespace xgrad
