#pragma once
// The tape: every recorded operation is a Node that knows its inputs, never its outputs, so there
// are no cycles and dropping a result drops what only it needed. The one exception is a leaf whose
// grad() is itself on the tape (BackwardOptions::create_graph).

#include <xgrad/autograd/hooks.hpp>
#include <xgrad/autograd/tensor.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// Where a gradient goes: to result number `result` of the node that made an argument, or to a
/// leaf. Empty where the argument needs no gradient, or is not there (undefined).
struct Edge {
  Ref<Node> node;
  Tensor leaf;
  std::uint32_t result = 0;

  Edge() = default;
  /// The edge to whatever made `x`.
  explicit Edge(const Tensor& x);

  explicit operator bool() const noexcept { return node || leaf.defined(); }
  const Shape& shape() const;
  DType dtype() const;
};

/// What a pass needs of a node: the gradients of which arguments.
class Needs {
 public:
  bool operator[](std::size_t argument) const {
    return edges_[argument] && (all_ || is_wanted(argument));
  }
  /// The shape of an argument whose gradient is needed.
  const Shape& shape(std::size_t argument) const { return edges_[argument].shape(); }

 protected:
  /// `all`: whether every argument that has an edge is wanted.
  Needs(std::span<const Edge> edges, bool all) noexcept : edges_(edges), all_(all) {}
  ~Needs() = default;

  virtual bool is_wanted(std::size_t argument) const = 0;

  std::span<const Edge> edges_;

 private:
  bool all_;
};

namespace detail {
class RulesInUse;

/// Calls a function that lives elsewhere: adds a gradient to a tensor, which nobody else sees.
class Adder {
 public:
  template <class F>
  explicit Adder(const F& f) noexcept
      : f_(&f), call_([](const void* g, Tensor& sum) { (*static_cast<const F*>(g))(sum); }) {}

  void operator()(Tensor& sum) const { call_(f_, sum); }

 private:
  const void* f_;
  void (*call_)(const void*, Tensor&);
};

/// A pass at a node: takes the gradients that it needs, the last argument's first (the order
/// decides the last bits of a sum).
class Receiver : public Needs {
 public:
  virtual void receive(std::size_t argument, Tensor dx) = 0;
  /// The same for a gradient that is 0 but where `add` adds to it.
  virtual void add_to(std::size_t argument, const Adder& add) = 0;

 protected:
  using Needs::Needs;
  ~Receiver() = default;
};

}  // namespace detail

/// One recorded operation with one result or several.
class Node : public RefCounted, public detail::SmallObject {
 public:
  /// What the tape knows of a result.
  struct Result {
    Shape shape;
    DType dtype{};
    /// See its gradient, before the rules do.
    detail::Lazy<HookList<TensorHook>> hooks;
    /// The tensor whose gradient is to be kept (retain_grad); it clears this when it dies.
    std::atomic<detail::TensorImpl*> retains_grad_of{nullptr};
  };

  /// `saves`: whether its rules keep anything that release_saved() drops.
  Node(const char* name, std::span<const Tensor> results, bool saves);
  virtual ~Node() = default;

  const char* name() const noexcept { return name_; }
  std::size_t result_count() const noexcept { return 1 + more_count_; }
  Result& result(std::size_t i) noexcept { return i == 0 ? first_ : more_[i - 1]; }
  const Result& result(std::size_t i) const noexcept { return i == 0 ? first_ : more_[i - 1]; }
  /// Grows with every node made in this process: the order of the tape.
  std::uint64_t sequence() const noexcept { return sequence_; }

  virtual std::span<const Edge> edges() const noexcept = 0;
  /// Gives `to` the gradients that it needs, given those of the results: undefined where nothing
  /// depends on a result, of one at least they are there. The rules may move from `dys`.
  virtual void gradients(std::span<Tensor> dys, detail::Receiver& to) = 0;
  /// The result's tangent, given those of the arguments (undefined: 0), where the rules know it
  /// without being differentiated; undefined elsewhere.
  virtual Tensor tangent(std::span<const Tensor> arguments);
  /// Drops what the rules saved.
  virtual void release_saved() noexcept = 0;

  /// Calls `hook` after this node's rules ran. ValueError for an empty one.
  HookHandle register_hook(NodeHook hook);
  const HookList<NodeHook>* hooks_if_any() const noexcept { return hooks_.if_any(); }

 private:
  friend void destroy(Node* node) noexcept;
  friend class detail::RulesInUse;

  const char* name_;
  std::uint64_t sequence_;
  Result first_;
  std::unique_ptr<Result[]> more_;
  detail::Lazy<HookList<NodeHook>> hooks_;
  Node* next_dead_ = nullptr;
  std::atomic<std::uint32_t> uses_{0};  // by passes; see RulesInUse
  std::uint32_t more_count_;
  bool saves_;
};

namespace detail {

/// The node whose rules are running on this thread, for saved results and messages.
Node* current_node() noexcept;

class CurrentNodeGuard {
 public:
  explicit CurrentNodeGuard(Node* node) noexcept;
  ~CurrentNodeGuard();
  CurrentNodeGuard(const CurrentNodeGuard&) = delete;
  CurrentNodeGuard& operator=(const CurrentNodeGuard&) = delete;

 private:
  Node* before_;
};

/// A pass at the rules of a node. Any number of passes that keep the graph may be there at once;
/// one that does not is the last to come, and what the rules saved goes when all have left.
class RulesInUse {
 public:
  /// GraphError where a pass that does not keep the graph was here before.
  RulesInUse(Node& node, bool keeps_graph);
  /// Where the rules have not been through, they may be run again.
  ~RulesInUse();
  RulesInUse(const RulesInUse&) = delete;
  RulesInUse& operator=(const RulesInUse&) = delete;

  void finish() noexcept { finished_ = true; }

 private:
  void enter();
  void leave() noexcept;

  Node& node_;
  bool keeps_graph_;
  bool finished_ = false;
};

/// Every node that the results were computed by, once, breadth first.
std::vector<Node*> nodes_behind(std::span<const Tensor> results);

/// a + b of one shape and dtype: the sum the chain rule asks for, and the one operation this floor
/// knows. Differentiable.
Tensor add_gradients(const Tensor& a, const Tensor& b);

/// Makes `x` result number `result` of `node`.
void attach(const Tensor& x, Ref<Node> node, std::uint32_t result = 0);

}  // namespace detail
}  // namespace xgrad

#pragma GCC visibility pop
