#include <xgrad/autograd/inner.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>

#include <algorithm>
#include <atomic>
#include <set>
#include <unordered_set>

namespace xgrad {
namespace {

std::atomic<std::uint64_t> next_sequence{1};
thread_local Node* running = nullptr;

// A chain of a million nodes would overflow the stack if each destroyed the next from its own
// destructor: the first one to die on a thread destroys the others in a loop.
thread_local Node* dead = nullptr;
thread_local bool burying = false;

}  // namespace

Edge::Edge(const Tensor& x) : node(x.grad_fn()) {
  if (node)
    result = x.impl()->result;
  else if (x.requires_grad())
    leaf = x;
}

const Shape& Edge::shape() const { return node ? node->result(result).shape : leaf.shape(); }
DType Edge::dtype() const { return node ? node->result(result).dtype : leaf.dtype(); }

Node::Node(const char* name, std::span<const Tensor> results, bool saves)
    : name_(name),
      sequence_(next_sequence.fetch_add(1, std::memory_order_relaxed)),
      more_(results.size() > 1 ? std::make_unique<Result[]>(results.size() - 1) : nullptr),
      more_count_(static_cast<std::uint32_t>(results.size() - 1)),
      saves_(saves) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    result(i).shape = results[i].shape();
    result(i).dtype = results[i].dtype();
  }
}

Tensor Node::tangent(std::span<const Tensor>) { return {}; }

HookHandle Node::register_hook(NodeHook hook) {
  return hooks_.get().add("register_hook", std::move(hook));
}

void destroy(Node* node) noexcept {
  node->next_dead_ = dead;
  dead = node;
  if (burying) return;
  burying = true;
  while (dead != nullptr) {
    Node* const next = dead;
    dead = next->next_dead_;
    delete next;
  }
  burying = false;
}

namespace detail {

Node* current_node() noexcept { return running; }

CurrentNodeGuard::CurrentNodeGuard(Node* node) noexcept : before_(std::exchange(running, node)) {}
CurrentNodeGuard::~CurrentNodeGuard() { running = before_; }

namespace {

// Node::uses_: a bit for the pass that does not keep the graph, one for when it has left, and the
// number of passes that keep it.
constexpr std::uint32_t taken = 1;
constexpr std::uint32_t left = 2;
constexpr std::uint32_t keeper = 4;

}  // namespace

RulesInUse::RulesInUse(Node& node, bool keeps_graph) : node_(node), keeps_graph_(keeps_graph) {
  if (node_.saves_) enter();
}

RulesInUse::~RulesInUse() {
  if (node_.saves_) leave();
}

void RulesInUse::enter() {
  std::uint32_t uses = 0;
  if (keeps_graph_) {
    uses = node_.uses_.load(std::memory_order_relaxed);
    while ((uses & taken) == 0 && !node_.uses_.compare_exchange_weak(uses, uses + keeper)) {
    }
  } else {
    uses = node_.uses_.fetch_or(taken);
  }
  require<GraphError>((uses & taken) == 0,
                      "backward: the graph at {} {} was freed by an earlier backward pass; give "
                      "that pass {{.retain_graph = true}}, or compute the result again",
                      node_.name(), node_.result(0).shape);
}

void RulesInUse::leave() noexcept {
  bool is_last = false;
  if (keeps_graph_) {
    is_last = node_.uses_.fetch_sub(keeper) == (keeper | left | taken);
  } else if (!finished_) {
    node_.uses_.fetch_and(~taken);
  } else {  // with no keepers none can come
    is_last = node_.uses_.load() == taken || node_.uses_.fetch_or(left) == taken;
  }
  if (is_last) node_.release_saved();
}

std::uint64_t last_sequence() noexcept { return next_sequence.load(std::memory_order_relaxed) - 1; }

std::vector<Node*> nodes_behind(std::span<const Tensor> results) {
  return nodes_behind(results, 0);
}

std::vector<Node*> nodes_behind(std::span<const Tensor> results, std::uint64_t since) {
  std::vector<Node*> nodes;
  std::unordered_set<const Node*> seen;
  const auto visit = [&](const Ref<Node>& node) {
    if (node && node->sequence() > since && seen.insert(node.get()).second)
      nodes.push_back(node.get());
  };
  for (const Tensor& result : results) visit(result.grad_fn());
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (const Edge& edge : nodes[i]->edges()) visit(edge.node);
  return nodes;
}

std::vector<Edge> edges_behind(std::span<const Tensor> results, std::uint64_t since) {
  std::vector<Edge> edges;
  std::set<std::pair<const void*, std::uint32_t>> seen;
  const auto visit = [&](const Edge& edge) {
    if (!edge || (edge.node && edge.node->sequence() > since)) return;
    const void* const at = edge.node ? static_cast<const void*>(edge.node.get()) : edge.leaf.impl();
    if (seen.emplace(at, edge.result).second) edges.push_back(edge);
  };
  for (const Tensor& result : results) visit(Edge(result));
  for (const Node* node : nodes_behind(results, since)) std::ranges::for_each(node->edges(), visit);
  return edges;
}

void attach(const Tensor& x, Ref<Node> node, std::uint32_t result) {
  x.impl()->node = std::move(node);
  x.impl()->result = result;
}

}  // namespace detail
}  // namespace xgrad
