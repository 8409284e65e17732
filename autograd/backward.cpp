#include <xgrad/autograd/anomaly.hpp>
#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace xgrad {
namespace {

using detail::LeafState;
using detail::TensorImpl;

// A gradient that something else can see (a rule may hand on the gradient it was given) must not
// become grad(), which optimisers change in place.
Tensor owned(Tensor gradient) {
  if (gradient.impl()->is_unique() && gradient.storage()->is_unique()) return gradient;
  Tensor copy = Tensor::empty(gradient.shape(), gradient.dtype());
  copy.copy_(gradient);
  return copy;
}

/// Whether `dx` is a gradient of what has this shape and dtype; says so in the node's name if not.
void check_rule(const Node& node, std::size_t argument, const Tensor& dx, const Edge& edge) {
  if (dx.defined() && dx.shape() == edge.shape() && dx.dtype() == edge.dtype()) [[likely]]
    return;
  require<ShapeError>(dx.defined() && dx.shape() == edge.shape(),
                      "{}: its backward rule for argument {} gave {}, the argument has shape {}",
                      node.name(), argument, dx.defined() ? to_string(dx.shape()) : "nothing",
                      edge.shape());
  raise<DTypeError>("{}: its backward rule for argument {} gave {}, the argument is {}",
                    node.name(), argument, dx.dtype(), edge.dtype());
}

/// What the hooks of a tensor make of its gradient.
Tensor after_hooks(const HookList<TensorHook>& hooks, Tensor gradient) {
  hooks.each([&](const TensorHook& hook) {
    const Tensor changed = hook(gradient);
    if (!changed.defined()) return;
    require<ShapeError>(changed.shape() == gradient.shape(),
                        "register_hook: a hook made {} of a gradient {}", changed.shape(),
                        gradient.shape());
    require<DTypeError>(changed.dtype() == gradient.dtype(),
                        "register_hook: a hook made {} of a {} gradient", changed.dtype(),
                        gradient.dtype());
    gradient = changed;
  });
  return gradient;
}

/// The same where gradients may be on the tape, and those that are stay there.
Tensor owned_or_recorded(Tensor gradient, bool create_graph) {
  return create_graph && gradient.requires_grad() ? gradient : owned(std::move(gradient));
}

/// grad ← grad + gradient. What was there before is returned: its end, which may run a user's
/// code, has to wait until the lock that guards grad is open.
Tensor add_to(Tensor& grad, Tensor gradient, bool create_graph) {
  if (!grad.defined())
    return std::exchange(grad, owned_or_recorded(std::move(gradient), create_graph));
  return std::exchange(grad, detail::add_gradients(grad, gradient));
}

/// Whether the gradient that a leaf has is one of its own: set_data() may have changed its shape.
void check_fits(const Tensor& leaf) {
  const Tensor grad = leaf.grad();
  if (!grad.defined() || (grad.shape() == leaf.shape() && grad.dtype() == leaf.dtype())) return;
  raise<ValueError>(
      "backward: {} is {} {}, the gradient that it has {} {}; after set_data() call zero_grad(), "
      "or set_grad({{}})",
      leaf.name().empty() ? "a leaf" : "'" + leaf.name() + "'", leaf.dtype(), leaf.shape(),
      grad.dtype(), grad.shape());
}

/// As retain_grad() asks, where the result of `node` still lives.
void keep_gradient(Node& node, const Tensor& gradient, bool create_graph) {
  Tensor before;
  const std::lock_guard lock(detail::mutex_of(&node));
  if (TensorImpl* const result = node.retains_grad_of)
    before = add_to(result->extra.get().grad, gradient, create_graph);
}

/// One backward pass. Gradients wait here until their node or leaf has received them all.
class Pass {
 public:
  explicit Pass(BackwardOptions options) : options_(options) {}

  void start(const Tensor& output, const Tensor& gradient) { deliver(Edge(output), gradient); }

  /// Restricts the pass to what leads to `inputs`.
  void look_for(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs);

  /// Runs the rules, then the hooks of the leaves that gradients arrived at.
  void run();

  /// The gradient that arrived at an input of look_for().
  Tensor found(const Tensor& input) const;

  void store_leaf_gradients();

 private:
  void deliver(const Edge& edge, Tensor gradient);
  void run_node(Node& node, Tensor dy);
  void run_rules(Node& node, Tensor dy);
  bool wanted(const Edge& edge) const;
  void add(Tensor& sum, Tensor gradient) const;

  struct Pending {
    Ref<Node> node;
    Tensor gradient;
  };
  struct Leaf {
    Tensor leaf;
    Tensor gradient;
  };
  template <class Key, class Value>
  using Map = std::unordered_map<Key, Value, std::hash<Key>, std::equal_to<Key>,
                                 detail::SmallAllocator<std::pair<const Key, Value>>>;

  BackwardOptions options_;
  // By sequence number, the latest first: the tape read backwards.
  std::map<std::uint64_t, Pending, std::greater<>,
           detail::SmallAllocator<std::pair<const std::uint64_t, Pending>>>
      pending_;
  Map<const TensorImpl*, std::size_t> leaf_index_;
  // In order of arrival, so that runs are alike.
  std::vector<Leaf, detail::SmallAllocator<Leaf>> leaves_;

