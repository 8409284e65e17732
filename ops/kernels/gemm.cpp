#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/gemm.hpp>
#include <xgrad/ops/kernels/gemm_tiles.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/room.hpp>
#include <xgrad/ops/kernels/signals.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#ifdef XGRAD_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace xgrad::kernels {
namespace {

/// How a kernel likes products to be cut: at multiples of some rows and columns, into pieces that
/// have so many of them at least, and by rows also where c has more columns.
struct Grid {
  std::int64_t rows, columns;
  std::int64_t least_rows, least_columns;
  bool rows_first = false;
};

/// Into how many pieces c is cut, by the sizes alone: which kernel a library takes, and how many
/// terms of the inner axis it adds at once, goes by the sizes that it is given. Each piece has
/// factors of its own to put in order, so a product sixteen times as large has twice as many.
struct Pieces {
  std::int64_t down = 1, across = 1;

  Pieces(const Grid& grid, std::int64_t m, std::int64_t n, std::int64_t k) {
    constexpr double most = 16, least_work = 8 * worthwhile;
    const double work = product_nanoseconds(m, n, k) / least_work;
    const double many = work < 1 ? 1 : std::min(2 * std::sqrt(std::sqrt(work)), most);
    cut(grid, m, n, power_of_two(static_cast<std::int64_t>(many)));
    // Two that are smaller than it likes are better than a single one, and much smaller ones where
    // the inner axis is long.
    const auto halve = [&](std::int64_t smaller) {
      if (down * across == 1)
        cut({grid.rows, grid.columns, std::max(grid.least_rows / smaller, grid.rows),
             std::max(grid.least_columns / smaller, grid.columns), grid.rows_first},
            m, n, 2);
    };
    if (many >= 2) halve(2);
    if (many >= 3) halve(8);
  }

 private:
  /// The largest that is not above x, 1 at least: what two threads share evenly.
  static std::int64_t power_of_two(std::int64_t x) {
    return static_cast<std::int64_t>(
        std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(x, 1))));
  }

  void cut(const Grid& grid, std::int64_t m, std::int64_t n, std::int64_t wanted) {
    const std::int64_t most_down = power_of_two(m / grid.least_rows);
    const std::int64_t most_across = power_of_two(n / grid.least_columns);
    if (grid.rows_first || m >= n) {
      down = std::min(wanted, most_down);
      across = std::min(wanted / down, most_across);
    } else {
      across = std::min(wanted, most_across);
      down = std::min(wanted / across, most_down);
    }
  }
};

/// Where piece i of `count` begins on an axis that is cut at multiples of `step`.
std::int64_t begin_of(std::int64_t i, std::int64_t count, std::int64_t length, std::int64_t step) {
  return i == count ? length : length / step * i / count * step;
}

/// multiply(m, n, k, a, b, c, c_step, accumulate) on all threads.
template <class T, class F>
void multiply_in_parallel(const Grid& grid, const F& multiply, std::int64_t m, std::int64_t n,
                          std::int64_t k, const Matrix<T>& a, const Matrix<T>& b, T* c,
                          std::int64_t c_step, bool accumulate) {
  const Pieces pieces(grid, m, n, k);
  const auto count = static_cast<int>(pieces.down * pieces.across);
  parallel_parts(count, count, [&](int piece, auto, auto) {
    const std::int64_t row = piece / pieces.across, column = piece % pieces.across;
    const std::int64_t top = begin_of(row, pieces.down, m, grid.rows);
    const std::int64_t left = begin_of(column, pieces.across, n, grid.columns);
    multiply(begin_of(row + 1, pieces.down, m, grid.rows) - top,
             begin_of(column + 1, pieces.across, n, grid.columns) - left, k, a.from_row(top),
             b.from_column(left), c + top * c_step + left, c_step, accumulate);
  });
}

#ifdef XGRAD_ONEDNN
/// Whether products of float32 may go to oneDNN; ValueError for a setting that is none.
bool may_use_onednn() {
  static const bool may = [] {
    const char* setting = std::getenv("XGRAD_GEMM");
    const std::string_view name = setting == nullptr ? "auto" : setting;
    require<ValueError>(name == "auto" || name == "tiles",
                        "XGRAD_GEMM: '{}' is neither auto nor tiles", name);
    return name == "auto";
  }();
  return may;
}

/// oneDNN compiles the kernels of a kind of product at the first of its kind, in code that ends the
/// program without memory.
void compile_products() {
  [[maybe_unused]] static const bool done = [] {
    available_threads();  // tells a setting that is no number, which small products never ask for
    require<MemoryError>(has_room(room_for_products),
                         "matrix product: no memory to compile oneDNN's kernels");
    const SerialScope serial;
    constexpr std::int64_t n = 32;
    const std::array<float, n * n> a{};
    std::array<float, n * n> c{};
    constexpr std::array<std::int64_t, 3> few{1, 8, n};  // which take kernels of their own
    for (const char left : {'N', 'T'})
      for (const char right : {'N', 'T'})
        for (const std::int64_t rows : few)
          for (const std::int64_t columns : few)
            require<MemoryError>(dnnl_sgemm(left, right, rows, columns, n, 1, a.data(), n, a.data(),
                                            n, 0, c.data(), n) == dnnl_success,
                                 "matrix product: oneDNN compiles no kernels");
    return true;
  }();
}

