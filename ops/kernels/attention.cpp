#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/accumulate.hpp>
#include <xgrad/ops/kernels/attention.hpp>
#include <xgrad/ops/kernels/gemm_tiles.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/transcendental.hpp>
#include <xgrad/ops/kernels/vector.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace xgrad::kernels {
namespace {

constexpr std::int64_t block_queries = 64, block_keys = 128;

template <class T>
constexpr T nothing = -std::numeric_limits<T>::infinity();

/// Memory from the pool.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::int64_t count)
      : room_(Storage::allocate(static_cast<std::size_t>(count) * sizeof(T))) {}
  T* data() const { return reinterpret_cast<T*>(room_->own()); }

 private:
  Ref<Storage> room_;
};

/// A head's rows as a matrix.
template <class T>
Matrix<T> matrix_of(const HeadRows<const T>& rows, std::int64_t head) {
  return {rows.row(head, 0), rows.step};
}

/// Queries [first, first + count) of one head.
struct Queries {
  std::int64_t head;  ///< of queries
  std::int64_t first;
  std::int64_t count;

  Queries(const AttentionExtents& e, std::int64_t of_head, std::int64_t block)
      : head(of_head),
        first(block * block_queries),
        count(std::min(block_queries, e.queries - first)) {}

  std::int64_t row(const AttentionExtents& e) const { return head * e.queries + first; }
  /// Keys that any of them sees.
  std::int64_t keys(const AttentionExtents& e) const {
    return e.causal ? std::min(e.keys, first + count) : e.keys;
  }
  /// Keys from `from` on that number i of them sees, of n.
  std::int64_t seen(const AttentionExtents& e, std::int64_t i, std::int64_t from,
                    std::int64_t n) const {
    return e.causal ? std::clamp<std::int64_t>(first + i + 1 - from, 0, n) : n;
  }
};

std::int64_t query_blocks(const AttentionExtents& e) {
  return (e.queries + block_queries - 1) / block_queries;
}

template <class T>
void scale_to(std::int64_t n, const T* x, T scale, T* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = x[i] * scale;
}

/// `rows` of `columns` values side by side, each times a factor.
template <class T>
void scale_rows_to(std::int64_t rows, std::int64_t columns, const T* x, std::int64_t step, T factor,
                   T* y) {
  for (std::int64_t i = 0; i < rows; ++i) scale_to(columns, x + i * step, factor, y + i * columns);
}

template <class T>
void scale(std::int64_t n, T factor, T* x) {
  for (std::int64_t i = 0; i < n; ++i) x[i] *= factor;
}

template <class T>
void apply_mask(const AttentionMask<T>& mask, std::int64_t at, std::int64_t n, T* scores) {
  if (mask.seen != nullptr) {
    if (mask.column_step == 0) {
      if (!mask.seen[at]) std::fill_n(scores, n, nothing<T>);
      return;
    }
    for (std::int64_t j = 0; j < n; ++j) scores[j] = mask.seen[at + j] ? scores[j] : nothing<T>;
  } else if (mask.added != nullptr) {
    if (mask.column_step == 0)
      for (std::int64_t j = 0; j < n; ++j) scores[j] += mask.added[at];
    else
      for (std::int64_t j = 0; j < n; ++j) scores[j] += mask.added[at + j];
  }
}

/// Scores of n keys from `from` on, in rows `block_keys` apart, from scaled queries and turned
/// keys.
template <class T>
void find_scores(const AttentionExtents& e, const AttentionMask<T>& mask, const Queries& queries,
                 std::int64_t from, std::int64_t n, const T* scaled, const Panels<T>& turned_keys,
                 T* scores) {
  turned_keys.multiply_columns(from, n, queries.count, {scaled, e.width}, scores, block_keys,
                               false);
  if (mask.starts == nullptr) return;
  for (std::int64_t i = 0; i < queries.count; ++i)
    apply_mask(
        mask,
        mask.starts[queries.head] + (queries.first + i) * mask.row_step + from * mask.column_step,
        n, scores + i * block_keys);
}

