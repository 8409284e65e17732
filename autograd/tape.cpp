#include <xgrad/autograd/tape.hpp>

#include <atomic>

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
  if (!node && x.requires_grad()) leaf = x;
}

const Shape& Edge::shape() const { return node ? node->shape() : leaf.shape(); }
DType Edge::dtype() const { return node ? node->dtype() : leaf.dtype(); }

Node::Node(const char* name, const Tensor& result)
    : name_(name),
      sequence_(next_sequence.fetch_add(1, std::memory_order_relaxed)),
      shape_(result.shape()),
      dtype_(result.dtype()) {}

NodeHooks& Node::hooks() {
  if (!hooks_) hooks_ = std::make_unique<NodeHooks>();
  return *hooks_;
}

HookHandle Node::register_hook(NodeHook hook) { return {hooks().after, std::move(hook)}; }

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

void attach(const Tensor& result, Ref<Node> node) { result.impl()->node = std::move(node); }

}  // namespace detail
}  // namespace xgrad
