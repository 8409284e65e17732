#include <xgrad/autograd/anomaly.hpp>
#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/inner.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
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
  if (gradient.impl()->is_unique() && gradient.storage()->is_unique() &&
      !gradient.storage()->is_foreign() && gradient.is_contiguous())
    return gradient;
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

/// As retain_grad() asks, where that result of `node` still lives.
void keep_gradient(const Node& node, Node::Result& result, const Tensor& gradient,
                   bool create_graph) {
  Tensor before;
  const std::lock_guard lock(detail::mutex_of(&node));
  if (TensorImpl* const kept = result.retains_grad_of)
    before = add_to(kept->extra.get().grad, gradient, create_graph);
}

std::atomic<bool> has_ready_hooks{false};

/// Makes `sum`, undefined where nothing has arrived, one that nobody else sees, to be added to.
void make_own(Tensor& sum, const Edge& edge) {
  if (!sum.defined()) {
    sum = Tensor::empty(edge.shape(), edge.dtype()).zero_();
  } else if (!takes_memory(sum) || sum.storage()->is_blocked()) {
    Tensor own = Tensor::empty(sum.shape(), sum.dtype());
    own.copy_(sum);
    sum = std::move(own);
  }
}

/// The node that made a result, and the result's number.
std::pair<const Node*, std::uint32_t> place_of(const Tensor& result) {
  return {result.grad_fn().get(), result.impl()->result};
}
std::pair<const Node*, std::uint32_t> place_of(const Edge& edge) {
  return {edge.node.get(), edge.result};
}

/// One backward pass. Gradients wait here until their node or leaf has received them all.
class Pass {
 public:
  explicit Pass(BackwardOptions options) : options_(options) {}

  void start(const Tensor& output, const Tensor& gradient) { deliver(Edge(output), gradient); }

  /// Counts the gradients that leaves with ready hooks will get, where there are any.
  void look_for_ready_hooks(std::span<const Tensor> outputs);

  /// Restricts the pass to what leads to `inputs`.
  void look_for(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs);

  /// Restricts the pass to nodes newer than number `since`, and to what leads to `edges` out of
  /// them, where it ends.
  void look_within(std::span<const Tensor> outputs, std::uint64_t since,
                   std::span<const Edge> edges);

  /// Runs the rules, then the hooks of the leaves that gradients arrived at.
  void run();

  /// The gradient that arrived at an input of look_for(), or at an edge of look_within().
  Tensor found(const Tensor& input) const { return found(Edge(input)); }
  Tensor found(const Edge& edge) const;

  void store_leaf_gradients();

 private:
  class AtNode;

  void deliver(const Edge& edge, Tensor gradient) { add(sum_at(edge), std::move(gradient)); }
  void deliver(const Edge& edge, const detail::Adder& add) {
    Tensor& sum = sum_at(edge);
    make_own(sum, edge);
    add(sum);
  }
  Tensor& sum_at(const Edge& edge);
  void note_delivered(const Edge& edge);
  void run_node(Node& node, std::span<Tensor> dys);
  void run_rules(Node& node, std::span<Tensor> dys);
  bool wanted(const Edge& edge) const;
  void note_needed(std::vector<Node*> nodes);
  bool is_within(const Edge& edge) const { return edge.node->sequence() > since_; }
  void add(Tensor& sum, Tensor gradient) const;

  /// The gradients of a node's results, undefined where none has arrived.
  struct Pending {
    explicit Pending(const Ref<Node>& at) : node(at) {
      if (const auto count = at->result_count(); count > 1)
        several = std::make_unique<Tensor[]>(count);
    }
    std::span<Tensor> gradients() noexcept {
      return several ? std::span(several.get(), node->result_count()) : std::span(&one, 1);
    }

    Ref<Node> node;
    Tensor one;
    std::unique_ptr<Tensor[]> several;
  };
  struct Leaf {
    Tensor leaf;
    Tensor gradient;
    bool is_stored = false;
  };
  void run_hooks(Leaf& leaf);
  void store(Leaf& leaf);
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

  Map<const TensorImpl*, std::size_t> awaited_;  // gradients of leaves with ready hooks

  bool restricted_ = false;
  std::unordered_set<const Node*> needed_;
  std::map<std::pair<const Node*, std::uint32_t>, Tensor> captured_;
  bool is_part_ = false;     // of another pass, which runs the hooks of leaves
  std::uint64_t since_ = 0;  // what older nodes would get is captured
};

/// Takes the gradients that the rules of one node give: hands them on, or keeps them for hooks.
class Pass::AtNode final : public detail::Receiver {
 public:
  /// `watched`: the gradients of the results, where each of the arguments' is to be looked at.
  AtNode(Pass& pass, const Node& node, std::span<const Tensor> watched)
      : Receiver(node.edges(), !pass.restricted_), pass_(pass), node_(node), watched_(watched) {}

  bool needs_any() const {
    for (std::size_t i = 0; i < edges_.size(); ++i)
      if ((*this)[i]) return true;
    return false;
  }

