#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/layout.hpp>
#include <xgrad/autograd/raise.hpp>

namespace xgrad {

Saved::Saved(Tensor value, std::uint32_t result) : value_(std::move(value)), result_(result) {
  if (!value_.defined()) return;
  storage_ = value_.storage().get();
  version_ = storage_->version();
}

Saved saved(const Tensor& x) { return Saved(x, Saved::no_result); }

Saved saved_for(const Tensor& argument, const Tensor& x) {
  return saved(argument.requires_grad() ? x : Tensor());
}

// The detached copy shares the values but not the node that will hold it.
Saved saved_result(const Tensor& y, std::uint32_t number) { return Saved(y.detach(), number); }

bool Saved::is_unchanged() const noexcept {
  const Storage* const storage = value_.storage().get();
  return storage == storage_ && storage->version() == version_;
}

Tensor Saved::operator()() const {
  if (!value_.defined()) return value_;
  Node* const node = detail::current_node();
  require<GraphError>(is_unchanged(),
                      "{}: a tensor {} that it saved for its backward rule was changed in place "
                      "afterwards; change a clone() instead, or run backward before the change",
                      node ? node->name() : "saved", value_.shape());
  if (result_ == no_result || node == nullptr || !is_grad_enabled()) return value_;
  Tensor on_tape = value_.detach();
  detail::attach(on_tape, Ref<Node>(node), result_);
  return on_tape;
}

bool takes_memory(const Tensor& x) noexcept {
  return x.defined() && x.impl()->is_unique() && x.storage()->is_unique() &&
         !x.storage()->is_foreign() && !x.impl()->requires_grad && lie_alike(x, x);
}

namespace detail {

std::vector<const Tensor*> pointers_to(std::span<const Tensor> xs) {
  std::vector<const Tensor*> pointers;
  pointers.reserve(xs.size());
  for (const Tensor& x : xs) pointers.push_back(&x);
  return pointers;
}

std::vector<Edge> edges_to(const std::vector<const Tensor*>& xs) {
  std::vector<Edge> edges;
  edges.reserve(xs.size());
  for (const Tensor* x : xs) edges.emplace_back(*x);
  return edges;
}

void require_gradients(const Node& node, std::size_t count) {
  require<ValueError>(count == node.edges().size(),
                      "{}: its backward rule gave {} gradients, it has {} arguments", node.name(),
                      count, node.edges().size());
}

bool must_record(const char* name, std::span<const Tensor> results,
                 std::span<const Tensor* const> inputs) {
  // Inside a rule, what matters is the operation whose rule it is: the pass checks that.
  if (is_anomaly_mode() && current_node() == nullptr)
    for (const Tensor& result : results) check_forward(name, result, inputs);
  if (!is_grad_enabled()) return false;
  bool needed = false;
  for (const Tensor* x : inputs) needed |= x->requires_grad();
  if (!needed) return false;
  for (const Tensor& result : results) {
    require<GraphError>(!result.requires_grad(),
                        "{}: its result is on the tape already (by {}); compute it under no_grad "
                        "and do not return an argument itself",
                        name, result.is_leaf() ? "requires_grad_" : result.grad_fn()->name());
    require<DTypeError>(is_floating(result.dtype()),
                        "{}: its result is {}, which carries no gradient", name, result.dtype());
  }
  return !results.empty();
}

void attach_all(std::span<const Tensor> results, Ref<Node> node) {
  const auto last = static_cast<std::uint32_t>(results.size() - 1);
  for (std::uint32_t i = 0; i < last; ++i) attach(results[i], node, i);
  attach(results[last], std::move(node), last);
}

}  // namespace detail
}  // namespace xgrad
