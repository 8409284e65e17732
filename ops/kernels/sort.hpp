#pragma once
// Internal: rows put in order. Each number becomes an unsigned key that orders as it does, NaN last
// and ±0 alike; the key and the place of the number are one item. Items are all different, so that
// every way to order them is stable, and gives the same on any number of threads.

#include <xgrad/autograd/dtype.hpp>

#include <cstdint>

namespace xgrad::kernels {

/// Rows of `length` values of a dtype, side by side.
struct SortRows {
  DType dtype;
  const void* values;
  std::int64_t count;
  std::int64_t length;
  bool descending;
};

/// Where the values and their places in the row go; values may be nullptr.
struct SortResult {
  void* values;
  std::int64_t* places;
};

/// All of each row.
void sort_rows(const SortRows& rows, const SortResult& result);
/// The first k, in order if `sorted`.
void first_of_rows(const SortRows& rows, std::int64_t k, bool sorted, const SortResult& result);
/// The one that sorting would put at place k, from 0 on.
void nth_of_rows(const SortRows& rows, std::int64_t k, const SortResult& result);

}  // namespace xgrad::kernels