  void receive(std::size_t argument, Tensor dx) override {
    if (kept_ != nullptr)
      (*kept_)[argument] = std::move(dx);
    else
      hand_on(argument, std::move(dx));
  }

  void add_to(std::size_t argument, const detail::Adder& add) override {
    if (kept_ == nullptr && watched_.empty()) return pass_.deliver(edges_[argument], add);
    Tensor dx;
    make_own(dx, edges_[argument]);
    add(dx);
    receive(argument, std::move(dx));
  }

  void hand_on(std::size_t argument, Tensor dx) {
    check_rule(node_, argument, dx, edges_[argument]);
    if (!watched_.empty()) detail::check_backward(node_, argument, watched_, dx);
    pass_.deliver(edges_[argument], std::move(dx));
  }

  /// From here on, gradients are kept here.
  void keep_in(std::vector<Tensor>& gradients) { kept_ = &gradients; }

 private:
  bool is_wanted(std::size_t argument) const override { return pass_.wanted(edges_[argument]); }

  Pass& pass_;
  const Node& node_;
  std::span<const Tensor> watched_;
  std::vector<Tensor>* kept_ = nullptr;
};

void Pass::add(Tensor& sum, Tensor gradient) const {
  sum = sum.defined() ? detail::add_gradients(sum, gradient) : std::move(gradient);
}

bool Pass::wanted(const Edge& edge) const {
  if (!edge) return false;
  if (!restricted_) return true;
  if (!edge.node) return leaf_index_.contains(edge.leaf.impl());
  return is_within(edge) ? needed_.contains(edge.node.get()) : captured_.contains(place_of(edge));
}

Tensor& Pass::sum_at(const Edge& edge) {
  if (edge.node && !is_within(edge)) return captured_[place_of(edge)];
  if (edge.node) {
    Pending& pending = pending_.try_emplace(edge.node->sequence(), edge.node).first->second;
    return pending.gradients()[edge.result];
  }
  auto [entry, is_new] = leaf_index_.try_emplace(edge.leaf.impl(), leaves_.size());
  if (is_new) leaves_.push_back({.leaf = edge.leaf, .gradient = {}});
  return leaves_[entry->second].gradient;
}

void Pass::look_for_ready_hooks(std::span<const Tensor> outputs) {
  if (!has_ready_hooks.load(std::memory_order_acquire)) return;
  const auto count = [&](const Edge& edge) {
    if (edge.node || !edge.leaf.defined()) return;
    const auto* const extra = edge.leaf.impl()->extra.if_any();
    if (extra != nullptr && !extra->ready_hooks.empty()) ++awaited_[edge.leaf.impl()];
  };
  for (const Tensor& output : outputs) count(Edge(output));
  for (const Node* node : detail::nodes_behind(outputs))
    std::ranges::for_each(node->edges(), count);
  const GradModeGuard mode(options_.create_graph);
  for (const Tensor& output : outputs) note_delivered(Edge(output));
}

void Pass::note_delivered(const Edge& edge) {
  if (edge.node || !edge.leaf.defined()) return;
  const auto awaited = awaited_.find(edge.leaf.impl());
  if (awaited == awaited_.end() || --awaited->second > 0) return;
  const std::size_t number = leaf_index_.at(edge.leaf.impl());
  run_hooks(leaves_[number]);
  store(leaves_[number]);
  const Tensor leaf = edge.leaf;
  leaf.impl()->extra.get().ready_hooks.each([&](const ReadyHook& hook) { hook(leaf); });
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
        leaves_.push_back({.leaf = input, .gradient = {}});
    } else {
      captured_.try_emplace(place_of(input));
      needed_.insert(input.grad_fn().get());
    }
  }
  note_needed(detail::nodes_behind(outputs));
}

void Pass::look_within(std::span<const Tensor> outputs, std::uint64_t since,
                       std::span<const Edge> edges) {
  restricted_ = is_part_ = true;
  since_ = since;
  for (const Edge& edge : edges)
    if (edge.node)
      captured_.try_emplace(place_of(edge));
    else if (leaf_index_.try_emplace(edge.leaf.impl(), leaves_.size()).second)
      leaves_.push_back({.leaf = edge.leaf, .gradient = {}});
  note_needed(detail::nodes_behind(outputs, since));
}

void Pass::note_needed(std::vector<Node*> nodes) {
  std::ranges::sort(nodes, {}, &Node::sequence);
  for (const Node* node : nodes)
    if (std::ranges::any_of(node->edges(), [&](const Edge& edge) { return wanted(edge); }))
      needed_.insert(node);
}

void Pass::run() {
  const GradModeGuard mode(options_.create_graph);
  while (!pending_.empty()) {
    Pending next = std::move(pending_.begin()->second);
    pending_.erase(pending_.begin());
    run_node(*next.node, next.gradients());
    if (!awaited_.empty())
      for (const Edge& edge : next.node->edges()) note_delivered(edge);
  }
  if (is_part_) return;
  for (Leaf& leaf : leaves_) run_hooks(leaf);
}

