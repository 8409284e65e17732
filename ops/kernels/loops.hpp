#pragma once
// Internal: the loop nest of an operation on tensors that lie by strides, with as few and as long
// inner loops as these allow.

#include <xgrad/autograd/shape.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace xgrad::kernels {

/// Strides along the axes of `result` of an operand that is broadcast to it: 0 where it repeats.
inline Strides broadcast_strides(const Shape& result, const Shape& shape, const Strides& strides) {
  Strides all;
  const std::size_t missing = result.size() - shape.size();
  for (std::size_t i = 0; i < result.size(); ++i)
    all.push_back(i < missing || shape[i - missing] == 1 ? 0 : strides[i - missing]);
  return all;
}

/// Row-major result of extents `shape`; operand k steps by strides[k][axis]. Axes of one element
/// are dropped and adjacent ones merged.
class LoopNest {
 public:
  static constexpr std::size_t most_operands = 3;
  using Offsets = std::array<std::int64_t, most_operands>;

  /// Strides of the operands along the axes of `result`.
  LoopNest(const Shape& result, std::span<const Strides> operands) : operands_(operands.size()) {
    for (std::size_t axis = 0; axis < result.size(); ++axis) {
      if (result[axis] == 1) continue;
      if (!shape_.empty() && continues(operands, axis, result[axis])) {
        shape_.back() *= result[axis];
      } else {
        shape_.push_back(result[axis]);
      }
      for (std::size_t k = 0; k < operands_; ++k)
        strides_[k][shape_.size() - 1] = operands[k][axis];
    }
    if (shape_.empty()) shape_.push_back(1);
  }

  std::int64_t inner() const { return shape_.back(); }
  std::int64_t rows() const {
    std::int64_t product = 1;
    for (std::size_t i = 0; i + 1 < shape_.size(); ++i) product *= shape_[i];
    return product;
  }
  /// The step of an operand along the rows.
  std::int64_t step(std::size_t operand) const { return strides_[operand][shape_.size() - 1]; }

  /// Calls f(row, offsets) for rows [begin, end), offsets being where each operand's row starts.
  template <class F>
  void for_rows(std::int64_t begin, std::int64_t end, const F& f) const {
    const std::size_t outer = shape_.size() - 1;
    std::array<std::int64_t, Shape::max_size> index{};
    Offsets offsets{};
    std::int64_t rest = begin;
    for (std::size_t i = outer; i-- > 0; rest /= shape_[i]) {
      index[i] = rest % shape_[i];
      for (std::size_t k = 0; k < operands_; ++k) offsets[k] += index[i] * strides_[k][i];
    }
    for (std::int64_t row = begin; row < end; ++row) {
      f(row, offsets);
      for (std::size_t i = outer; i-- > 0;) {
        for (std::size_t k = 0; k < operands_; ++k) offsets[k] += strides_[k][i];
        if (++index[i] < shape_[i]) break;
        for (std::size_t k = 0; k < operands_; ++k) offsets[k] -= shape_[i] * strides_[k][i];
        index[i] = 0;
      }
    }
  }

  /// The same for single elements [begin, end).
  template <class F>
  void for_elements(std::int64_t begin, std::int64_t end, const F& f) const {
    const std::int64_t n = inner();
    if (begin == end) return;
    for_rows(begin / n, (end - 1) / n + 1, [&](std::int64_t row, const Offsets& starts) {
      for (std::int64_t i = std::max(begin, row * n); i < std::min(end, (row + 1) * n); ++i) {
        Offsets offsets = starts;
        for (std::size_t k = 0; k < operands_; ++k) offsets[k] += (i - row * n) * step(k);
        f(i, offsets);
      }
    });
  }

 private:
  // Whether stepping the last axis kept so far is stepping over all of `axis`, in every operand.
  bool continues(std::span<const Strides> operands, std::size_t axis, std::int64_t extent) const {
    for (std::size_t k = 0; k < operands_; ++k)
      if (strides_[k][shape_.size() - 1] != operands[k][axis] * extent) return false;
    return true;
  }

  Shape shape_;
  std::array<std::array<std::int64_t, Shape::max_size>, most_operands> strides_{};
  std::size_t operands_;
};

}  // namespace xgrad::kernels
