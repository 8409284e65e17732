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
// One rule per argument: what nobody needs is neither run nor kept. Where rules share work, one for
// all of them (wrt_all); where a function has several results, it sees the gradients of all:
//
//     // q, r = the upper and the lower half of x
//     return record("halves", std::array{q, r},
//                   wrt_all(x, [](std::span<Tensor> dys, const Needs&) { … }));
//
// An argument that is not there (an undefined tensor) needs no gradient.

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

#pragma GCC visibility push(default)

namespace xgrad {

/// A tensor that a rule keeps for the backward pass. Calling it gives the tensor, or a GraphError
/// if its values were changed in place since.
class Saved {
 public:
  Tensor operator()() const;

 private:
  friend Saved saved(const Tensor& x);
  friend Saved saved_result(const Tensor& y, std::uint32_t number);
  static constexpr std::uint32_t no_result = ~std::uint32_t{0};
  Saved(Tensor value, std::uint32_t result);
  bool is_unchanged() const noexcept;

  Tensor value_;
  const Storage* storage_ = nullptr;
  std::uint32_t version_ = 0;
  std::uint32_t result_;
};

/// Keeps an argument (or any other tensor that is not a result). What is not there is kept as that.
Saved saved(const Tensor& x);
/// Keeps x where `argument` needs a gradient, for a rule that needs x for that one alone.
Saved saved_for(const Tensor& argument, const Tensor& x);
/// Keeps the function's own result, that of the given number, before it is recorded, without a
/// reference cycle.
Saved saved_result(const Tensor& y, std::uint32_t number = 0);

/// Maps the gradient of a result to that of one argument. A rule that takes it as a Tensor, not by
/// reference, may compute in its memory where takes_memory() says so.
template <class Rule>
concept BackwardRule = std::is_invocable_r_v<Tensor, Rule&, Tensor>;

/// The same for argument number i of many.
template <class Rule>
concept IndexedBackwardRule = std::is_invocable_r_v<Tensor, Rule&, std::size_t, Tensor>;

/// Two rules that give the same: `fast` where no graph is being made, `plain`, made of operations
/// that are recorded, where one is.
template <class Fast, class Plain>
struct Fused {
  Fast fast;
  Plain plain;

  template <class... Arguments>
  requires std::invocable<Fast&, Arguments...>
  auto operator()(Arguments&&... arguments) {
    return is_grad_enabled() ? plain(std::forward<Arguments>(arguments)...)
                             : fast(std::forward<Arguments>(arguments)...);
  }
};
template <class Fast, class Plain>
Fused<Fast, Plain> fused(Fast fast, Plain plain) {
  return {std::move(fast), std::move(plain)};
}

/// A rule whose gradient is 0 but for a part of it: add(sum, dy) adds that part to a tensor of the
/// argument's shape, in row-major order. Many parts of one tensor take time for the parts, not for
/// the tensor each. `plain` is the same from operations, for where a graph is being made.
template <class Plain, class Add>
struct PartRule {
  Plain plain;
  Add add;

  Tensor operator()(const Tensor& dy) { return plain(dy); }
};
template <class Plain, class Add>
PartRule<Plain, Add> part_rule(Plain plain, Add add) {
  return {std::move(plain), std::move(add)};
}

/// A rule that holds no tensor and may run any number of times. Only those whose captures have
/// destructors (a list of sizes) need be marked.
template <class Rule>
struct Reusable : Rule {
  using Rule::operator();
};
template <class Rule>
Reusable<Rule> reusable(Rule rule) {
  return {std::move(rule)};
}

/// A rule of an argument of the result's shape, of which each value makes one value of the result:
/// what it makes of a gradient it makes of a tangent, and jvp() need not differentiate it.
template <class Rule>
struct Elementwise : Rule {
  using Rule::operator();
  Tensor tangent(const Tensor& v, const Shape&) { return (*this)(v); }
};
template <class Rule>
Elementwise<Rule> elementwise(Rule rule) {
  return {std::move(rule)};
}

/// A rule of an argument that the result is linear in: forward(v) is the result for v in its place,
/// and so the tangent.
template <class Rule, class Forward>
struct Linear : Rule {
  Forward forward;

