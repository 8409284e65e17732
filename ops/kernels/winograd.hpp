#pragma once
// Internal: the matrices of Winograd's minimal filtering F(4x4, 3x3), from Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", arXiv:1509.09308.
//
// It multiplies polynomials by their values at the points 0, ±a, ±b and ∞. The paper's a = 1 and
// b = 2 save multiplications, but make the largest rounding error 3 to 6 times that of the points
// here, which were among the best of those tried between 1/2 and 2, and are oneDNN's too.

#include <array>
#include <cstddef>
#include <cstdint>

namespace xgrad::kernels::winograd {

constexpr std::int64_t out_span = 4;  // of a tile
constexpr std::int64_t in_span = 6;
constexpr std::int64_t window = 3;
constexpr std::int64_t points = in_span * in_span;

constexpr float a = 0.625F, a2 = a * a, a3 = a2 * a;
constexpr float b = 1.5F, b2 = b * b, b3 = b2 * b;

// The weights' rows are divided by the product of the point's distances from the other finite ones.
constexpr float g0 = 1 / (a2 * b2);
constexpr float ga = 1 / (2 * a2 * (a2 - b2));
constexpr float gb = 1 / (2 * b2 * (b2 - a2));

/// The values at a, −a, b and −b, from the parts that are even and odd in them.
template <class V>
void put_pairs(const V& even_a, const V& odd_a, const V& even_b, const V& odd_b, V* y,
               std::int64_t step) {
  y[0] = even_a + odd_a;
  y[step] = even_a - odd_a;
  y[2 * step] = even_b + odd_b;
  y[3 * step] = even_b - odd_b;
}

// The matrices, each as it maps the values at x, x + step, … to those at y, y + step, …

struct TimesBt {
  static constexpr std::int64_t in = in_span, out = in_span;
  template <class V>
  static void apply(const V* x, V* y, std::int64_t step) {
    const V &x0 = x[0], &x1 = x[step], &x2 = x[2 * step], &x3 = x[3 * step], &x4 = x[4 * step],
            &x5 = x[5 * step];
    const V even_a = x4 - b2 * x2, odd_a = a * (x3 - b2 * x1);
    const V even_b = x4 - a2 * x2, odd_b = b * (x3 - a2 * x1);
    y[0] = a2 * b2 * x0 - (a2 + b2) * x2 + x4;
    put_pairs(even_a, odd_a, even_b, odd_b, y + step, step);
    y[5 * step] = a2 * b2 * x1 - (a2 + b2) * x3 + x5;
  }
};

struct TimesAt {
  static constexpr std::int64_t in = in_span, out = out_span;
  template <class V>
  static void apply(const V* x, V* y, std::int64_t step) {
    const V even_a = x[step] + x[2 * step], odd_a = x[step] - x[2 * step];
    const V even_b = x[3 * step] + x[4 * step], odd_b = x[3 * step] - x[4 * step];
    y[0] = x[0] + even_a + even_b;
    y[step] = a * odd_a + b * odd_b;
    y[2 * step] = a2 * even_a + b2 * even_b;
    y[3 * step] = a3 * odd_a + b3 * odd_b + x[5 * step];
  }
};

struct TimesA {
  static constexpr std::int64_t in = out_span, out = in_span;
  template <class V>
  static void apply(const V* x, V* y, std::int64_t step) {
    const V &x0 = x[0], &x1 = x[step], &x2 = x[2 * step], &x3 = x[3 * step];
    const V even_a = x0 + a2 * x2, odd_a = a * x1 + a3 * x3;
    const V even_b = x0 + b2 * x2, odd_b = b * x1 + b3 * x3;
    y[0] = x0;
    put_pairs(even_a, odd_a, even_b, odd_b, y + step, step);
    y[5 * step] = x3;
  }
};

struct TimesG {
  static constexpr std::int64_t in = window, out = in_span;
  template <class V>
  static void apply(const V* x, V* y, std::int64_t step) {
    const V &x0 = x[0], &x1 = x[step], &x2 = x[2 * step];
    const V even_a = ga * x0 + ga * a2 * x2, odd_a = ga * a * x1;
    const V even_b = gb * x0 + gb * b2 * x2, odd_b = gb * b * x1;
    y[0] = g0 * x0;
    put_pairs(even_a, odd_a, even_b, odd_b, y + step, step);
    y[5 * step] = x2;
  }
};

struct TimesGt {
  static constexpr std::int64_t in = in_span, out = window;
  template <class V>
  static void apply(const V* x, V* y, std::int64_t step) {
    const V even_a = x[step] + x[2 * step], odd_a = x[step] - x[2 * step];
    const V even_b = x[3 * step] + x[4 * step], odd_b = x[3 * step] - x[4 * step];
    y[0] = g0 * x[0] + ga * even_a + gb * even_b;
    y[step] = ga * a * odd_a + gb * b * odd_b;
    y[2 * step] = ga * a2 * even_a + gb * b2 * even_b + x[5 * step];
  }
};

/// y = M x Mᵀ for the matrix M. x and y have rows of 6 values, of which the first ones count.
template <class M, class V>
void both_sides(const V* x, V* y) {
  std::array<V, points> half;
  for (std::int64_t j = 0; j < M::in; ++j) M::apply(x + j, half.data() + j, in_span);
  for (std::int64_t i = 0; i < M::out; ++i) M::apply(half.data() + i * in_span, y + i * in_span, 1);
}

}  // namespace xgrad::kernels::winograd