template <class T>
inline constexpr std::int64_t lanes = 64 / sizeof(T);

/// The largest of n values that are numbers. NaN shows in the sum of exponentials.
template <class T>
T largest_of(std::int64_t n, const T* x) {
  Vector<T, lanes<T>> largest = Vector<T, lanes<T>>{} + nothing<T>;
  std::int64_t j = 0;
  for (; j + lanes<T> <= n; j += lanes<T>) {
    Vector<T, lanes<T>> v;
    load(x + j, v);
    largest = v > largest ? v : largest;
  }
  T result = nothing<T>;
  for (std::int64_t lane = 0; lane < lanes<T>; ++lane)
    result = std::max(result, static_cast<T>(largest[lane]));
  for (; j < n; ++j) result = std::max(result, x[j]);
  return result;
}

/// x = eˣ⁻ˢ for n values, and their sum.
template <class T>
T exponentials(std::int64_t n, T shift, T* x) {
  using V = Vector<T, lanes<T>>;
  V sums{};
  V v;
  std::int64_t j = 0;
  for (; j + lanes<T> <= n; j += lanes<T>) {
    load(x + j, v);
    v = functions::Exp()(V(v - shift));
    sums += v;
    store(v, x + j);
  }
  if (j < n) {
    std::array<T, lanes<T>> rest;
    rest.fill(nothing<T>);
    std::copy(x + j, x + n, rest.begin());
    load(rest.data(), v);
    v = functions::Exp()(V(v - shift));
    sums += v;
    store(v, rest.data());
    std::copy_n(rest.begin(), n - j, x + j);
  }
  T sum = 0;
  for (std::int64_t lane = 0; lane < lanes<T>; ++lane) sum += sums[lane];
  return sum;
}

/// What is known of a query's scores so far.
template <class T>
struct Softmax {
  T largest = nothing<T>;
  Wide<T> sum = 0;  ///< of eˣ⁻ˡ

  /// Takes `seen` scores of a row of n, which become weights; how much those before count now.
  T take(std::int64_t seen, std::int64_t n, T* scores) {
    std::fill(scores + seen, scores + n, T(0));
    const T before = largest;
    largest = std::max(before, largest_of(seen, scores));
    const T factor = before == nothing<T> ? T(0) : std::exp(before - largest);
    const T total = exponentials(seen, shift(), scores);
    sum = sum * static_cast<Wide<T>>(factor) + static_cast<Wide<T>>(total);
    return factor;
  }
  T shift() const { return largest == nothing<T> ? T(0) : largest; }
  T log_sum() const {
    return sum == 0 ? T(0) : static_cast<T>(static_cast<Wide<T>>(largest) + std::log(sum));
  }
};

/// Room for one thread's blocks.
template <class T>
struct ForwardRoom {
  explicit ForwardRoom(const AttentionExtents& e)
      : turned_keys(e.width, e.keys),
        values(e.keys, e.value_width),
        scaled(block_queries * e.width),
        scores(block_queries * block_keys) {}

  void take(const AttentionInputs<T>& in, std::int64_t head) {
    turned_keys.assign(matrix_of(in.key, head).turned());
    values.assign(matrix_of(in.value, head));
  }

  Panels<T> turned_keys;
  Panels<T> values;
  Buffer<T> scaled;
  Buffer<T> scores;
};

