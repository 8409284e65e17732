#pragma once
// Internal: elementwise work on contiguous memory, in one or several threads, with broadcasting.
//
// A function comes in one of two styles. An Expression maps xtensor expressions: this is how the
// transcendental functions (transcendental.hpp) get vectorised. A Formula maps single values, in a
// loop the compiler vectorises: arithmetic (equal to xtensor on long rows, faster on short ones),
// comparisons and selections (xtensor is 6 times slower), integers.
//
// A value does not depend on its place. What is left before and after whole registers of an
// Expression is worked out in registers too, filled up; a Formula rounds after every operation.

#include <xgrad/autograd/shape.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/stream.hpp>
#include <xgrad/ops/kernels/transcendental.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace xgrad::kernels {

template <class F>
struct Expression {
  F f;
};
template <class F>
Expression(F) -> Expression<F>;

template <class F>
struct Formula {
  F f;
};
template <class F>
Formula(F) -> Formula<F>;

namespace detail {

/// Values that fill a whole number of any processor's registers.
template <class T>
inline constexpr std::int64_t whole = 64 / sizeof(T);

/// For `out` at a multiple of 64 bytes and n a multiple of `whole`: xtensor then works in registers
/// alone. Not inlined, so that all parts of a row go through the same instructions; flat, because
/// calls inside xtensor keep one call of this from starting before the last one has ended.
template <class R, class F, class... A>
[[gnu::noinline, gnu::flatten]] void assign(const Expression<F>& expression, std::int64_t n, R* out,
                                            const A*... a) {
  auto target = adapt(out, n);
  xt::noalias(target) = expression.f(adapt(a, n)...);
}

/// For fewer than `whole` values.
template <class R, class F, class... A>
void assign_padded(const Expression<F>& expression, std::int64_t n, R* out, const A*... a) {
  alignas(64) std::array<R, whole<R>> result;
  const auto padded = [n](const auto* values) {
    std::array<std::remove_cvref_t<decltype(*values)>, whole<R>> copy{};
    // As long as the array, which the compiler makes one masked move.
    for (std::int64_t i = 0; i < whole<R>; ++i)
      if (i < n) copy[static_cast<std::size_t>(i)] = values[i];
    return copy;
  };
  assign(expression, whole<R>, result.data(), padded(a).data()...);
  for (std::int64_t i = 0; i < whole<R>; ++i)
    if (i < n) out[i] = result[static_cast<std::size_t>(i)];
}

template <class R, class F, class... A>
void row(const Expression<F>& expression, std::int64_t n, R* out, const A*... a) {
  if (n < whole<R>) return assign_padded(expression, n, out, a...);
  const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out) / sizeof(R));
  const std::int64_t before = (whole<R> - past % whole<R>) % whole<R>;
  const std::int64_t middle = (n - before) / whole<R> * whole<R>;
  // Before and after the middle: the first and the last values there are, some of them twice. Both
  // are worked out before `out`, which may be `a`, is written.
  alignas(64) std::array<R, whole<R>> first;
  alignas(64) std::array<R, whole<R>> last;
  const bool rest = before + middle < n;
  if (before > 0) assign(expression, whole<R>, first.data(), a...);
  if (rest) assign(expression, whole<R>, last.data(), (a + n - whole<R>)...);
  if (middle > 0) assign(expression, middle, out + before, (a + before)...);
  if (before > 0) std::copy(first.begin(), first.end(), out);
  if (rest) std::copy(last.begin(), last.end(), out + n - whole<R>);
}

/// Rows of this many bytes fit no cache: they are written past it, which spares reading first what
/// is overwritten.
inline constexpr std::int64_t streamed_bytes = std::int64_t{16} << 20;

/// out[i] = value(i), past the caches.
template <class R, class F>
void stream_row(std::int64_t n, R* out, F value) {
  constexpr std::int64_t step = 1024 / sizeof(R);
  alignas(64) std::array<R, step> together;
  std::int64_t i = 0;
  for (; i < n && reinterpret_cast<std::uintptr_t>(out + i) % 64 != 0; ++i) out[i] = value(i);
  for (; i + step <= n; i += step) {
    for (std::int64_t j = 0; j < step; ++j) together[static_cast<std::size_t>(j)] = value(i + j);
    stream(out + i, together.data(), sizeof together);
  }
  for (; i < n; ++i) out[i] = value(i);
  end_stream();
}

template <class R, class A, class F>
void row(const Formula<F>& formula, std::int64_t n, R* out, const A* a) {
  const bool in_place = static_cast<const void*>(out) == a;
  if (n * static_cast<std::int64_t>(sizeof(R)) >= streamed_bytes && !in_place)
    return stream_row(n, out, [f = formula.f, a](std::int64_t i) { return f(a[i]); });
  // A copy: the compiler cannot know that writing to out leaves what the formula holds alone.
  const F f = formula.f;
  for (std::int64_t i = 0; i < n; ++i) out[i] = f(a[i]);
}

