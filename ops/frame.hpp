#pragma once
// Internal: what stands between an operation and its kernel. The frame checks that arguments are
// there, brings their values into an order that the kernel takes, makes the result, times the
// kernel for the profiler and picks the type. None of it is recorded. Those of 16 bits are computed
// with as float32, and the result is rounded once.

#include <xgrad/autograd/layout.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/operation.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace xgrad {

/// What an operation is called, in messages and by the profiler.
struct Name {
  const char* text;

  Name(Op op) : text(name(op)) {}               // NOLINT: an Op is a name
  Name(const char* literal) : text(literal) {}  // NOLINT
};

/// The dtypes that an operation takes.
enum class Types : std::uint8_t { all, numeric, floating, whole };

/// Calls f<T>() with the type of `dtype`; DTypeError where that is none of the types.
template <Types types, class F>
void dispatch_among(DType dtype, const char* operation, const F& f) {
  if constexpr (types == Types::all) {
    if (dtype == boolean) return f.template operator()<bool>();
    dispatch_numeric(dtype, operation, f);
  } else if constexpr (types == Types::numeric) {
    dispatch_numeric(dtype, operation, f);
  } else if constexpr (types == Types::floating) {
    dispatch_floating(dtype, operation, f);
  } else {
    static_assert(types == Types::whole);
    f.template operator()<std::int64_t>();
  }
}

/// An argument in whose memory the result may be computed, where takes_memory() says so.
struct Spare {
  const Tensor& x;
};
inline Spare spare(const Tensor& x) { return {x}; }

/// A bool argument beside others.
struct Mask {
  const Tensor& x;
};
inline Mask mask(const Tensor& x) { return {x}; }

/// A Formula that depends on the type: f<T>() gives it.
template <class F>
struct ForType {
  F f;
};
template <class F>
ForType(F) -> ForType<F>;

namespace detail {

inline const Tensor& tensor_in(const Tensor& x) { return x; }
inline const Tensor& tensor_in(const Spare& spare) { return spare.x; }
inline const Tensor& tensor_in(const Mask& mask) { return mask.x; }

template <class T, class Argument>
using ValueOf = std::conditional_t<std::is_same_v<Argument, Mask>, bool, T>;
/// R where it is given, the type of the arguments otherwise.
template <class R, class T>
using ResultOf = std::conditional_t<std::is_void_v<R>, T, R>;
template <class R>
DType dtype_or(DType otherwise) {
  if constexpr (std::is_void_v<R>)
    return otherwise;
  else
    return dtype_of<R>();
}

template <class T, class F>
const F& formula_for(const F& f) {
  return f;
}
template <class T, class F>
auto formula_for(const ForType<F>& make) {
  return make.f.template operator()<T>();
}

template <class F>
inline constexpr bool is_expression = false;
template <class F>
inline constexpr bool is_expression<kernels::Expression<F>> = true;

/// Tensors broadcast together, and their result: as they lie where all lie alike or are single
/// values, by strides where the rows of each are one run of memory or one value, and copies
/// otherwise. What is not copied, its owner has to keep.
struct Elementwise {
  struct Options {
    bool whole_rows;  ///< one value for all of a row will not do
    bool takes_first;
  };

  Elementwise(const char* operation, std::span<const Tensor* const> x, DType dtype,
              const Options& options);

  template <class T>
  const T* values(std::size_t i) const {
    return static_cast<const T*>(from[i]);
  }

  Tensor y;
  void* to = nullptr;
  std::array<const void*, 3> from;
  std::array<bool, 3> fixed{};  ///< which are single values, where there are no loops
  std::optional<kernels::Loops> loops;

 private:
  void as_they_lie(std::span<const Tensor* const> x, const Tensor& like, DType dtype, Layout layout,
                   bool takes_first);
  void by_strides(const char* operation, std::span<const Tensor* const> x, DType dtype,
                  bool whole_rows);

  std::array<Tensor, 3> copies_;
};

/// The values of x in another dtype; off the tape.
Tensor converted(const Tensor& x, DType dtype);
/// Those of 16 bits as float32.
inline Tensor widened(const Tensor& x) { return is_half(x.dtype()) ? converted(x, float32) : x; }
inline Mask widened(const Mask& x) { return x; }
inline Tensor widened(const Spare& spare) { return widened(spare.x); }

}  // namespace detail

