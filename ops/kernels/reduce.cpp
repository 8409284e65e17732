#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/modular.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/reduce.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <type_traits>
#include <vector>

namespace xgrad::kernels {
namespace {

/// A reduction joins what `term` makes of the values.
struct Plain {
  template <class T>
  static T term(T x) {
    return x;
  }
};

struct Sum : Plain {
  template <class T>
  static T join(T a, T b) {
    return wrapping(std::plus(), a, b);
  }
};

struct SumOfSquares : Sum {
  template <class T>
  static T term(T x) {
    return x * x;
  }
};

struct Max : Plain {
  template <class T>
  static T join(T a, T b) {
    return a > b || a != a ? a : b;
  }
};

struct Min : Plain {
  template <class T>
  static T join(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

constexpr double nanoseconds = 0.1;  // a term

constexpr std::int64_t block = 64 * run;  // of a row: 64 numbers that take `run` terms each

template <class Join, std::int64_t Lanes, class T>
T reduce_lanes(const T* x, std::int64_t n) {
  // Processors read ahead by themselves, but stop at the end of a page.
  constexpr auto line = static_cast<std::int64_t>(64 / sizeof(T));
  constexpr std::int64_t ahead = 32 * line;
  T lane[Lanes];
  for (std::int64_t j = 0; j < Lanes; ++j) lane[j] = Join::term(x[j]);
  std::int64_t i = Lanes;
  for (; i + Lanes <= n; i += Lanes) {
    for (std::int64_t j = 0; j < Lanes; j += line) __builtin_prefetch(x + i + ahead + j);
    for (std::int64_t j = 0; j < Lanes; ++j) lane[j] = Join::join(lane[j], Join::term(x[i + j]));
  }
  for (std::int64_t j = 0; i < n; ++i, ++j) lane[j] = Join::join(lane[j], Join::term(x[i]));
  for (std::int64_t width = Lanes / 2; width > 0; width /= 2)
    for (std::int64_t j = 0; j < width; ++j) lane[j] = Join::join(lane[j], lane[j + width]);
  return lane[0];
}

constexpr std::int64_t few = 32;  // values of a row that need no lanes

template <class Join, class T>
T reduce_few(const T* x, std::int64_t n) {
  T result = Join::term(x[0]);
  for (std::int64_t i = 1; i < n; ++i) result = Join::join(result, Join::term(x[i]));
  return result;
}

template <class Join, class T>
T reduce_block(const T* x, std::int64_t n) {
  if (n >= 512) return reduce_lanes<Join, 64>(x, n);
  if (n >= few) return reduce_lanes<Join, few>(x, n);
  return reduce_few<Join>(x, n);
}

/// What blocks are joined in; the largest and the smallest value need no more digits.
template <class Join, class T>
using Accumulator = std::conditional_t<std::is_base_of_v<Sum, Join>, Wide<T>, T>;

template <class Join>
constexpr auto join = [](auto a, auto b) { return Join::join(a, b); };

template <class Join, class T>
Accumulator<Join, T> reduce_row(const T* x, std::int64_t n) {
  using W = Accumulator<Join, T>;
  W result;
  std::array<W, most_depth> room;
  join_blocks(
      0, (n + block - 1) / block, 1,
      [&](std::int64_t b, W* to) {
        *to = static_cast<W>(reduce_block<Join>(x + b * block, std::min(block, n - b * block)));
      },
      join<Join>, &result, room.data());
  return result;
}

/// out [width] = the rows of parts [count, width], joined two by two in room for as many numbers.
template <class Join, class W, class Out>
void join_parts(const W* parts, std::int64_t count, std::int64_t width, W* room, Out* out) {
  const W* result = parts;
  if (count > 1) {
    join_blocks(
        0, count, width,
        [&](std::int64_t part, W* to) { std::copy_n(parts + part * width, width, to); }, join<Join>,
        room, room + width);
    result = room;
  }
  std::transform(result, result + width, out, [](W value) { return static_cast<Out>(value); });
}

/// out[i] = row(where row i starts), several rows at once.
template <class T, class Out, class Row>
void for_rows(const T* x, std::int64_t outer, std::int64_t n, Out* out, const Row& row) {
  parallel_for(outer, grain_of(3 + nanoseconds * static_cast<double>(n)),
               [=](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i)
                   out[i] = static_cast<Out>(row(x + i * n));
               });
}

/// The same with several threads on one row: parts are branches of the tree that reduce_row makes.
template <class Join, class T, class Out>
void split_rows(const T* x, std::int64_t outer, std::int64_t n, Out* out) {
  constexpr std::int64_t part = terms_together / block * block;
  static_assert(std::has_single_bit(static_cast<std::uint64_t>(part / block)));
  std::vector<Accumulator<Join, T>> parts(static_cast<std::size_t>((n + part - 1) / part));
  auto room = parts;
  for (std::int64_t i = 0; i < outer; ++i, x += n) {
    parallel_for(std::ssize(parts), grain_of(nanoseconds * part),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t p = begin; p < end; ++p)
                     parts[static_cast<std::size_t>(p)] =
                         reduce_row<Join>(x + p * part, std::min(part, n - p * part));
                 });
    join_parts<Join>(parts.data(), std::ssize(parts), 1, room.data(), out + i);
  }
}

template <class Join, class T, class Out>
void reduce_last(const T* x, std::int64_t outer, std::int64_t n, Out* out) {
  if (n < few)
    for_rows(x, outer, n, out, [n](const T* row) { return reduce_few<Join>(row, n); });
  else if (n <= block)
    for_rows(x, outer, n, out, [n](const T* row) { return reduce_block<Join>(row, n); });
  else if (n > terms_together && outer < available_threads())
    split_rows<Join>(x, outer, n, out);
  else
    for_rows(x, outer, n, out, [n](const T* row) { return reduce_row<Join>(row, n); });
}

/// Rows joined at once: four for each time the target is read and written, so that one of its
/// numbers takes `run` of these fours.
constexpr std::int64_t block_rows = 4 * run;

/// target = no more than block_rows rows joined.
template <class Join, class T>
void join_rows(const T* rows, std::int64_t count, std::int64_t step, std::int64_t width,
               T* target) {
  for (std::int64_t j = 0; j < width; ++j) target[j] = Join::term(rows[j]);
  const auto two = [](T a, T b) { return Join::join(Join::term(a), Join::term(b)); };
  std::int64_t k = 1;
  for (; k + 4 <= count; k += 4) {
    const T* const a = rows + k * step;
    const T* const b = a + step;
    const T* const c = b + step;
    const T* const d = c + step;
    for (std::int64_t j = 0; j < width; ++j)
      target[j] = Join::join(target[j], Join::join(two(a[j], b[j]), two(c[j], d[j])));
  }
  for (; k < count; ++k)
    for (std::int64_t j = 0; j < width; ++j)
      target[j] = Join::join(target[j], Join::term(rows[k * step + j]));
}

/// A matrix of n rows of `inner` values as one of fewer, wider rows where they are short, so that
/// they fill vectors: row i takes the rows i · fold and following, side by side. The last of them
/// are left over.
struct Folded {
  static constexpr std::int64_t narrow = 64;
  std::int64_t fold, rows, width, left_over;