void Pass::run_hooks(Leaf& leaf) {
  const auto* const extra = leaf.leaf.impl()->extra.if_any();
  if (extra != nullptr && leaf.gradient.defined() && !leaf.is_stored)
    leaf.gradient = after_hooks(extra->hooks, std::move(leaf.gradient));
}

void Pass::run_node(Node& node, std::span<Tensor> dys) {
  for (std::uint32_t i = 0; i < dys.size(); ++i) {
    if (!dys[i].defined()) continue;
    Node::Result& result = node.result(i);
    if (const auto* hooks = result.hooks.if_any()) dys[i] = after_hooks(*hooks, std::move(dys[i]));
    if (result.retains_grad_of.load(std::memory_order_relaxed) != nullptr)
      keep_gradient(node, result, dys[i], options_.create_graph);
    if (captured_.empty()) continue;
    if (auto capture = captured_.find({&node, i}); capture != captured_.end())
      capture->second = dys[i];
  }
  run_rules(node, dys);
}

// With hooks as without them, watched or not, gradients are handed on in one order: it decides the
// last bits of a sum.
void Pass::run_rules(Node& node, std::span<Tensor> dys) {
  const HookList<NodeHook>* const hooks = node.hooks_if_any();
  const bool hooked = hooks != nullptr && !hooks->empty();
  std::vector<Tensor> seen;  // the rules may take what they are given
  const bool watched = is_anomaly_mode();
  if (hooked || watched) seen.assign(dys.begin(), dys.end());
  AtNode here(*this, node, watched ? std::span<const Tensor>(seen) : std::span<const Tensor>());
  if (!here.needs_any()) return;
  detail::RulesInUse rules(node, options_.retain_graph || options_.create_graph);
  const detail::CurrentNodeGuard current(&node);
  if (!hooked) {
    node.gradients(dys, here);
  } else {
    const std::size_t count = node.edges().size();
    std::vector<Tensor> gradients(count);
    here.keep_in(gradients);
    node.gradients(dys, here);
    hooks->each([&](const NodeHook& hook) { hook(gradients, seen); });
    require<ValueError>(gradients.size() == count,
                        "register_hook: a hook of {} left {} gradients, it has {} arguments",
                        node.name(), gradients.size(), count);
    for (std::size_t i = count; i-- > 0;)
      if (here[i]) here.hand_on(i, std::move(gradients[i]));
  }
  rules.finish();
}

Tensor Pass::found(const Edge& edge) const {
  if (edge.node) return captured_.at(place_of(edge));
  return leaves_[leaf_index_.at(edge.leaf.impl())].gradient;
}

void Pass::store(Leaf& leaf) {
  check_fits(leaf.leaf);
  TensorImpl& impl = *leaf.leaf.impl();
  LeafState& state = impl.extra.get();
  leaf.is_stored = true;
  Tensor before;
  const std::lock_guard lock(impl.lock());
  before = add_to(state.grad, std::move(leaf.gradient), options_.create_graph);
}

void Pass::store_leaf_gradients() {
  for (const Leaf& leaf : leaves_) check_fits(leaf.leaf);
  const GradModeGuard mode(options_.create_graph);
  for (Leaf& leaf : leaves_)
    if (!leaf.is_stored) store(leaf);
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

void detail::note_ready_hook() noexcept { has_ready_hooks.store(true, std::memory_order_release); }

void detail::backward(const Tensor& output, const Tensor& gradient, BackwardOptions options) {
  Pass pass(options);
  pass.start(output, first_gradient(from_backward, output, gradient));
  pass.look_for_ready_hooks({&output, 1});
  pass.run();
  pass.store_leaf_gradients();
}

void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients,
              BackwardOptions options) {
  Pass pass(options);
  start_all(pass, from_backward, outputs, gradients);
  pass.look_for_ready_hooks(outputs);
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

std::vector<Tensor> detail::gradients_behind(std::span<const Tensor> results,
                                             std::span<const Tensor> gradients, std::uint64_t since,
                                             std::span<const Edge> edges, bool create_graph) {
  Pass pass({.create_graph = create_graph});
  pass.look_within(results, since, edges);
  for (std::size_t i = 0; i < results.size(); ++i)
    if (gradients[i].defined()) pass.start(results[i], gradients[i]);
  pass.run();
  std::vector<Tensor> found;
  for (const Edge& edge : edges) found.push_back(pass.found(edge));
  return found;
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs,
                         const GradOptions& options) {
  std::vector<Tensor> gradients = find_gradients(outputs, inputs, options);
  const GradModeGuard mode(options.create_graph);
  for (Tensor& gradient : gradients)  // now that the pass holds none of them
    if (gradient.defined()) gradient = owned_or_recorded(std::move(gradient), options.create_graph);
  return gradients;
}

}  // namespace xgrad
