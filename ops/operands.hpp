#pragma once
// Internal: what elementwise operations share.

#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/reduce.hpp>

#include <cstddef>
#include <utility>

namespace xgrad {

/// Both sides as tensors of one dtype.
struct Operands {
  Tensor a;
  Tensor b;
};
/// ValueError for an undefined one, numbered from `first`.
Operands resolve(const char* operation, const Operand& a, const Operand& b, std::size_t first = 1);

/// A rule for x that was broadcast: what `rule` gives, summed over the repetitions.
template <BackwardRule Rule>
auto summed_to(const Tensor& x, Rule rule) {
  return [shape = x.shape(), rule = std::move(rule)](Tensor dy) mutable {
    return sum_to(rule(std::move(dy)), shape);
  };
}

}  // namespace xgrad