/// Whether oneDNN's kernels work with the stack pointer in a block of the heap, as they do before
/// its version 3.12 where the inner axis is long (from 85 terms on with AVX-512 in 2.6): the system
/// would write the frame of a signal's handler over what lies below that block (oneDNN's issue
/// 4845).
bool leaves_the_stack(std::int64_t k) {
  static const bool does = [] {
    const dnnl_version_t* version = dnnl_version();
    return version->major < 3 || (version->major == 3 && version->minor < 12);
  }();
  return does && k > 40;
}

void multiply_by_onednn(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<float>& a,
                        const Matrix<float>& b, float* c, std::int64_t c_step, bool accumulate) {
  const SerialScope serial;
  const SignalsHeld held(leaves_the_stack(k));
  const auto letter = [](bool transposed) { return transposed ? 'T' : 'N'; };
  const auto status = dnnl_sgemm(letter(a.transposed), letter(b.transposed), m, n, k, 1, a.values,
                                 a.step, b.values, b.step, accumulate ? 1.0F : 0.0F, c, c_step);
  require<MemoryError>(status != dnnl_out_of_memory,
                       "matrix product: oneDNN got no memory for {} x {} by {} x {}", m, k, k, n);
  require<ValueError>(status == dnnl_success,
                      "matrix product: oneDNN does not multiply {} x {} by {} x {}", m, k, k, n);
}

#endif

template <class T>
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a,
              const Matrix<T>& b, T* c, std::int64_t c_step, bool accumulate) {
  if (is_small_product(m, n, k)) return multiply_by_tiles(m, n, k, a, b, c, c_step, accumulate);
#ifdef XGRAD_ONEDNN
  if constexpr (std::is_same_v<T, float>)
    if (may_use_onednn()) {
      compile_products();
      // The threads are ours, each with its signals held; this one's for all of its pieces.
      const SignalsHeld held(leaves_the_stack(k));
      // Rows of a transpose lie side by side, so that fewer of them are as good.
      const Grid grid{8, 16, a.transposed ? 128 : 256, 128, a.transposed};
      return multiply_in_parallel(grid, multiply_by_onednn, m, n, k, a, b, c, c_step, accumulate);
    }
#endif
  constexpr Grid grid{tile_rows, tile_columns, 20 * tile_rows, 4 * tile_columns};
  multiply_in_parallel(grid, multiply_by_tiles<T>, m, n, k, a, b, c, c_step, accumulate);
}

/// Terms of the inner axis that go to the library at once. It adds up blocks of some hundreds of
/// them, but one after the other where there is a single row or column.
std::int64_t most_terms(std::int64_t m, std::int64_t n) { return m == 1 || n == 1 ? 1024 : 16384; }

/// The product in pieces along the inner axis.
template <class T>
void multiply_pieces(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a,
                     const Matrix<T>& b, T* c, std::int64_t c_step, bool accumulate) {
  const std::int64_t most = most_terms(m, n);
  const std::int64_t pieces = (k + most - 1) / most;
  const auto size = static_cast<std::size_t>(m * n);
  std::vector<T> product(size);
  std::vector<Wide<T>> sums(size * static_cast<std::size_t>(1 + join_depth(pieces)));
  join_blocks(
      0, pieces, m * n,
      [&](std::int64_t piece, Wide<T>* to) {
        const std::int64_t first = piece * most;
        multiply<T>(m, n, std::min(most, k - first), a.from_column(first), b.from_row(first),
                    product.data(), n, false);
        std::ranges::transform(product, to, [](T value) { return static_cast<Wide<T>>(value); });
      },
      std::plus<>(), sums.data(), sums.data() + size);
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) {
      T& to = c[i * c_step + j];
      to = static_cast<T>(accumulate
                              ? static_cast<Wide<T>>(to) + sums[static_cast<std::size_t>(i * n + j)]
                              : sums[static_cast<std::size_t>(i * n + j)]);
    }
}

/// Whether both factors' values lie side by side along the inner axis, for a product of one number.
template <class T>
bool is_dot(std::int64_t m, std::int64_t n, const Matrix<T>& a, const Matrix<T>& b) {
  return m == 1 && n == 1 && (!a.transposed || a.step == 1) && (b.transposed || b.step == 1);
}

template <class T>
void dot(std::int64_t k, const T* a, const T* b, T* c, bool accumulate) {
  Wide<T> sum;
  sum_lanes<1, T>(k, &sum, [=](std::int64_t i, std::size_t) { return a[i] * b[i]; });
  *c = static_cast<T>(accumulate ? static_cast<Wide<T>>(*c) + sum : sum);
}

}  // namespace

template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a, const Matrix<T>& b,
          T* c, std::int64_t c_step, bool accumulate) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    for (std::int64_t i = 0; i < m && !accumulate; ++i) std::fill_n(c + i * c_step, n, T(0));
    return;
  }
  if (is_dot(m, n, a, b)) return dot(k, a.values, b.values, c, accumulate);
  const auto product = k > most_terms(m, n) ? multiply_pieces<T> : multiply<T>;
  product(m, n, k, a, b, c, c_step, accumulate);
}

template void gemm(std::int64_t, std::int64_t, std::int64_t, const Matrix<float>&,
                   const Matrix<float>&, float*, std::int64_t, bool);
template void gemm(std::int64_t, std::int64_t, std::int64_t, const Matrix<double>&,
                   const Matrix<double>&, double*, std::int64_t, bool);

}  // namespace xgrad::kernels