// Compiled once, as its backward: copies inlined into the loops of one thread and of several may
// round products that are added in other places, and so give other bits.
template <class T>
[[gnu::noinline]] void attend(const AttentionExtents& e, const AttentionInputs<T>& in,
                              const Queries& queries, const ForwardRoom<T>& room,
                              const HeadRows<T>& y, T* log_sum) {
  scale_rows_to(queries.count, e.width, in.query.row(queries.head, queries.first), in.query.step,
                static_cast<T>(e.scale), room.scaled.data());
  T* const out = y.row(queries.head, queries.first);
  T* const scores = room.scores.data();
  std::array<Softmax<T>, block_queries> states{};
  for (std::int64_t from = 0; from < queries.keys(e); from += block_keys) {
    const std::int64_t n = std::min(block_keys, queries.keys(e) - from);
    find_scores(e, in.mask, queries, from, n, room.scaled.data(), room.turned_keys, scores);
    for (std::int64_t i = 0; i < queries.count; ++i) {
      const T factor = states[static_cast<std::size_t>(i)].take(queries.seen(e, i, from, n), n,
                                                                scores + i * block_keys);
      if (from > 0 && factor != 1) scale(e.value_width, factor, out + i * y.step);
    }
    room.values.multiply_rows(from, n, queries.count, {scores, block_keys}, out, y.step, from > 0);
  }
  T* const log_sums = log_sum + queries.row(e);
  for (std::int64_t i = 0; i < queries.count; ++i) {
    const Softmax<T>& state = states[static_cast<std::size_t>(i)];
    const T share = state.sum == 0 ? T(0) : static_cast<T>(1 / state.sum);
    scale(e.value_width, share, out + i * y.step);
    log_sums[i] = state.log_sum();
  }
}

template <class T>
struct BackwardRoom {
  explicit BackwardRoom(const AttentionExtents& e)
      : keys(e.keys, e.width),
        turned_keys(e.width, e.keys),
        turned_values(e.value_width, e.keys),
        scaled(block_queries * e.width),
        weights(block_queries * block_keys),
        slopes(block_queries * block_keys) {}

  void take(const AttentionInputs<T>& in, std::int64_t head) {
    keys.assign(matrix_of(in.key, head));
    turned_keys.assign(matrix_of(in.key, head).turned());
    turned_values.assign(matrix_of(in.value, head).turned());
  }

  Panels<T> keys;
  Panels<T> turned_keys;
  Panels<T> turned_values;
  Buffer<T> scaled;
  Buffer<T> weights;
  Buffer<T> slopes;
};

/// Of one row of scores the weights p, and of the weights' gradients those of the scores, p (dp −
/// dot).
template <class T>
void row_slopes(std::int64_t seen, std::int64_t n, T log_sum, T dot, T* weights, T* slopes) {
  exponentials(seen, log_sum, weights);
  std::fill(weights + seen, weights + n, T(0));
  for (std::int64_t j = 0; j < seen; ++j) slopes[j] = weights[j] * (slopes[j] - dot);
  std::fill(slopes + seen, slopes + n, T(0));
}

/// Gradients of some queries, and what they add to those of the keys and values.
template <class T>
[[gnu::noinline]] void attend_backward(const AttentionExtents& e, const AttentionInputs<T>& in,
                                       const Queries& queries, const BackwardRoom<T>& room,
                                       const HeadRows<const T>& y, const T* log_sum,
                                       const HeadRows<const T>& dy,
                                       const AttentionGradients<T>& to) {
  const T* const log_sums = log_sum + queries.row(e);
  const std::int64_t head = queries.head / e.group;
  const std::int64_t m = queries.count;
  const std::int64_t width = e.width;
  const std::int64_t value_width = e.value_width;
  T* const scaled = room.scaled.data();
  T* const weights = room.weights.data();
  T* const slopes = room.slopes.data();
  T* const dq = to.query.row(queries.head, queries.first);
  const T* const dout = dy.row(queries.head, queries.first);
  const T* const out = y.row(queries.head, queries.first);
  scale_rows_to(m, width, in.query.row(queries.head, queries.first), in.query.step,
                static_cast<T>(e.scale), scaled);
  std::array<T, block_queries> dots;
  for (std::int64_t i = 0; i < m; ++i) {
    const T* const a = dout + i * dy.step;
    const T* const b = out + i * y.step;
    Wide<T> dot;
    sum_lanes<1, T>(value_width, &dot, [=](std::int64_t j, std::size_t) { return a[j] * b[j]; });
    dots[static_cast<std::size_t>(i)] = static_cast<T>(dot);
  }
  for (std::int64_t from = 0; from < queries.keys(e); from += block_keys) {
    const std::int64_t n = std::min(block_keys, queries.keys(e) - from);
    find_scores(e, in.mask, queries, from, n, scaled, room.turned_keys, weights);
    room.turned_values.multiply_columns(from, n, m, {dout, dy.step}, slopes, block_keys, false);
    for (std::int64_t i = 0; i < m; ++i)
      row_slopes(queries.seen(e, i, from, n), n, log_sums[i], dots[static_cast<std::size_t>(i)],
                 weights + i * block_keys, slopes + i * block_keys);
    multiply_by_tiles<T>(n, value_width, m, {weights, block_keys, true}, {dout, dy.step},
                         to.value.row(head, from), to.value.step, true);
    multiply_by_tiles<T>(n, width, m, {slopes, block_keys, true}, {scaled, width},
                         to.key.row(head, from), to.key.step, true);
    room.keys.multiply_rows(from, n, m, {slopes, block_keys}, dq, to.query.step, from > 0);
  }
  for (std::int64_t i = 0; i < m; ++i)
    scale(width, static_cast<T>(e.scale), dq + i * to.query.step);
}

