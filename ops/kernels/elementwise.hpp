#pragma once
// Internal: elementwise work on contiguous memory, in one or several threads, with broadcasting.
//
// A function comes in one of two styles. An Expression maps an xtensor expression: this is how the
// transcendental functions get vectorised. A Formula maps single values, in a loop the compiler
// vectorises: arithmetic (equal to xtensor on long rows, faster on short ones), comparisons and
// selections (xtensor is 6 times slower), integers.

#include <xgrad/ops/kernels/broadcast.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/stream.hpp>
#include <xgrad/ops/kernels/xtensor.hpp>

#include <array>
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

template <class R, class A, class F>
void row(const Expression<F>& expression, std::int64_t n, R* out, const A* a) {
  auto target = adapt(out, n);
  xt::noalias(target) = expression.f(adapt(a, n));
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
  for (std::int64_t i = 0; i < n; ++i) out[i] = formula.f(a[i]);
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

/// out[i] = f(a[i])
template <class R, class A, class F>
void map(const F& f, std::int64_t n, R* out, const A* a) {
  parallel_for(n, worthwhile, [&](std::int64_t begin, std::int64_t end) {
    detail::row(f, end - begin, out + begin, a + begin);
  });
}

/// out = f(a, b), broadcast to `shape`.
template <class R, class A, class B, class F>
void map(const F& f, const Shape& shape, R* out, const A* a, const Shape& a_shape, const B* b,
         const Shape& b_shape) {
  const BroadcastPlan<2> plan(shape, {&a_shape, &b_shape});
  const std::int64_t n = plan.inner();
  const bool a_fixed = plan.fixed(0) && n > 1;
  const bool b_fixed = plan.fixed(1) && n > 1;
  if (plan.rows() == 1) {
    parallel_for(n, worthwhile, [&](std::int64_t begin, std::int64_t end) {
      detail::row(f, end - begin, out + begin, a_fixed ? a : a + begin, a_fixed,
                  b_fixed ? b : b + begin, b_fixed);
    });
    return;
  }
  const std::int64_t grain = worthwhile / std::max<std::int64_t>(n, 1) + 1;
  parallel_for(plan.rows(), grain, [&](std::int64_t begin, std::int64_t end) {
    plan.for_rows(begin, end, [&](std::int64_t r, const std::array<std::int64_t, 2>& offset) {
      detail::row(f, n, out + r * n, a + offset[0], a_fixed, b + offset[1], b_fixed);
    });
  });
}

/// out = f(a, b, c), broadcast to `shape`; f takes single values.
template <class R, class A, class B, class C, class F>
void map(const F& f, const Shape& shape, R* out, const A* a, const Shape& a_shape, const B* b,
         const Shape& b_shape, const C* c, const Shape& c_shape) {
  const BroadcastPlan<3> plan(shape, {&a_shape, &b_shape, &c_shape});
  const std::int64_t n = plan.inner();
  const std::int64_t a_step = plan.fixed(0) ? 0 : 1;
  const std::int64_t b_step = plan.fixed(1) ? 0 : 1;
  const std::int64_t c_step = plan.fixed(2) ? 0 : 1;
  const std::int64_t grain = worthwhile / std::max<std::int64_t>(n, 1) + 1;
  parallel_for(plan.rows(), grain, [&](std::int64_t begin, std::int64_t end) {
    plan.for_rows(begin, end, [&](std::int64_t r, const std::array<std::int64_t, 3>& offset) {
      const A* pa = a + offset[0];
      const B* pb = b + offset[1];
      const C* pc = c + offset[2];
      R* target = out + r * n;
      if (a_step + b_step + c_step == 3) {
        for (std::int64_t i = 0; i < n; ++i) target[i] = f(pa[i], pb[i], pc[i]);
      } else {
        for (std::int64_t i = 0; i < n; ++i)
          target[i] = f(pa[i * a_step], pb[i * b_step], pc[i * c_step]);
      }
    });
  });
}

}  // namespace xgrad::kernels