/// y[i…] = f(x[i…]…), broadcast, for up to three tensors of one dtype; f is a Formula, an
/// Expression or a ForType. y is of the type R where that is given.
template <Types types, class R = void, class F, class First, class... X>
Tensor map(Name operation, const F& f, const First& first, const X&... more) {
  using detail::tensor_in;
  const detail::Running running(operation.text, tensor_in(first), tensor_in(more)...);
  const std::array given{&tensor_in(first), &tensor_in(more)...};
  const DType dtype = given.back()->dtype();
  if (is_half(dtype)) {
    const Tensor y = map<types, R>(operation, f, detail::widened(first), detail::widened(more)...);
    return std::is_void_v<R> ? detail::converted(y, dtype) : y;
  }
  detail::Elementwise work(
      operation.text, given, detail::dtype_or<R>(dtype),
      {.whole_rows = detail::is_expression<F>, .takes_first = std::is_same_v<First, Spare>});
  const profiler::Scope scope(operation.text, [&] {
    return profiler::work_on({&tensor_in(first), &tensor_in(more)..., &work.y}, 1);
  });
  dispatch_among<types>(dtype, detail::running_or(operation.text), [&]<class T>() {
    const auto run = [&]<std::size_t... I>(std::index_sequence<I...>) {
      const auto& formula = detail::formula_for<T>(f);
      const auto go = [&](const auto&... how) {
        kernels::map(formula, how..., static_cast<detail::ResultOf<R, T>*>(work.to),
                     work.template values<detail::ValueOf<T, First>>(0),
                     work.template values<detail::ValueOf<T, X>>(1 + I)...);
      };
      if (work.loops)
        go(*work.loops);
      else
        go(work.y.numel(), work.fixed);
    };
    run(std::index_sequence_for<X...>());
  });
  return std::move(work.y);
}

namespace detail {

/// Calls kernel(x…), pointers to values of one dtype: those of the shape of the first in the given
/// layout, others in row-major order.
template <Types types, class Kernel, class... X>
void visit_in(Layout layout, Name operation, const Kernel& kernel, const X&... x) {
  const std::array given{&x...};
  const Tensor& first = *given.front();
  const std::array in{x.shape() == first.shape() ? arranged(x, layout) : in_rows(x)...};
  const profiler::Scope scope(operation.text, [&] { return profiler::work_on({&x...}, 1); });
  dispatch_among<types>(first.dtype(), running_or(operation.text), [&]<class T>() {
    const auto run = [&]<std::size_t... I>(std::index_sequence<I...>) {
      kernel(own_data<T>(in[I])...);
    };
    run(std::index_sequence_for<X...>());
  });
}

}  // namespace detail

/// Calls kernel(x…), pointers to values of one dtype, as the first of them lies; those of another
/// shape in row-major order. What it computes, it puts into tensors of its caller's.
template <Types types, class Kernel, class... X>
void visit(Name operation, const Kernel& kernel, const Tensor& x, const X&... more) {
  const detail::Running running(operation.text, x, more...);
  detail::visit_in<types>(layout_of(x), operation, kernel, x, more...);
}

/// What an operation makes.
struct Made {
  Shape shape;
  Layout layout = Layout::plain;

  Made(const Shape& extents, Layout how = Layout::plain) : shape(extents), layout(how) {}  // NOLINT
};
/// Of the shape of x, or another, lying as x does.
inline Made like(const Tensor& x) { return {x.shape(), layout_of(x)}; }
inline Made like(const Tensor& x, const Shape& shape) { return {shape, layout_of(x)}; }

/// The values of x in row-major order, off the tape and to be changed: in its own memory where
/// takes_memory() says so, a copy otherwise.
Tensor changeable(const Tensor& x);

/// y, so made, from kernel(x…, y), pointers: those of the shape of the first argument in the layout
/// of y, others in row-major order. y is of the type R where that is given.
template <Types types, class R = void, class Kernel, class... X>
Tensor compute(Name operation, const Made& made, const Kernel& kernel, const Tensor& x,
               const X&... more) {
  const detail::Running running(operation.text, x, more...);
  if (is_half(x.dtype())) {
    const Tensor y =
        compute<types, R>(operation, made, kernel, detail::widened(x), detail::widened(more)...);
    return std::is_void_v<R> ? detail::converted(y, x.dtype()) : y;
  }
  Tensor y = empty(made.shape, detail::dtype_or<R>(x.dtype()), made.layout);
  detail::visit_in<types>(
      made.layout, operation,
      [&]<class T>(const T* first, const auto*... rest) {
        kernel(first, rest..., own_data<detail::ResultOf<R, T>>(y));
      },
      x, more...);
  return y;
}

}  // namespace xgrad
