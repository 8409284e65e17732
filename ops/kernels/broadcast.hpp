#pragma once
// Internal: the loop nest of a broadcasting operation, with as few and as long inner loops as the
// shapes allow.

#include <xgrad/autograd/shape.hpp>

#include <array>
#include <cstdint>

namespace xgrad::kernels {

/// Row-major result of extents `shape`; operand k steps by strides[k][axis], which is 0 along axes
/// it is broadcast over. Axes of one element are dropped and adjacent ones merged, so the last
/// axis has stride 1 or 0 in every operand.
template <std::size_t Operands>
struct BroadcastPlan {
  Shape shape;
  std::array<std::array<std::int64_t, Shape::max_size>, Operands> strides{};

  BroadcastPlan(const Shape& result, const std::array<const Shape*, Operands>& operands) {
    std::array<std::array<std::int64_t, Shape::max_size>, Operands> full{};
    for (std::size_t k = 0; k < Operands; ++k) {
      const Shape& operand = *operands[k];
      const std::size_t missing = result.size() - operand.size();
      std::int64_t step = 1;
      for (std::size_t i = operand.size(); i-- > 0; step *= operand[i])
        full[k][missing + i] = operand[i] == 1 ? 0 : step;
    }
    for (std::size_t axis = 0; axis < result.size(); ++axis) {
      if (result[axis] == 1) continue;
      if (!shape.empty() && continues(full, axis, result[axis])) {
        shape.back() *= result[axis];
      } else {
        shape.push_back(result[axis]);
      }
      for (std::size_t k = 0; k < Operands; ++k) strides[k][shape.size() - 1] = full[k][axis];
    }
    if (shape.empty()) shape.push_back(1);
  }

  std::int64_t inner() const { return shape.back(); }
  std::int64_t rows() const {
    std::int64_t product = 1;
    for (std::size_t i = 0; i + 1 < shape.size(); ++i) product *= shape[i];
    return product;
  }
  bool fixed(std::size_t operand) const { return strides[operand][shape.size() - 1] == 0; }

  /// Calls f(row, offsets) for rows [begin, end), offsets being where each operand's row starts.
  template <class F>
  void for_rows(std::int64_t begin, std::int64_t end, const F& f) const {
    const std::size_t outer = shape.size() - 1;
    std::array<std::int64_t, Shape::max_size> index{};
    std::array<std::int64_t, Operands> offsets{};
    std::int64_t rest = begin;
    for (std::size_t i = outer; i-- > 0; rest /= shape[i]) {
      index[i] = rest % shape[i];
      for (std::size_t k = 0; k < Operands; ++k) offsets[k] += index[i] * strides[k][i];
    }
    for (std::int64_t row = begin; row < end; ++row) {
      f(row, offsets);
      for (std::size_t i = outer; i-- > 0;) {
        for (std::size_t k = 0; k < Operands; ++k) offsets[k] += strides[k][i];
        if (++index[i] < shape[i]) break;
        for (std::size_t k = 0; k < Operands; ++k) offsets[k] -= shape[i] * strides[k][i];
        index[i] = 0;
      }
    }
  }

 private:
  using Strides = std::array<std::array<std::int64_t, Shape::max_size>, Operands>;

  // Whether stepping the last axis kept so far is stepping over all of `axis`, in every operand.
  bool continues(const Strides& full, std::size_t axis, std::int64_t extent) const {
    for (std::size_t k = 0; k < Operands; ++k)
      if (strides[k][shape.size() - 1] != full[k][axis] * extent) return false;
    return true;
  }
};

}  // namespace xgrad::kernels