  Folded(std::int64_t n, std::int64_t inner) {
    fold = static_cast<std::int64_t>(
        std::bit_ceil(static_cast<std::uint64_t>((narrow + inner - 1) / inner)));
    if (n < 4 * fold) fold = 1;
    rows = n / fold;
    width = fold * inner;
    left_over = n % fold * inner;
  }
  std::int64_t blocks() const { return (rows + block_rows - 1) / block_rows; }
};

/// Columns of a matrix, a stripe of them at a time: few enough that it stays in cache, and enough
/// stripes for all threads. All of a folded matrix's are one.
struct Stripes {
  std::int64_t width, count;

  explicit Stripes(std::int64_t columns) {
    const std::int64_t share = (columns + available_threads() - 1) / available_threads();
    width = std::clamp<std::int64_t>((share + 15) / 16 * 16, 128, 2048);
    count = (columns + width - 1) / width;
  }
};

/// Joins rows of a matrix, with room of its own.
template <class Join, class T>
class Rows {
 public:
  using W = Accumulator<Join, T>;

  Rows(const Folded& matrix, std::int64_t most)
      : matrix_(matrix),
        most_(most),
        numbers_(Storage::allocate(
            static_cast<std::size_t>(most) *
            (sizeof(T) + static_cast<std::size_t>(2 + join_depth(matrix.blocks())) * sizeof(W)))) {}

