#pragma once
// Internal: attention in blocks of queries and keys, of which no more than one is there at a time.
// Forward by softmax as it goes along (Milakov and Gimelshein, arXiv:1805.02867), backward from the
// logarithm of each query's sum (Dao et al., arXiv:2205.14135). Products are by gemm_tiles.hpp, and
// add up one block after the other; sums of weights are accumulated as accumulate.hpp says.

#include <cstdint>

namespace xgrad::kernels {

/// Queries [heads, group, queries, width], keys [heads, keys, width], values [heads, keys,
/// value_width]; results [heads, group, queries, value_width]. None of them is 0.
struct AttentionExtents {
  std::int64_t heads;  ///< of keys, of all the batch
  std::int64_t group;  ///< heads of queries that share one
  std::int64_t queries;
  std::int64_t keys;
  std::int64_t width;
  std::int64_t value_width;
  bool causal;  ///< query i sees the keys 0 to i
  double scale;
};

/// What is seen, or added to the scores: nullptr for what is not there.
template <class T>
struct AttentionMask {
  const bool* seen = nullptr;
  const T* added = nullptr;
  const std::int64_t* starts = nullptr;  ///< of each head of queries
  std::int64_t row_step = 0;
  std::int64_t column_step = 0;
};

/// The rows of all heads, wherever they lie; a row's values lie side by side.
template <class T>
struct HeadRows {
  T* first;
  const std::int64_t* starts;  ///< of each head
  std::int64_t step;           ///< from row to row

  T* row(std::int64_t head, std::int64_t i) const { return first + starts[head] + i * step; }
};

template <class T>
struct AttentionInputs {
  HeadRows<const T> query;
  HeadRows<const T> key;
  HeadRows<const T> value;
  AttentionMask<T> mask;
};

/// y = softmax(scale · q kᵀ + mask) v and log_sum [heads, group, queries] = ln Σ exp of the scores.
/// Of a query that sees nothing both are 0.
template <class T>
void attention(const AttentionExtents& e, const AttentionInputs<T>& in, const HeadRows<T>& y,
               T* log_sum);

template <class T>
struct AttentionGradients {
  HeadRows<T> query;
  HeadRows<T> key;
  HeadRows<T> value;
};
template <class T>
void attention_backward(const AttentionExtents& e, const AttentionInputs<T>& in,
                        const HeadRows<const T>& y, const T* log_sum, const HeadRows<const T>& dy,
                        const AttentionGradients<T>& to);

}  // namespace xgrad::kernels