  bool restricted_ = false;
  std::unordered_set<const Node*> needed_;
  std::unordered_map<const Node*, Tensor> captured_;
};

void Pass::add(Tensor& sum, Tensor gradient) const {
  sum = sum.defined() ? detail::add_gradients(sum, gradient) : std::move(gradient);
}

bool Pass::wanted(const Edge& edge) const {
  if (!edge) return false;
  if (!restricted_) return true;
  return edge.node ? needed_.contains(edge.node.get()) : leaf_index_.contains(edge.leaf.impl());
}

void Pass::deliver(const Edge& edge, Tensor gradient) {
  if (edge.node) {
    Pending& pending = pending_[edge.node->sequence()];
    if (!pending.node) pending.node = edge.node;
    add(pending.gradient, std::move(gradient));
    return;
  }
  auto [entry, is_new] = leaf_index_.try_emplace(edge.leaf.impl(), leaves_.size());
  if (is_new) leaves_.push_back({edge.leaf, {}});
  add(leaves_[entry->second].gradient, std::move(gradient));
}

void Pass::look_for(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs) {
  restricted_ = true;
  for (const Tensor& input : inputs) {
    require<ValueError>(input.defined(), "grad: an input is undefined");
    require<GraphError>(input.requires_grad(),
                        "grad: an input {} does not require a gradient; call requires_grad_() on "
                        "it before the outputs are computed",
                        input.shape());
    if (input.is_leaf()) {
      if (leaf_index_.try_emplace(input.impl(), leaves_.size()).second)
        leaves_.push_back({input, {}});
    } else {
      captured_.try_emplace(input.grad_fn().get());
      needed_.insert(input.grad_fn().get());
    }
  }
  std::vector<const Node*> order;
  std::unordered_set<const Node*> seen;
  const auto visit = [&](const Ref<Node>& node) {
    if (node && seen.insert(node.get()).second) order.push_back(node.get());
  };
  for (const Tensor& output : outputs) visit(output.grad_fn());
  for (std::size_t i = 0; i < order.size(); ++i)
    for (const Edge& edge : order[i]->edges()) visit(edge.node);
  std::ranges::sort(order, {}, &Node::sequence);
  for (const Node* node : order)
    if (std::ranges::any_of(node->edges(), [&](const Edge& edge) { return wanted(edge); }))
      needed_.insert(node);
}

void Pass::run() {
  const GradModeGuard mode(options_.create_graph);
  while (!pending_.empty()) {
    Pending next = std::move(pending_.begin()->second);
    pending_.erase(pending_.begin());
    run_node(*next.node, std::move(next.gradient));
  }
  for (auto& [leaf, gradient] : leaves_)
    if (const auto* extra = leaf.impl()->extra.if_any(); extra != nullptr && gradient.defined())
      gradient = after_hooks(extra->hooks, std::move(gradient));
}

void Pass::run_node(Node& node, Tensor dy) {
  if (const NodeHooks* hooks = node.hooks_if_any()) dy = after_hooks(hooks->before, std::move(dy));
  if (node.retains_grad_of.load(std::memory_order_relaxed) != nullptr)
    keep_gradient(node, dy, options_.create_graph);
  if (auto capture = captured_.find(&node); capture != captured_.end()) capture->second = dy;
  run_rules(node, std::move(dy));
}

void Pass::run_rules(Node& node, Tensor dy) {
  const auto edges = node.edges();
  if (std::ranges::none_of(edges, [&](const Edge& edge) { return wanted(edge); })) return;
  detail::RulesInUse rules(node, options_.retain_graph || options_.create_graph);
  const detail::CurrentNodeGuard current(&node);
  const bool watched = is_anomaly_mode();
  const auto hand_on = [&](std::size_t i, Tensor dx) {
    check_rule(node, i, dx, edges[i]);
    if (watched) detail::check_backward(node, i, dy, dx);
    if (dx.impl()->is_unique()) dx.impl()->copied_by = nullptr;  // a part of nothing that is seen
    deliver(edges[i], std::move(dx));
  };
  // From the last to the first, with hooks as without them: the order decides the last bits of a
  // sum, and watching must not change them.
  const NodeHooks* const hooks = node.hooks_if_any();
  if (hooks == nullptr || hooks->after.empty()) {
    // The first is usually the largest: it is given dy itself, and may compute in its memory.
    std::size_t first = 0;
    while (!wanted(edges[first])) ++first;
    for (std::size_t i = edges.size(); i-- > first + 1;)
      if (wanted(edges[i])) hand_on(i, node.gradient(i, dy));
    hand_on(first, node.gradient(first, watched ? dy : std::move(dy)));
  } else {
    std::vector<Tensor> gradients(edges.size());
    for (std::size_t i = edges.size(); i-- > 0;)
      if (wanted(edges[i])) gradients[i] = node.gradient(i, dy);
    hooks->after.each([&](const NodeHook& hook) { hook(gradients, dy); });
    require<ValueError>(gradients.size() == edges.size(),
                        "register_hook: a hook of {} left {} gradients, it has {} arguments",
                        node.name(), gradients.size(), edges.size());
    for (std::size_t i = edges.size(); i-- > 0;)
      if (wanted(edges[i])) hand_on(i, std::move(gradients[i]));
  }
  rules.finish();
}

Tensor Pass::found(const Tensor& input) const {
  if (!input.is_leaf()) return captured_.at(input.grad_fn().get());
  return leaves_[leaf_index_.at(input.impl())].gradient;
}

void Pass::store_leaf_gradients() {
  for (const auto& [leaf, gradient] : leaves_) check_fits(leaf);
  const GradModeGuard mode(options_.create_graph);
  for (auto& [leaf, gradient] : leaves_) {
    TensorImpl& impl = *leaf.impl();
    LeafState& state = impl.extra.get();
    Tensor before;
    const std::lock_guard lock(impl.lock());
    before = add_to(state.grad, std::move(gradient), options_.create_graph);
  }
}

/// What the messages of a function that starts a pass say.
struct Caller {
  const char* name;
  const char* gradient;      ///< what the user calls the gradient to start with
  const char* how_to_start;  ///< a pass from more than one value
};
constexpr Caller from_backward{"backward", "the gradient",
                               "x.backward(gradient), or x.sum().backward()"};
constexpr Caller from_grad{"grad", "its entry of grad_outputs",
                           "{.grad_outputs = {gradient}}, or the gradient of x.sum()"};

Tensor first_gradient(const Caller& caller, const Tensor& output, const Tensor& given) {
  require<ValueError>(output.defined(), "{}: an output is undefined", caller.name);
  require<GraphError>(output.requires_grad(),
                      "{}: the tensor {} was not computed from anything that requires a gradient "
                      "(or was computed under no_grad)",
                      caller.name, output.shape());
  if (!given.defined()) {
    require<GraphError>(output.numel() == 1,
                        "{}: the tensor {} is not a scalar, so it needs the gradient to start "
                        "with: {}",
                        caller.name, output.shape(), caller.how_to_start);
    Tensor one = Tensor::empty(output.shape(), output.dtype());
    one.fill_(1);
    return one;
  }
  require<ShapeError>(given.shape() == output.shape(), "{}: {} has shape {}, the tensor {}",
                      caller.name, caller.gradient, given.shape(), output.shape());
  require<DTypeError>(given.dtype() == output.dtype(), "{}: {} is {}, the tensor {}", caller.name,
                      caller.gradient, given.dtype(), output.dtype());
  return given;
}

void start_all(Pass& pass, const Caller& caller, const std::vector<Tensor>& outputs,
               const std::vector<Tensor>& gradients) {
  require<ValueError>(!outputs.empty(), "{}: no outputs", caller.name);
  require<ValueError>(gradients.empty() || gradients.size() == outputs.size(),
                      "{}: {} outputs but {} gradients", caller.name, outputs.size(),
                      gradients.size());
  for (std::size_t i = 0; i < outputs.size(); ++i)
    pass.start(outputs[i],
               first_gradient(caller, outputs[i], gradients.empty() ? Tensor() : gradients[i]));
}

}  // namespace

