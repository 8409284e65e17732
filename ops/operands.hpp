#pragma once
// Internal: what elementwise operations share.

#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/ops/frame.hpp>
#include <xgrad/ops/reduce.hpp>
#include <xgrad/ops/shape.hpp>

#include <array>
#include <cstddef>
#include <tuple>
#include <utility>

namespace xgrad {

/// ValueError where an option is NaN.
void require_number(const char* operation, const char* option, double value);

/// Both sides as tensors of one dtype, for `const auto [a, b] = Operands(…)`. A side that is one
/// already is seen where it is, which spares counting its owners.
class Operands {
 public:
  /// ValueError for an undefined side, numbered from `first`.
  Operands(const char* operation, const Operand& a, const Operand& b, std::size_t first = 1);
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;

  template <std::size_t Side>
  const Tensor& get() const {
    return *sides_[Side];
  }

 private:
  std::array<Tensor, 2> made_;
  std::array<const Tensor*, 2> sides_;
};

/// f(x…) worked out in float32, for arguments of 16 bits; the result is of the first one's dtype.
/// Recorded.
template <class F, class... X>
Tensor in_float32(const F& f, const Tensor& x, const X&... more) {
  const auto wide = [](const Tensor& t) { return t.defined() ? to(t, float32) : t; };
  return to(f(wide(x), wide(more)...), x.dtype());
}

/// A zero that derivatives of dy still reach, whatever dy is.
inline constexpr auto zero_of = [](const Tensor& dy) { return where(full({}, false), dy, 0); };

/// The rule of an elementwise operation for x, which is broadcast: what `rule` gives, summed over
/// the repetitions; of a tangent, what it gives for its repetitions.
template <class Rule>
struct ElementwiseTo {
  Shape shape;
  Rule rule;

  Tensor operator()(Tensor dy) { return sum_to(rule(std::move(dy)), shape); }
  Tensor tangent(const Tensor& v, const Shape& result) { return rule(expand(v, result)); }
};
template <BackwardRule Rule>
ElementwiseTo<Rule> elementwise_to(const Tensor& x, Rule rule) {
  return {x.shape(), std::move(rule)};
}

/// A rule for x that was broadcast: what `rule` gives, summed over the repetitions.
template <BackwardRule Rule>
auto summed_to(const Tensor& x, Rule rule) {
  return [shape = x.shape(), rule = std::move(rule)](Tensor dy) mutable {
    return sum_to(rule(std::move(dy)), shape);
  };
}

}  // namespace xgrad

template <>
struct std::tuple_size<xgrad::Operands> : std::integral_constant<std::size_t, 2> {};
template <std::size_t Side>
struct std::tuple_element<Side, xgrad::Operands> {
  using type = const xgrad::Tensor;
};
