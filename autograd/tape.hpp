#pragma once
// The tape: every recorded operation is a Node that knows its inputs, never its outputs, so there
// are no cycles and dropping a result drops what only it needed. The one exception is a leaf whose
// grad() is itself on the tape (BackwardOptions::create_graph).

#include <xgrad/autograd/hooks.hpp>
#include <xgrad/autograd/tensor.hpp>

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

namespace xgrad {

/// Where a gradient goes: to the node that made an argument, or to a leaf. Empty where the argument
/// needs no gradient.
struct Edge {
  Ref<Node> node;
  Tensor leaf;

  Edge() = default;
  /// The edge to whatever made `x`.
  explicit Edge(const Tensor& x);

  explicit operator bool() const noexcept { return node || leaf.defined(); }
  const Shape& shape() const;
  DType dtype() const;
};

namespace detail {
class RulesInUse;
}

struct NodeHooks {
  HookList<TensorHook> before;  ///< see the gradient of the output
  HookList<NodeHook> after;     ///< see the gradients of the inputs
};

/// One recorded operation with one result.
class Node : public RefCounted, public detail::SmallObject {
 public:
  /// `saves`: whether its rules keep anything that release_saved() drops.
  Node(const char* name, const Tensor& result, bool saves);
  virtual ~Node() = default;

  const char* name() const noexcept { return name_; }
  /// Shape and dtype of the result.
  const Shape& shape() const noexcept { return shape_; }
  DType dtype() const noexcept { return dtype_; }
  /// Grows with every node made in this process: the order of the tape.
  std::uint64_t sequence() const noexcept { return sequence_; }

  virtual std::span<const Edge> edges() const noexcept = 0;
  /// The gradient for argument `i`, given that of the result. Only for edges that are not empty.
  virtual Tensor gradient(std::size_t i, Tensor dy) = 0;
  /// Drops what the rules saved.
  virtual void release_saved() noexcept = 0;

  /// Calls `hook` after this node's rules ran. ValueError for an empty one.
  HookHandle register_hook(NodeHook hook);
  NodeHooks& hooks() { return hooks_.get(); }
  const NodeHooks* hooks_if_any() const noexcept { return hooks_.if_any(); }

  /// The result whose gradient is to be kept (retain_grad); it clears this when it dies.
  std::atomic<detail::TensorImpl*> retains_grad_of{nullptr};

 private:
  friend void destroy(Node* node) noexcept;
  friend class detail::RulesInUse;

  const char* name_;
  std::uint64_t sequence_;
  Shape shape_;
  detail::Lazy<NodeHooks> hooks_;
  Node* next_dead_ = nullptr;
  std::atomic<std::uint32_t> uses_{0};  // by passes; see RulesInUse
  DType dtype_;
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

/// Makes `result` the output of `node`.
void attach(const Tensor& result, Ref<Node> node);

}  // namespace detail
}  // namespace xgrad