  /// out [width] = blocks [begin, end) of columns [first, first + width).
  void join_columns(const T* x, std::int64_t begin, std::int64_t end, std::int64_t first,
                    std::int64_t width, W* out) {
    const Folded& m = matrix_;
    T* const sums = reinterpret_cast<T*>(row() + (2 + join_depth(m.blocks())) * most_);
    const auto leaf = [&](std::int64_t b, W* to) {
      const std::int64_t from = b * block_rows;
      join_rows<Join>(x + from * m.width + first, std::min(block_rows, m.rows - from), m.width,
                      width, sums);
      std::transform(sums, sums + width, to, [](T value) { return static_cast<W>(value); });
      if (b + 1 == m.blocks())
        for (std::int64_t j = 0; j < m.left_over; ++j)
          to[j] = Join::join(to[j], static_cast<W>(Join::term(x[m.rows * m.width + j])));
    };
    join_blocks(begin, end, width, leaf, join<Join>, out, room());
  }

  /// out = a row of the matrix, what lies side by side joined.
  template <class Out>
  void unfold(const W* from, std::int64_t width, Out* out) {
    join_parts<Join>(from, matrix_.fold, width / matrix_.fold, room(), out);
  }

  /// Room for a row.
  W* row() { return reinterpret_cast<W*>(numbers_->own()); }

 private:
  W* room() { return row() + most_; }

  Folded matrix_;
  std::int64_t most_;  // columns
  Ref<Storage> numbers_;
};

/// How many blocks a part takes, a power of two: all of them, or fewer where that leaves threads
/// without work.
std::int64_t blocks_of_part(const Folded& matrix, const Stripes& stripes, std::int64_t outer) {
  const std::int64_t others = outer * stripes.count;
  const std::int64_t enough = 4 * available_threads();
  constexpr std::int64_t enough_work = grain_of(nanoseconds);
  const std::int64_t block_work = block_rows * std::min(stripes.width, matrix.width);
  const std::int64_t blocks = matrix.blocks();
  if (others >= available_threads() || blocks * block_work < 2 * enough_work)
    return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(blocks)));
  const std::int64_t least =
      std::max((enough_work + block_work - 1) / block_work, blocks * others / enough);
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(least)));
}

/// Many rows of `inner` values are joined. Work is cut by columns, and by rows where there are few
/// columns: along branches of the tree, so that the bits are the same however it is cut.
template <class Join, class T, class Out>
void reduce_long(const T* x, const Extents& e, Out* out) {
  using W = Accumulator<Join, T>;
  const Folded matrix(e.n, e.inner);
  const Stripes stripes(matrix.width);
  const std::int64_t most = std::min(stripes.width, matrix.width);
  const std::int64_t branch = blocks_of_part(matrix, stripes, e.outer);
  const std::int64_t parts = (matrix.blocks() + branch - 1) / branch;
  std::vector<W> partial(static_cast<std::size_t>(parts > 1 ? e.outer * parts * matrix.width : 0));
  const std::int64_t work = std::min(branch * block_rows, matrix.rows) * most;
  parallel_for(e.outer * parts * stripes.count, grain_of(nanoseconds * static_cast<double>(work)),
               [&](std::int64_t begin, std::int64_t end) {
                 Rows<Join, T> rows(matrix, most);
                 for (std::int64_t item = begin; item < end; ++item) {
                   const std::int64_t place = item / stripes.count;
                   const std::int64_t o = place / parts;
                   const std::int64_t from = place % parts * branch;
                   const std::int64_t first = item % stripes.count * stripes.width;
                   const std::int64_t width = std::min(stripes.width, matrix.width - first);
                   W* const to =
                       parts > 1 ? partial.data() + place * matrix.width + first : rows.row();
                   rows.join_columns(x + o * e.n * e.inner, from,
                                     std::min(from + branch, matrix.blocks()), first, width, to);
                   if (parts == 1) rows.unfold(to, width, out + o * e.inner + first);
                 }
               });
  if (parts == 1) return;
  std::vector<W> room(static_cast<std::size_t>(parts * matrix.width));
  for (std::int64_t o = 0; o < e.outer; ++o) {
    W* const rows = partial.data() + o * parts * matrix.width;
    join_parts<Join>(rows, parts, matrix.width, room.data(), rows);
    join_parts<Join>(rows, matrix.fold, e.inner, room.data(), out + o * e.inner);
  }
}

