#pragma once
// Internal: elementwise work on rows of memory, in one or several threads, with broadcasting.
//
// A function comes in one of two styles. An Expression maps xtensor expressions: this is how the
// transcendental functions (transcendental.hpp) get vectorised. A Formula maps single values, in a
// loop the compiler vectorises: arithmetic (equal to xtensor on long rows, faster on short ones),
// comparisons and selections (xtensor is 6 times slower), integers.
//
// A value does not depend on its place. What is left before and after whole registers of an
// Expression is worked out in registers too, filled up; a Formula rounds after every operation.

#include <xgrad/autograd/shape.hpp>
#include <xgrad/autograd/stream.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/transcendental.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace xgrad::kernels {

/// `nanoseconds`: about what a value takes, in the first caches.
template <class F>
struct Expression {
  F f;
  double nanoseconds = 0.4;
};
template <class F>
Expression(F) -> Expression<F>;

template <class F>
struct Formula {
  F f;
  double nanoseconds = 0.13;
};
template <class F>
Formula(F) -> Formula<F>;
template <class F>
Formula(F, double) -> Formula<F>;

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
    xgrad::detail::stream(out + i, together.data(), sizeof together);
  }
  for (; i < n; ++i) out[i] = value(i);
  xgrad::detail::end_stream();
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

/// The same where a source may have one value for the whole row: those that are `fixed`.
template <class R, class F, class... A>
void row(const Expression<F>& expression, std::int64_t n, R* out, const bool*, const A*... a) {
  row(expression, n, out, a...);
}

template <class R, class A, class F>
void row(const Formula<F>& formula, std::int64_t n, R* out, const bool* fixed, const A* a) {
  if (!fixed[0]) return row(formula, n, out, a);
  std::fill_n(out, n, static_cast<R>(formula.f(*a)));
}

template <class R, class A, class B, class F>
void row(const Formula<F>& formula, std::int64_t n, R* out, const bool* fixed, const A* a,
         const B* b) {
  // A copy: the compiler cannot know that writing to out leaves *a and *b alone.
  if (fixed[0]) {
    const A one = *a;
    if (fixed[1]) {
      std::fill_n(out, n, static_cast<R>(formula.f(one, *b)));
    } else {
      for (std::int64_t i = 0; i < n; ++i) out[i] = formula.f(one, b[i]);
    }
  } else if (fixed[1]) {
    const B one = *b;
    for (std::int64_t i = 0; i < n; ++i) out[i] = formula.f(a[i], one);
  } else {
    for (std::int64_t i = 0; i < n; ++i) out[i] = formula.f(a[i], b[i]);
  }
}

template <class R, class A, class B, class C, class F>
void row(const Formula<F>& formula, std::int64_t n, R* out, const bool* fixed, const A* a,
         const B* b, const C* c) {
  if (!fixed[0] && !fixed[1] && !fixed[2]) {
    for (std::int64_t i = 0; i < n; ++i) out[i] = formula.f(a[i], b[i], c[i]);
    return;
  }
  const std::int64_t a_step = fixed[0] ? 0 : 1;
  const std::int64_t b_step = fixed[1] ? 0 : 1;
  const std::int64_t c_step = fixed[2] ? 0 : 1;
  for (std::int64_t i = 0; i < n; ++i)
    out[i] = formula.f(a[i * a_step], b[i * b_step], c[i * c_step]);
}

}  // namespace detail

/// A tensor that is read: where the first value lies and how many bytes each takes.
struct Source {
  const void* values;
  std::size_t item;
};
struct Target {
  void* values;
  std::size_t item;
};

/// How an elementwise operation goes through memory: the extents of its result, which lies in
/// row-major order, and the strides of each source along them. Along the last axis of more than one
/// element a stride is 1 or 0.
struct Loops {
  Shape shape;
  std::array<Strides, 3> strides;
};

namespace detail {

/// Works out n values of a row of f's.
using Row = void (*)(const void* f, std::int64_t n, void* out, const void* const* in,
                     const bool* fixed);

template <class R, class F, class... A>
void run_row(const void* f, std::int64_t n, void* out, const void* const* in, const bool* fixed) {
  const auto run = [&]<std::size_t... I>(std::index_sequence<I...>) {
    row(*static_cast<const F*>(f), n, static_cast<R*>(out), fixed, static_cast<const A*>(in[I])...);
  };
  run(std::index_sequence_for<A...>());
}

/// Calls `row` for all rows of the target, or for parts of the only one, in one or several threads.
/// Not templates: of what differs from one operation to the next, the row alone is compiled for
/// each.
void for_rows(const Loops& loops, const Target& out, std::span<const Source> in, Row row,
              const void* f, double nanoseconds);
void for_row(std::int64_t n, const bool* fixed, const Target& out, std::span<const Source> in,
             Row row, const void* f, double nanoseconds);

}  // namespace detail

/// out = f(a…): sources of the types A.
template <class R, class... A, class F>
void map(const F& f, const Loops& loops, R* out, const A*... a) {
  const std::array in{Source{a, sizeof(A)}...};
  detail::for_rows(loops, {out, sizeof(R)}, in, &detail::run_row<R, F, A...>, &f, f.nanoseconds);
}

/// The same for n values, of which a source has as many or, where it is `fixed`, one.
template <class R, class... A, class F>
void map(const F& f, std::int64_t n, const std::array<bool, 3>& fixed, R* out, const A*... a) {
  const std::array in{Source{a, sizeof(A)}...};
  detail::for_row(n, fixed.data(), {out, sizeof(R)}, in, &detail::run_row<R, F, A...>, &f,
                  f.nanoseconds);
}

}  // namespace xgrad::kernels