  using Rule::operator();
  Tensor tangent(const Tensor& v, const Shape&) { return forward(v); }
};
template <class Rule, class Forward>
Linear<Rule, Forward> linear_in(Rule rule, Forward forward) {
  return {std::move(rule), std::move(forward)};
}

namespace detail {

std::vector<const Tensor*> pointers_to(std::span<const Tensor> xs);

/// ValueError where a rule for all arguments gave another number of gradients.
void require_gradients(const Node& node, std::size_t count);

template <class Rule>
concept SeesOneGradient = std::invocable<Rule&, Tensor, const Needs&>;
using Gradients = std::span<Tensor>;
template <class Rule>
concept SeesGradients = std::invocable<Rule&, Gradients, const Needs&>;

inline std::span<const Tensor> as_span(const Tensor& x) { return {&x, 1}; }
inline std::span<const Tensor> as_span(std::span<const Tensor> xs) { return xs; }

}  // namespace detail

/// Whether a result may be computed in the memory of `x`, which its owner has given up (moved):
/// nobody else holds the tensor or sees its memory (as who gave it to from_blob() does), it is no
/// leaf that requires a gradient nor a part of images in blocks, where its values lie among
/// others', and what is computed has one element for each of x, of its dtype.
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

/// Maps the gradient of the result to those of all arguments, in a std::array or a std::vector with
/// a place for each: undefined, or anything, where `needs` does not ask for one. A function of
/// several results has a rule of all their gradients, undefined where nothing depends on one.
template <class Rule>
concept JointBackwardRule = detail::SeesOneGradient<Rule> || detail::SeesGradients<Rule>;

/// All arguments, a fixed number of them or a list, with one rule.
template <class Arguments, JointBackwardRule Rule>
struct WrtAll {
  Arguments xs;
  Rule rule;
};

template <JointBackwardRule Rule>
WrtAll<std::array<const Tensor*, 1>, Rule> wrt_all(const Tensor& x, Rule rule) {
  return {{&x}, std::move(rule)};
}
template <JointBackwardRule Rule>
WrtAll<std::array<const Tensor*, 2>, Rule> wrt_all(const Tensor& x1, const Tensor& x2, Rule rule) {
  return {{&x1, &x2}, std::move(rule)};
}
template <JointBackwardRule Rule>
WrtAll<std::array<const Tensor*, 3>, Rule> wrt_all(const Tensor& x1, const Tensor& x2,
                                                   const Tensor& x3, Rule rule) {
  return {{&x1, &x2, &x3}, std::move(rule)};
}
template <JointBackwardRule Rule>
WrtAll<std::vector<const Tensor*>, Rule> wrt_all(std::span<const Tensor> xs, Rule rule) {
  return {detail::pointers_to(xs), std::move(rule)};
}

namespace detail {

/// Checks what every record() checks; true if the results must be put on the tape.
bool must_record(const char* name, std::span<const Tensor> results,
                 std::span<const Tensor* const> inputs);

/// Makes the results those of a new node.
void attach_all(std::span<const Tensor> results, Ref<Node> node);

/// Whether a rule may run any number of times, as those of +, reshape and others that hold no
/// tensor.
template <class Rule>
inline constexpr bool is_reusable = std::is_trivially_destructible_v<Rule>;
template <class Rule>
inline constexpr bool is_reusable<Reusable<Rule>> = true;

template <class Rule>
concept HasTangent = requires(Rule& rule, const Tensor& v, const Shape& shape) {
  rule.tangent(v, shape);
};
template <BackwardRule... Rules>
class RuleNode final : public Node {
 public:
  RuleNode(const char* name, std::span<const Tensor> results, Wrt<Rules>&&... arguments)
      : Node(name, results, !(is_reusable<Rules> && ...)), edges_{Edge(arguments.x)...} {
    fill(std::index_sequence_for<Rules...>(), std::move(arguments)...);
  }

  std::span<const Edge> edges() const noexcept override { return edges_; }

  void gradients(std::span<Tensor> dys, Receiver& to) override {
    run(std::index_sequence_for<Rules...>(), dys.front(), to);
  }

  Tensor tangent(std::span<const Tensor> v) override {
    return tangent(std::index_sequence_for<Rules...>(), v);
  }

  void release_saved() noexcept override {
    std::apply([](auto&... rule) { (rule.reset(), ...); }, rules_);
  }

 private:
  static constexpr std::size_t count = sizeof...(Rules);

  template <std::size_t... Index>
  void fill(std::index_sequence<Index...>, Wrt<Rules>&&... arguments) {
    ((edges_[Index] ? void(std::get<Index>(rules_).emplace(std::move(arguments.rule))) : void()),
     ...);
  }

  template <std::size_t... Index>
  Tensor tangent(std::index_sequence<Index...>, std::span<const Tensor> v) {
    const std::array<bool, count> known{HasTangent<Rules>...};
    for (std::size_t i = 0; i < count; ++i)
      if (v[i].defined() && !known[i]) return {};
    Tensor sum;
    (add_tangent<Index>(v[Index], sum), ...);
    return sum;
  }

  template <std::size_t Place>
  void add_tangent(const Tensor& v, Tensor& sum) {
    auto& rule = *std::get<Place>(rules_);
    if constexpr (HasTangent<std::remove_reference_t<decltype(rule)>>) {
      if (!v.defined()) return;
      const Tensor part = rule.tangent(v, result(0).shape);
      sum = sum.defined() ? add_gradients(sum, part) : part;
    }
  }

  template <std::size_t... Index>
  void run(std::index_sequence<Index...>, Tensor& dy, Receiver& to) {
    const std::array<bool, count> needed{to[Index]...};
    std::size_t first = 0;
    while (!needed[first]) ++first;
    ((needed[count - 1 - Index] ? give<count - 1 - Index>(first, dy, to) : void()), ...);
  }

