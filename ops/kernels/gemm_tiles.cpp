// Tiles of the result stay in registers while the inner axis goes by: numbers of the left matrix's
// rows are multiplied by vectors of the right one's columns, which are put side by side for this.
// As in Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34(3),
// 2008, but that the left matrix is read where it lies.

#include <xgrad/ops/kernels/gemm_tiles.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/vector.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace xgrad::kernels {
namespace {

constexpr int most_rows = register_bytes == 64 ? 12 : 6;
constexpr int most_vectors = 2;  // of a tile's row

// What is packed of the right matrix stays in the first cache, a block of the left in the second.
constexpr std::int64_t block_terms = 256, block_rows = 240;

template <class T>
inline constexpr int lanes = register_bytes / sizeof(T);
template <class T>
inline constexpr std::int64_t widest = most_vectors* lanes<T>;
template <class T>
using Register = Vector<T, lanes<T>>;

/// Steps from number to number of the left matrix.
struct Steps {
  std::int64_t row, column;
};

/// `Rows` rows of c from as many of a and `Vectors` vectors of columns of b.
template <int Rows, int Vectors, class T>
void multiply_tile(std::int64_t k, const T* a, Steps steps, const T* b, std::int64_t b_step, T* c,
                   std::int64_t c_step, bool accumulate) {
  std::array<std::array<Register<T>, Vectors>, Rows> sums{};
  for (std::int64_t p = 0; p < k; ++p, a += steps.column, b += b_step) {
    std::array<Register<T>, Vectors> columns;
    for (std::size_t v = 0; v < Vectors; ++v) load(b + v * lanes<T>, columns[v]);
    for (std::size_t i = 0; i < Rows; ++i) {
      const T value = a[static_cast<std::int64_t>(i) * steps.row];
      for (std::size_t v = 0; v < Vectors; ++v) sums[i][v] += value * columns[v];
    }
  }
  for (std::size_t i = 0; i < Rows; ++i, c += c_step)
    for (std::size_t v = 0; v < Vectors; ++v) {
      T* const to = c + v * lanes<T>;
      if (accumulate) {
        Register<T> before;
        load(to, before);
        sums[i][v] += before;
      }
      store(sums[i][v], to);
    }
}

template <class T>
using Tile = void (*)(std::int64_t, const T*, Steps, const T*, std::int64_t, T*, std::int64_t,
                      bool);

template <int Vectors, class T, int... I>
constexpr std::array<Tile<T>, sizeof...(I)> tiles_of(std::integer_sequence<int, I...>) {
  return {multiply_tile<I + 1, Vectors, T>...};
}
/// By their number of rows, from 1 on.
template <int Vectors, class T>
inline constexpr auto tiles = tiles_of<Vectors, T>(std::make_integer_sequence<int, most_rows>());

/// Two vectors' values in turns: of their first halves, and of their second.
template <class V, int... I>
void zip(const V& a, const V& b, V& first, V& second, std::integer_sequence<int, I...>) {
  constexpr int size = sizeof...(I);
  first = __builtin_shufflevector(a, b, (I / 2 + I % 2 * size)...);
  second = __builtin_shufflevector(a, b, (size / 2 + I / 2 + I % 2 * size)...);
}

/// `count` columns of k values, each `step` from the last, to rows of a vector's lanes `to_step`
/// apart; lanes that are over are 0.
template <class T>
void transpose(std::int64_t k, const T* from, std::int64_t step, std::int64_t count, T* to,
               std::int64_t to_step) {
  constexpr int size = lanes<T>;
  std::int64_t p = 0;
  for (; p + size <= k; p += size) {
    std::array<Register<T>, size> x{};
    std::array<Register<T>, size> y;
    for (std::int64_t i = 0; i < count; ++i)
      load(from + i * step + p, x[static_cast<std::size_t>(i)]);
    for (int half = size / 2; half > 0; half /= 2) {
      for (std::size_t i = 0; i < size / 2; ++i)
        zip(x[i], x[i + size / 2], y[2 * i], y[2 * i + 1], std::make_integer_sequence<int, size>());
      std::swap(x, y);
    }
    for (std::size_t i = 0; i < size; ++i)
      store(x[i], to + (p + static_cast<std::int64_t>(i)) * to_step);
  }
  for (; p < k; ++p)
    for (std::int64_t i = 0; i < size; ++i)
      to[p * to_step + i] = i < count ? from[i * step + p] : T(0);
}

/// The first `columns` columns of b, side by side in rows of `width`; what is over is 0.
template <class T>
void pack(std::int64_t k, const Matrix<T>& b, std::int64_t columns, std::int64_t width, T* to) {
  if (b.transposed) {
    for (std::int64_t j = 0; j < width; j += lanes<T>)
      transpose(k, b.values + j * b.step, b.step, std::min<std::int64_t>(lanes<T>, columns - j),
                to + j, width);
    return;
  }
  if (columns == widest<T>) {
    for (std::int64_t p = 0; p < k; ++p)
      for (int v = 0; v < most_vectors; ++v) {
        Register<T> values;
        load(b.values + p * b.step + v * lanes<T>, values);
        store(values, to + p * widest<T> + v * lanes<T>);
      }
    return;
  }
  if (columns < width) std::fill_n(to, k * width, T(0));
  for (std::int64_t p = 0; p < k; ++p) std::copy_n(b.values + p * b.step, columns, to + p * width);
}

/// `count` of y from as many of the matrix's rows, each times x.
template <std::size_t count, class T>
void multiply_rows(std::int64_t k, const T* matrix, std::int64_t step, const T* x, T* y,
                   std::int64_t y_step, bool accumulate) {
  std::array<Register<T>, count> sums{};
  std::int64_t p = 0;
  for (; p + lanes<T> <= k; p += lanes<T>) {
    Register<T> factor;
    load(x + p, factor);
    for (std::size_t i = 0; i < count; ++i) {
      Register<T> row;
      load(matrix + static_cast<std::int64_t>(i) * step + p, row);
      sums[i] += row * factor;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const T* const row = matrix + static_cast<std::int64_t>(i) * step;
    T sum = 0;
    for (int lane = 0; lane < lanes<T>; ++lane) sum += sums[i][lane];
    for (std::int64_t q = p; q < k; ++q) sum += row[q] * x[q];
    T& to = y[static_cast<std::int64_t>(i) * y_step];
    to = accumulate ? to + sum : sum;
  }
}

/// y = matrix · x, of `rows` rows of k values.
template <class T>
void multiply_vector(std::int64_t rows, std::int64_t k, const T* matrix, std::int64_t step,
                     const T* x, std::int64_t x_step, T* y, std::int64_t y_step, bool accumulate) {
  std::array<T, block_terms> dense;
  if (x_step != 1) {
    for (std::int64_t p = 0; p < k; ++p) dense[static_cast<std::size_t>(p)] = x[p * x_step];
    x = dense.data();
  }
  constexpr std::int64_t together = 4;
  std::int64_t i = 0;
  for (; i + together <= rows; i += together)
    multiply_rows<together>(k, matrix + i * step, step, x, y + i * y_step, y_step, accumulate);
  for (; i < rows; ++i)
    multiply_rows<1>(k, matrix + i * step, step, x, y + i * y_step, y_step, accumulate);
}

template <class T>
Steps steps_of(const Matrix<T>& matrix) {
  return matrix.transposed ? Steps{1, matrix.step} : Steps{matrix.step, 1};
}

/// How wide `columns` columns lie when they are packed.
template <class T>
constexpr std::int64_t width_of(std::int64_t columns) {
  return columns <= lanes<T> ? lanes<T> : widest<T>;
}

/// `columns` columns of c, no more than a tile has, from as many that lie side by side in rows
/// `right_step` apart.
template <class T>
void multiply_panel(std::int64_t m, std::int64_t k, const Matrix<T>& a, const T* right,
                    std::int64_t right_step, std::int64_t columns, T* c, std::int64_t c_step,
                    bool accumulate) {
  alignas(register_bytes) std::array<T, most_rows * widest<T>> edge;
  const Steps steps = steps_of(a);
  const std::int64_t width = width_of<T>(columns);
  const std::int64_t strips = (m + most_rows - 1) / most_rows;
  for (std::int64_t s = 0; s < strips; ++s) {
    const std::int64_t first = m * s / strips, rows = m * (s + 1) / strips - first;
    const auto multiply =
        (width == lanes<T> ? tiles<1, T> : tiles<2, T>)[static_cast<std::size_t>(rows - 1)];
    const T* const left = a.values + first * steps.row;
    T* const to = c + first * c_step;
    if (columns == width) {
      multiply(k, left, steps, right, right_step, to, c_step, accumulate);
      continue;
    }
    const auto copy_rows = [&](const T* from, std::int64_t from_step, T* into, std::int64_t step) {
      for (std::int64_t i = 0; i < rows; ++i)
        std::copy_n(from + i * from_step, columns, into + i * step);
    };
    if (accumulate) copy_rows(to, c_step, edge.data(), width);
    multiply(k, left, steps, right, right_step, edge.data(), width, accumulate);
    copy_rows(edge.data(), width, to, c_step);
  }
}

/// The product of no more than a block of rows and of terms.
template <class T>
void multiply_block(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a,
                    const Matrix<T>& b, T* c, std::int64_t c_step, bool accumulate) {
  const Steps steps = steps_of(a);
  if (n == 1 && !a.transposed)
    return multiply_vector(m, k, a.values, a.step, b.values, steps_of(b).row, c, c_step,
                           accumulate);
  if (m == 1 && b.transposed)
    return multiply_vector(n, k, b.values, b.step, a.values, steps.column, c, 1, accumulate);
  if (n == 1 && m > 1 && c_step == 1)  // as a row, which reads a as it lies
    return multiply_block(1, m, k, b.turned(), a.turned(), c, m, accumulate);

  alignas(register_bytes) std::array<T, block_terms * widest<T>> packed;
  for (std::int64_t j = 0; j < n; j += widest<T>) {
    const std::int64_t columns = std::min(widest<T>, n - j);
    const std::int64_t width = width_of<T>(columns);
    const bool as_it_lies = columns == width && !b.transposed && m <= std::int64_t{2} * most_rows;
    if (!as_it_lies) pack(k, b.from_column(j), columns, width, packed.data());
    multiply_panel(m, k, a, as_it_lies ? b.values + j : packed.data(), as_it_lies ? b.step : width,
                   columns, c + j, c_step, accumulate);
  }
}

/// c += a b over several blocks of terms: c is added to once, however many there are.
template <class T>
void add_blocks(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a,
                const Matrix<T>& b, T* c, std::int64_t c_step) {
  alignas(register_bytes) std::array<T, block_rows * widest<T>> sums;
  for (std::int64_t j = 0; j < n; j += widest<T>) {
    const std::int64_t columns = std::min(widest<T>, n - j);
    for (std::int64_t p = 0; p < k; p += block_terms)
      multiply_block(m, columns, std::min(block_terms, k - p), a.from_column(p),
                     b.from_row(p).from_column(j), sums.data(), columns, p > 0);
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t l = 0; l < columns; ++l)
        c[i * c_step + j + l] += sums[static_cast<std::size_t>(i * columns + l)];
  }
}

}  // namespace

