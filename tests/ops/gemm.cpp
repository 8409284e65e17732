// Products of matrices in memory, around the sizes of the kernel's tiles, vectors and blocks,
// against loops. The numbers are whole, so that sums are exact in whatever order they are taken.

#include <xgrad/ops/kernels/gemm.hpp>
#include <xgrad/ops/kernels/gemm_tiles.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

struct Case {
  std::int64_t m, n, k;
  bool a_transposed, b_transposed, accumulate;
};

/// Rows some way apart, and between them what must not be read.
template <class T>
struct Stored {
  Stored(std::int64_t rows, std::int64_t columns, bool turned, std::uint64_t seed,
         std::int64_t apart = 3)
      : transposed(turned),
        step((turned ? rows : columns) + apart),
        values(static_cast<std::size_t>((turned ? columns : rows) * step),
               std::numeric_limits<T>::quiet_NaN()) {
    Generator generator(seed);
    const Tensor drawn = randint(-4, 5, {rows, columns}, {.generator = &generator});
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j)
        values[place(i, j)] = static_cast<T>(drawn.data<std::int64_t>()[i * columns + j]);
  }

  std::size_t place(std::int64_t i, std::int64_t j) const {
    return static_cast<std::size_t>(transposed ? j * step + i : i * step + j);
  }
  T at(std::int64_t i, std::int64_t j) const { return values[place(i, j)]; }
  kernels::Matrix<T> matrix() const { return {values.data(), step, transposed}; }

  bool transposed;
  std::int64_t step;
  std::vector<T> values;
};

template <class T>
bool agrees(const Case& c, std::int64_t apart) {
  const Stored<T> a(c.m, c.k, c.a_transposed, 1, apart);
  const Stored<T> b(c.k, c.n, c.b_transposed, 2, apart);
  const Stored<T> before(c.m, c.n, false, 3, apart);
  Stored<T> right = before;
  for (std::int64_t i = 0; i < c.m; ++i)
    for (std::int64_t j = 0; j < c.n; ++j) {
      T sum = c.accumulate ? before.at(i, j) : T(0);
      for (std::int64_t p = 0; p < c.k; ++p) sum += a.at(i, p) * b.at(p, j);
      right.values[right.place(i, j)] = sum;
    }
  const auto is_right = [&](const auto& multiply) {
    Stored<T> y = before;
    multiply(c.m, c.n, c.k, a.matrix(), b.matrix(), y.values.data(), y.step, c.accumulate);
    return std::ranges::equal(y.values, right.values,
                              [](T u, T v) { return u == v || (std::isnan(u) && std::isnan(v)); });
  };
  return is_right(kernels::multiply_by_tiles<T>) && is_right(kernels::gemm<T>);
}

void check(std::int64_t m, std::int64_t n, std::int64_t k) {
  for (const bool a : {false, true})
    for (const bool b : {false, true})
      for (const bool accumulate : {false, true}) {
        const Case c{m, n, k, a, b, accumulate};
        CAPTURE(m);
        CAPTURE(n);
        CAPTURE(k);
        CAPTURE(a);
        CAPTURE(b);
        CAPTURE(accumulate);
        for (const std::int64_t apart : {0, 3}) {
          CHECK(agrees<float>(c, apart));
          CHECK(agrees<double>(c, apart));
        }
      }
}

}  // namespace

TEST_CASE("products around the rows of a tile and the columns of vectors") {
  for (const std::int64_t m : {1, 2, 4, 5, 6, 7, 11, 12, 13, 25})
    for (const std::int64_t n : {1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33})
      for (const std::int64_t k : {1, 7, 17}) check(m, n, k);
}

TEST_CASE("products around the blocks of rows and of terms") {
  for (const std::int64_t m : {239, 240, 241, 481}) check(m, 9, 3);
  for (const std::int64_t k : {8, 16, 255, 256, 257, 513}) {
    check(3, 5, k);
    check(13, 33, k);
    check(1, 10, k);
    check(10, 1, k);
  }
  check(241, 33, 257);
  check(1, 500, 300);
  check(500, 1, 300);
}

TEST_CASE("products that threads share, along the longer side") {
  for (const int threads : {2, 3}) {
    const Threads scope(threads);
    check(130, 70, 90);
    check(70, 130, 90);
    check(1, 4000, 200);
    check(4000, 1, 200);
  }
}
