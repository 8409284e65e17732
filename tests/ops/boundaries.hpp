#pragma once
// What the sweeps over sizes around the kernels' constants share.

#include <xgrad/ops/kernels/parallel.hpp>

#include <vector>

#include "support.hpp"

namespace boundaries {

using namespace support;  // NOLINT

inline const std::vector<int>& thread_counts() {
  static const std::vector<int> counts{1, 2, 3, 5, 8};
  return counts;
}

/// Each constant, one less and one more.
inline std::vector<std::int64_t> around(const std::vector<std::int64_t>& constants) {
  std::vector<std::int64_t> all;
  for (const std::int64_t constant : constants)
    for (const std::int64_t n : {constant - 1, constant, constant + 1})
      if (n > 0) all.push_back(n);
  return all;
}

/// 1 to 67, then around the constants.
inline std::vector<std::int64_t> lengths(const std::vector<std::int64_t>& constants) {
  std::vector<std::int64_t> all;
  for (std::int64_t n = 1; n <= 67; ++n) all.push_back(n);
  for (const std::int64_t n : around(constants)) all.push_back(n);
  return all;
}

/// Whole numbers from −most to most, few enough that float32 adds them up exactly in any order.
inline Tensor whole(const Shape& shape, std::int64_t most, std::uint64_t seed = 1,
                    DType dtype = float32) {
  Generator generator(seed);
  return randint(-most, most + 1, shape, {.generator = &generator}).to(dtype);
}

}  // namespace boundaries