bool is_small_product(std::int64_t m, std::int64_t n, std::int64_t k) noexcept {
  constexpr std::int64_t most = 1 << 15;
  if (m > most || n > most || k > block_terms || m * n > most || m * n * k > most) return false;
  return m == 1 || n == 1 || (n >= 8 && k >= 8);  // where little of a tile is empty
}

template <class T>
void multiply_by_tiles(std::int64_t m, std::int64_t n, std::int64_t k, const Matrix<T>& a,
                       const Matrix<T>& b, T* c, std::int64_t c_step, bool accumulate) {
  for (std::int64_t i = 0; i < m; i += block_rows) {
    const std::int64_t rows = std::min(block_rows, m - i);
    const Matrix<T> left = a.from_row(i);
    T* const to = c + i * c_step;
    if (accumulate && k > block_terms) {
      add_blocks(rows, n, k, left, b, to, c_step);
      continue;
    }
    for (std::int64_t p = 0; p < k; p += block_terms)
      multiply_block(rows, n, std::min(block_terms, k - p), left.from_column(p), b.from_row(p), to,
                     c_step, accumulate || p > 0);
  }
}

template void multiply_by_tiles(std::int64_t, std::int64_t, std::int64_t, const Matrix<float>&,
                                const Matrix<float>&, float*, std::int64_t, bool);