template <class R, class A, class B, class F>
void row(const Formula<F>& formula, std::int64_t n, R* out, const A* a, bool a_fixed, const B* b,
         bool b_fixed) {
  // A copy: the compiler cannot know that writing to out leaves *a and *b alone.
  if (a_fixed) {
    const A fixed = *a;
    for (std::int64_t i = 0; i < n; ++i) out[i] = formula.f(fixed, b[i]);
  } else if (b_fixed) {
    const B fixed = *b;
    for (std::int64_t i = 0; i < n; ++i) out[i] = formula.f(a[i], fixed);
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i] = formula.f(a[i], b[i]);
  }
}

}  // namespace detail

/// out[i] = f(a[i]…), of several for an Expression
template <class R, class F, class... A>
void map(const F& f, std::int64_t n, R* out, const A*... a) {
  parallel_for(n, worthwhile, [&](std::int64_t begin, std::int64_t end) {
    detail::row(f, end - begin, out + begin, (a + begin)...);
  });
}

namespace detail {

/// A tensor that is read: what a value takes, and where the first one lies.
struct Source {
  const void* values;
  std::size_t item;
  const Shape& shape;
};
struct Target {
  void* values;
  std::size_t item;
  const Shape& shape;
};

/// Works out n values of a row; each source has as many, or one for all of them (fixed).
using RowOf2 = void (*)(const void* f, std::int64_t n, void* out, const void* a, bool a_fixed,
                        const void* b, bool b_fixed);
using RowOf3 = void (*)(const void* f, std::int64_t n, void* out, const void* a, bool a_fixed,
                        const void* b, bool b_fixed, const void* c, bool c_fixed);

/// Calls `row` for all rows of the target, in one or several threads. Not templates: of what
/// differs from one operation to the next, the row alone is compiled for each.
void for_rows(const Target& out, const Source& a, const Source& b, RowOf2 row, const void* f);
void for_rows(const Target& out, const Source& a, const Source& b, const Source& c, RowOf3 row,
              const void* f);

template <class R, class A, class B, class C, class F>
void row_of_3(const F& f, std::int64_t n, R* out, const A* a, bool a_fixed, const B* b,
              bool b_fixed, const C* c, bool c_fixed) {
  if (!a_fixed && !b_fixed && !c_fixed) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = f(a[i], b[i], c[i]);
    return;
  }
  const std::int64_t a_step = a_fixed ? 0 : 1;
  const std::int64_t b_step = b_fixed ? 0 : 1;
  const std::int64_t c_step = c_fixed ? 0 : 1;
  for (std::int64_t i = 0; i < n; ++i) out[i] = f(a[i * a_step], b[i * b_step], c[i * c_step]);
}

}  // namespace detail

/// out = f(a, b), broadcast to `shape`.
template <class R, class A, class B, class F>
void map(const Formula<F>& f, const Shape& shape, R* out, const A* a, const Shape& a_shape,
         const B* b, const Shape& b_shape) {
  const detail::RowOf2 row = [](const void* g, std::int64_t n, void* to, const void* x,
                                bool x_fixed, const void* y, bool y_fixed) {
    detail::row(*static_cast<const Formula<F>*>(g), n, static_cast<R*>(to),
                static_cast<const A*>(x), x_fixed, static_cast<const B*>(y), y_fixed);
  };
  detail::for_rows({out, sizeof(R), shape}, {a, sizeof(A), a_shape}, {b, sizeof(B), b_shape}, row,
                   &f);
}

/// out = f(a, b, c), broadcast to `shape`; f takes single values.
template <class R, class A, class B, class C, class F>
void map(const F& f, const Shape& shape, R* out, const A* a, const Shape& a_shape, const B* b,
         const Shape& b_shape, const C* c, const Shape& c_shape) {
  const detail::RowOf3 row = [](const void* g, std::int64_t n, void* to, const void* x,
                                bool x_fixed, const void* y, bool y_fixed, const void* z,
                                bool z_fixed) {
    detail::row_of_3(*static_cast<const F*>(g), n, static_cast<R*>(to), static_cast<const A*>(x),
                     x_fixed, static_cast<const B*>(y), y_fixed, static_cast<const C*>(z), z_fixed);
  };
  detail::for_rows({out, sizeof(R), shape}, {a, sizeof(A), a_shape}, {b, sizeof(B), b_shape},
                   {c, sizeof(C), c_shape}, row, &f);
}

}  // namespace xgrad::kernels