/// About what all products and exponentials of one head of queries take.
double head_nanoseconds(const AttentionExtents& e, double products) {
  return 0.02 * static_cast<double>(e.queries) * static_cast<double>(e.keys) *
         (products * static_cast<double>(e.width + e.value_width) / 2 + 20);
}

}  // namespace

template <class T>
void attention(const AttentionExtents& e, const AttentionInputs<T>& in, const HeadRows<T>& y,
               T* log_sum) {
  const std::int64_t blocks = query_blocks(e);
  const double nanoseconds = head_nanoseconds(e, 2) / static_cast<double>(blocks);
  parallel_for(e.heads * e.group * blocks, grain_of(nanoseconds),
               [&](std::int64_t begin, std::int64_t end) {
                 ForwardRoom<T> room(e);
                 std::int64_t taken = -1;
                 for (std::int64_t i = begin; i < end; ++i) {
                   const std::int64_t head = i / blocks / e.group;
                   if (head != taken) room.take(in, head);
                   taken = head;
                   attend(e, in, Queries(e, i / blocks, i % blocks), room, y, log_sum);
                 }
               });
}

template <class T>
void attention_backward(const AttentionExtents& e, const AttentionInputs<T>& in,
                        const HeadRows<const T>& y, const T* log_sum, const HeadRows<const T>& dy,
                        const AttentionGradients<T>& to) {
  // Heads of queries that share one of keys add to the same gradients.
  const double nanoseconds = head_nanoseconds(e, 5) * static_cast<double>(e.group);
  parallel_for(e.heads, grain_of(nanoseconds), [&](std::int64_t begin, std::int64_t end) {
    BackwardRoom<T> room(e);
    for (std::int64_t head = begin; head < end; ++head) {
      room.take(in, head);
      for (std::int64_t i = 0; i < e.keys; ++i) {
        std::fill_n(to.key.row(head, i), e.width, T(0));
        std::fill_n(to.value.row(head, i), e.value_width, T(0));
      }
      for (std::int64_t i = 0; i < e.group * query_blocks(e); ++i)
        attend_backward(e, in,
                        Queries(e, head * e.group + i / query_blocks(e), i % query_blocks(e)), room,
                        y, log_sum, dy, to);
    }
  });
}

#define XGRAD_INSTANTIATE(T)                                                                      \
  template void attention(const AttentionExtents&, const AttentionInputs<T>&, const HeadRows<T>&, \
                          T*);                                                                    \
  template void attention_backward(const AttentionExtents&, const AttentionInputs<T>&,            \
                                   const HeadRows<const T>&, const T*, const HeadRows<const T>&,  \
                                   const AttentionGradients<T>&);
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
#undef XGRAD_INSTANTIATE

}  // namespace xgrad::kernels