void detail::backward(const Tensor& output, const Tensor& gradient, BackwardOptions options) {
  Pass pass(options);
  pass.start(output, first_gradient(from_backward, output, gradient));
  pass.run();
  pass.store_leaf_gradients();
}

void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
              BackwardOptions options) {
  Pass pass(options);
  start_all(pass, from_backward, outputs, gradients);
  pass.run();
  pass.store_leaf_gradients();
}

namespace {

std::vector<Tensor> find_gradients(const std::vector<Tensor>& outputs,
                                   const std::vector<Tensor>& inputs, const GradOptions& options) {
  Pass pass({.retain_graph = options.retain_graph, .create_graph = options.create_graph});
  pass.look_for(outputs, inputs);
  start_all(pass, from_grad, outputs, options.grad_outputs);
  pass.run();
  std::vector<Tensor> gradients;
  gradients.reserve(inputs.size());
  for (const Tensor& input : inputs) {
    gradients.push_back(pass.found(input));
    require<GraphError>(gradients.back().defined() || options.allow_unused,
                        "grad: the outputs do not depend on input {} {}; pass {{.allow_unused = "
                        "true}} to get an undefined tensor for it",
                        gradients.size() - 1, input.shape());
  }
  return gradients;
}

}  // namespace

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options) {
  std::vector<Tensor> gradients = find_gradients(outputs, inputs, options);
  const GradModeGuard mode(options.create_graph);
  for (Tensor& gradient : gradients)  // now that the pass holds none of them
    if (gradient.defined()) gradient = owned_or_recorded(std::move(gradient), options.create_graph);
  return gradients;
}

Tensor grad(const Tensor& output, const Tensor& input, const GradOptions& options) {
  return grad(std::vector{output}, std::vector{input}, options).front();
}

}  // namespace xgrad