  // The first is usually the largest: it is given dy itself, and may compute in its memory.
  template <std::size_t Place>
  void give(std::size_t first, Tensor& dy, Receiver& to) {
    auto& rule = *std::get<Place>(rules_);
    Tensor given = Place == first ? std::move(dy) : dy;
    if constexpr (requires(Tensor & sum) { rule.add(sum, given); }) {
      if (!is_grad_enabled()) {
        const auto add = [&](Tensor& sum) { rule.add(sum, given); };
        return to.add_to(Place, Adder(add));
      }
    }
    to.receive(Place, rule(std::move(given)));
  }

  std::array<Edge, count> edges_;
  std::tuple<std::optional<Rules>...> rules_;
};

template <IndexedBackwardRule Rule>
class EachRuleNode final : public Node {
 public:
  EachRuleNode(const char* name, std::span<const Tensor> results, WrtEach<Rule>&& arguments)
      : Node(name, results, !is_reusable<Rule>), rule_(std::move(arguments.rule)) {
    edges_.reserve(arguments.xs.size());
    for (const Tensor& x : arguments.xs) edges_.emplace_back(x);
  }

  std::span<const Edge> edges() const noexcept override { return edges_; }
  void gradients(std::span<Tensor> dys, Receiver& to) override {
    for (std::size_t i = edges_.size(); i-- > 0;)
      if (to[i]) to.receive(i, (*rule_)(i, dys.front()));
  }
  void release_saved() noexcept override { rule_.reset(); }

 private:
  std::vector<Edge> edges_;
  std::optional<Rule> rule_;
};

template <class Edges, JointBackwardRule Rule>
class JointRuleNode final : public Node {
 public:
  JointRuleNode(const char* name, std::span<const Tensor> results, Edges edges, Rule&& rule)
      : Node(name, results, !is_reusable<Rule>), edges_(std::move(edges)), rule_(std::move(rule)) {}

  std::span<const Edge> edges() const noexcept override { return edges_; }
  void gradients(std::span<Tensor> dys, Receiver& to) override {
    auto dxs = run(dys, to);
    require_gradients(*this, dxs.size());
    for (std::size_t i = edges_.size(); i-- > 0;)
      if (to[i]) to.receive(i, std::move(dxs[i]));
  }
  void release_saved() noexcept override { rule_.reset(); }

 private:
  auto run(std::span<Tensor> dys, const Needs& needs) {
    if constexpr (SeesOneGradient<Rule>)
      return (*rule_)(std::move(dys.front()), needs);
    else
      return (*rule_)(dys, needs);
  }

  Edges edges_;
  std::optional<Rule> rule_;
};

template <std::size_t Count>
std::array<Edge, Count> edges_to(const std::array<const Tensor*, Count>& xs) {
  std::array<Edge, Count> edges;
  for (std::size_t i = 0; i < Count; ++i) edges[i] = Edge(*xs[i]);
  return edges;
}
std::vector<Edge> edges_to(const std::vector<const Tensor*>& xs);

}  // namespace detail

/// Puts `result`, computed from the arguments without recording, on the tape, and returns it: as a
/// constant if no argument needs a gradient. `name` must live as long as the program (a literal).
/// GraphError if `result` is on the tape already, which means it was not computed under no_grad.
template <BackwardRule... Rules>
Tensor record(const char* name, Tensor result, Wrt<Rules>... arguments) {
  const Tensor* inputs[] = {&arguments.x...};
  const std::span<const Tensor> results(&result, 1);
  if (detail::must_record(name, results, inputs))
    detail::attach_all(
        results, Ref<Node>(new detail::RuleNode<Rules...>(name, results, std::move(arguments)...)));
  return result;
}

template <IndexedBackwardRule Rule>
Tensor record(const char* name, Tensor result, WrtEach<Rule> arguments) {
  const std::span<const Tensor> results(&result, 1);
  if (detail::must_record(name, results, detail::pointers_to(arguments.xs)))
    detail::attach_all(
        results, Ref<Node>(new detail::EachRuleNode<Rule>(name, results, std::move(arguments))));
  return result;
}

/// The same for a result, or a std::array or std::vector of several, each floating.
template <class Results, class Arguments, JointBackwardRule Rule>
Results record(const char* name, Results results, WrtAll<Arguments, Rule> arguments) {
  const std::span<const Tensor> all = detail::as_span(results);
  if (detail::must_record(name, all, arguments.xs)) {
    auto edges = detail::edges_to(arguments.xs);
    using Made = detail::JointRuleNode<decltype(edges), Rule>;
    detail::attach_all(all,
                       Ref<Node>(new Made(name, all, std::move(edges), std::move(arguments.rule))));
  }
  return results;
}

}  // namespace xgrad

#pragma GCC visibility pop