template void multiply_by_tiles(std::int64_t, std::int64_t, std::int64_t, const Matrix<double>&,
                                const Matrix<double>&, double*, std::int64_t, bool);

template <class T>
Panels<T>::Panels(std::int64_t k, std::int64_t n)
    : k_(k),
      n_(n),
      room_(Storage::allocate(static_cast<std::size_t>(count(n) * k * width) * sizeof(T))) {
  static_assert(width == widest<T>);
}

template <class T>
void Panels<T>::assign(const Matrix<T>& b) {
  T* const all = reinterpret_cast<T*>(room_->own());
  const double nanoseconds = 0.5 * static_cast<double>(k_ * width);
  parallel_for(count(n_), grain_of(nanoseconds), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t panel = begin; panel < end; ++panel)
      pack(k_, b.from_column(panel * width), columns(panel), width_of<T>(columns(panel)),
           all + panel * k_ * width);
  });
}

template <class T>
void Panels<T>::multiply(std::int64_t panel, std::int64_t first, std::int64_t terms, std::int64_t m,
                         const Matrix<T>& a, T* c, std::int64_t c_step, bool accumulate) const {
  const std::int64_t step = width_of<T>(columns(panel));
  const T* const values =
      reinterpret_cast<const T*>(room_->own()) + panel * k_ * width + first * step;
  for (std::int64_t i = 0; i < m; i += block_rows)
    for (std::int64_t p = 0; p < terms; p += block_terms)
      multiply_panel(std::min(block_rows, m - i), std::min(block_terms, terms - p),
                     a.from_row(i).from_column(p), values + p * step, step, columns(panel),
                     c + i * c_step, c_step, accumulate || p > 0);
}

template <class T>
void Panels<T>::multiply_columns(std::int64_t first, std::int64_t count, std::int64_t m,
                                 const Matrix<T>& a, T* c, std::int64_t c_step,
                                 bool accumulate) const {
  for (std::int64_t column = first; column < first + count; column += width)
    multiply(column / width, m, a, c + (column - first), c_step, accumulate);
}

template <class T>
void Panels<T>::multiply_rows(std::int64_t first, std::int64_t terms, std::int64_t m,
                              const Matrix<T>& a, T* c, std::int64_t c_step,
                              bool accumulate) const {
  for (std::int64_t panel = 0; panel < count(n_); ++panel)
    multiply(panel, first, terms, m, a, c + panel * width, c_step, accumulate);
}

template class Panels<float>;
template class Panels<double>;

}  // namespace xgrad::kernels