/// Few rows of `inner` values are joined: a block.
template <class Join, class T, class Out>
void reduce_short(const T* x, const Extents& e, Out* out) {
  const Stripes stripes(e.inner);
  const std::int64_t most = std::min(stripes.width, e.inner);
  parallel_for(e.outer * stripes.count, grain_of(nanoseconds * static_cast<double>(e.n * most)),
               [&](std::int64_t begin, std::int64_t end) {
                 std::vector<T> sums(static_cast<std::size_t>(std::is_same_v<T, Out> ? 0 : most));
                 for (std::int64_t item = begin; item < end; ++item) {
                   const std::int64_t o = item / stripes.count;
                   const std::int64_t first = item % stripes.count * stripes.width;
                   const std::int64_t width = std::min(stripes.width, e.inner - first);
                   const T* const rows = x + o * e.n * e.inner + first;
                   Out* const to = out + o * e.inner + first;
                   if constexpr (std::is_same_v<T, Out>) {
                     join_rows<Join>(rows, e.n, e.inner, width, to);
                   } else {
                     join_rows<Join>(rows, e.n, e.inner, width, sums.data());
                     std::transform(sums.data(), sums.data() + width, to,
                                    [](T value) { return static_cast<Out>(value); });
                   }
                 }
               });
}

template <class Join, class T, class Out>
void reduce(const T* x, const Extents& e, Out* out) {
  if (e.inner == 1) return reduce_last<Join>(x, e.outer, e.n, out);
  if (e.n <= (e.inner < Folded::narrow ? run : block_rows)) return reduce_short<Join>(x, e, out);
  reduce_long<Join>(x, e, out);
}

template <class Better, class T>
void find(const T* x, const Extents& e, std::int64_t* out, Better better) {
  parallel_for(
      e.outer * e.inner, grain_of(1.5 * static_cast<double>(e.n)),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t item = begin; item < end; ++item) {
          const T* values = x + item / e.inner * e.n * e.inner + item % e.inner;
          std::int64_t best = 0;
          for (std::int64_t k = 1; k < e.n; ++k) {
            const T candidate = values[k * e.inner];
            const T current = values[best * e.inner];
            // The first NaN counts as the best of all.
            if (current == current && (candidate != candidate || better(candidate, current)))
              best = k;
          }
          out[item] = best;
        }
      });
}

}  // namespace

template <class T, class Out>
void sum(const T* x, const Extents& e, Out* out) {
  if (e.n == 0) {
    std::fill_n(out, e.outer * e.inner, Out(0));
  } else {
    reduce<Sum>(x, e, out);
  }
}

template <class T>
void sum_of_squares(const T* x, const Extents& e, Wide<T>* out) {
  if (e.n == 0) {
    std::fill_n(out, e.outer * e.inner, Wide<T>(0));
  } else {
    reduce<SumOfSquares>(x, e, out);
  }
}

template <class T>
T sum_row(const T* x, std::int64_t n) {
  return n <= block ? reduce_block<Sum>(x, n) : static_cast<T>(reduce_row<Sum>(x, n));
}

template <class T>
T max_row(const T* x, std::int64_t n) {
  return n <= block ? reduce_block<Max>(x, n) : reduce_row<Max>(x, n);
}

template <class T>
void max(const T* x, const Extents& e, T* out) {
  reduce<Max>(x, e, out);
}

template <class T>
void min(const T* x, const Extents& e, T* out) {
  reduce<Min>(x, e, out);
}

template <class T>
void argmax(const T* x, const Extents& e, std::int64_t* out) {
  find(x, e, out, [](T a, T b) { return a > b; });
}

template <class T>
void argmin(const T* x, const Extents& e, std::int64_t* out) {
  find(x, e, out, [](T a, T b) { return a < b; });
}

#define XGRAD_INSTANTIATE(T)                                     \
  template void sum(const T*, const Extents&, T*);               \
  template void max(const T*, const Extents&, T*);               \
  template void min(const T*, const Extents&, T*);               \
  template void argmax(const T*, const Extents&, std::int64_t*); \
  template void argmin(const T*, const Extents&, std::int64_t*);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(std::int64_t)
XGRAD_INSTANTIATE(std::int32_t)
XGRAD_INSTANTIATE(std::uint8_t)
#undef XGRAD_INSTANTIATE
template void sum(const float*, const Extents&, double*);
template float sum_row(const float*, std::int64_t);
template double sum_row(const double*, std::int64_t);
template float max_row(const float*, std::int64_t);
template double max_row(const double*, std::int64_t);
template void sum_of_squares(const float*, const Extents&, double*);
template void sum_of_squares(const double*, const Extents&, double*);
template void sum(const double*, const Extents&, float*);

}  // namespace xgrad::kernels
