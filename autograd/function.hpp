#pragma once
// How a function gets its own backward rule: xgrad's operations and the user's are written alike.
//
//     // y = x³;  dL/dx = 3 x² dL/dy
//     Tensor cube(const Tensor& x) {
//       Tensor y = no_grad([&] { return x * x * x; });
//       return record("cube", y, wrt(x, [x = saved(x)](const Tensor& dy) {
//                       return 3 * x() * x() * dy;
//                     }));
//     }
//
// A rule computes with tensor operations only, so that gradients of gradients come by themselves.
// There is one rule per argument: what nobody needs is neither run nor kept.

#include <xgrad/autograd/anomaly.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/tape.hpp>

#include <array>
#include <concepts>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace xgrad {

/// A tensor that a rule keeps for the backward pass. Calling it gives the tensor, or a GraphError
/// if its values were changed in place since.
class Saved {
 public:
  Tensor operator()() const;

  /// Whether `x` is the tensor that is kept and no value of it was changed since: what was worked
  /// out from it then still holds.
  bool is_still(const Tensor& x) const noexcept;

 private:
  friend Saved saved(const Tensor& x);
  friend Saved saved_result(const Tensor& y);
  Saved(Tensor value, bool is_result);
  bool is_unchanged() const noexcept;

  Tensor value_;
  const Storage* storage_;
  std::uint32_t version_;
  bool is_result_;
};

/// Keeps an argument (or any other tensor that is not the result).
Saved saved(const Tensor& x);
/// Keeps the function's own result, before it is recorded, without a reference cycle.
Saved saved_result(const Tensor& y);

/// Maps the gradient of a result to that of one argument. A rule that takes it as a Tensor, not by
/// reference, may compute in its memory where takes_memory() says so.
template <class Rule>
concept BackwardRule = std::is_invocable_r_v<Tensor, Rule&, Tensor>;

/// The same for argument number i of many.
template <class Rule>
concept IndexedBackwardRule = std::is_invocable_r_v<Tensor, Rule&, std::size_t, Tensor>;

/// Whether a result may be computed in the memory of `x`, which its owner has given up (moved):
/// nobody else holds the tensor or sees its memory, it is no leaf that requires a gradient nor a
/// part of images in blocks, where its values lie among others', and what is computed has one
/// element for each of x, of its dtype.
bool takes_memory(const Tensor& x) noexcept;

/// An argument and the rule of its gradient.
template <BackwardRule Rule>
struct Wrt {
  const Tensor& x;
  Rule rule;
};

/// "With respect to x": `rule` maps the gradient of the result to that of x, of x's shape and
/// dtype.
template <BackwardRule Rule>
Wrt<Rule> wrt(const Tensor& x, Rule rule) {
  return {x, std::move(rule)};
}

/// Many arguments of one kind with one rule: rule(i, dy) is the gradient of xs[i].
template <IndexedBackwardRule Rule>
struct WrtEach {
  std::span<const Tensor> xs;
  Rule rule;
};

template <IndexedBackwardRule Rule>
WrtEach<Rule> wrt_each(std::span<const Tensor> xs, Rule rule) {
  return {xs, std::move(rule)};
}

namespace detail {

/// Checks what every record() checks; true if the result must be put on the tape.
bool must_record(const char* name, const Tensor& result, std::span<const Tensor* const> inputs);

template <BackwardRule... Rules>
class RuleNode final : public Node {
 public:
  RuleNode(const char* name, const Tensor& result, Wrt<Rules>&&... arguments)
      : Node(name, result, saves), edges_{Edge(arguments.x)...} {
    fill(std::index_sequence_for<Rules...>(), std::move(arguments)...);
  }

  std::span<const Edge> edges() const noexcept override { return edges_; }

  Tensor gradient(std::size_t i, Tensor dy) override {
    Tensor dx;
    call(std::index_sequence_for<Rules...>(), i, dy, dx);
    return dx;
  }

  void release_saved() noexcept override {
    std::apply([](auto&... rule) { (rule.reset(), ...); }, rules_);
  }

 private:
  // Rules that hold no tensors (those of +, reshape, …) can run any number of times.
  static constexpr bool saves = !(std::is_trivially_destructible_v<Rules> && ...);

  template <std::size_t... Index>
  void fill(std::index_sequence<Index...>, Wrt<Rules>&&... arguments) {
    ((edges_[Index] ? void(std::get<Index>(rules_).emplace(std::move(arguments.rule))) : void()),
     ...);
  }

  template <std::size_t... Index>
  void call(std::index_sequence<Index...>, std::size_t i, Tensor& dy, Tensor& dx) {
    ((i == Index ? void(dx = (*std::get<Index>(rules_))(std::move(dy))) : void()), ...);
  }

  std::array<Edge, sizeof...(Rules)> edges_;
  std::tuple<std::optional<Rules>...> rules_;
};

template <IndexedBackwardRule Rule>
class EachRuleNode final : public Node {
 public:
  EachRuleNode(const char* name, const Tensor& result, WrtEach<Rule>&& arguments)
      : Node(name, result, true), rule_(std::move(arguments.rule)) {
    edges_.reserve(arguments.xs.size());
    for (const Tensor& x : arguments.xs) edges_.emplace_back(x);
  }

  std::span<const Edge> edges() const noexcept override { return edges_; }
  Tensor gradient(std::size_t i, Tensor dy) override { return (*rule_)(i, std::move(dy)); }
  void release_saved() noexcept override { rule_.reset(); }

 private:
  std::vector<Edge> edges_;
  std::optional<Rule> rule_;
};

}  // namespace detail

/// Puts `result`, computed from the arguments without recording, on the tape, and returns it: as a
/// constant if no argument needs a gradient. `name` must live as long as the program (a literal).
/// GraphError if `result` is on the tape already, which means it was not computed under no_grad.
template <BackwardRule... Rules>
Tensor record(const char* name, Tensor result, Wrt<Rules>... arguments) {
  const Tensor* inputs[] = {&arguments.x...};
  if (detail::must_record(name, result, inputs))
    detail::attach(
        result, Ref<Node>(new detail::RuleNode<Rules...>(name, result, std::move(arguments)...)));
  return result;
}

template <IndexedBackwardRule Rule>
Tensor record(const char* name, Tensor result, WrtEach<Rule> arguments) {
  std::vector<const Tensor*> inputs;
  inputs.reserve(arguments.xs.size());
  for (const Tensor& x : arguments.xs) inputs.push_back(&x);
  if (detail::must_record(name, result, inputs))
    detail::attach(result,
                   Ref<Node>(new detail::EachRuleNode<Rule>(name, result, std::move(arguments))));
  return result;
}

}  // namespace xgrad
