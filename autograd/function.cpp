#include <xgrad/autograd/function.hpp>
#include <xgrad/autograd/layout.hpp>
#include <xgrad/autograd/raise.hpp>

namespace xgrad {

Saved::Saved(Tensor value, bool is_result)
    : value_(std::move(value)),
      storage_(value_.storage().get()),
      version_(storage_->version()),
      is_result_(is_result) {}

Saved saved(const Tensor& x) { return Saved(x, false); }

// The detached copy shares the values but not the node that will hold it.
Saved saved_result(const Tensor& y) { return Saved(y.detach(), true); }

bool Saved::is_unchanged() const noexcept {
  const Storage* const storage = value_.storage().get();
  return storage == storage_ && storage->version() == version_;
}

bool Saved::is_still(const Tensor& x) const noexcept {
  return value_.impl() == x.impl() && is_unchanged();
}

Tensor Saved::operator()() const {
  Node* const node = detail::current_node();
  require<GraphError>(is_unchanged(),
                      "{}: a tensor {} that it saved for its backward rule was changed in place "
                      "afterwards; change a clone() instead, or run backward before the change",
                      node ? node->name() : "saved", value_.shape());
  if (!is_result_ || node == nullptr || !is_grad_enabled()) return value_;
  Tensor on_tape = value_.detach();
  detail::attach(on_tape, Ref<Node>(node));
  return on_tape;
}

bool takes_memory(const Tensor& x) noexcept {
  return x.defined() && x.impl()->is_unique() && x.storage()->is_unique() &&
         !x.impl()->requires_grad && lie_alike(x, x);
}

namespace detail {

bool must_record(const char* name, const Tensor& result, std::span<const Tensor* const> inputs) {
  // Inside a rule, what matters is the operation whose rule it is: the pass checks that.
  if (is_anomaly_mode() && current_node() == nullptr) check_forward(name, result, inputs);
  if (!is_grad_enabled()) return false;
  bool needed = false;
  for (const Tensor* x : inputs) needed |= x->requires_grad();
  if (!needed) return false;
  require<GraphError>(!result.requires_grad(),
                      "{}: its result is on the tape already (by {}); compute it under no_grad and "
                      "do not return an argument itself",
                      name, result.is_leaf() ? "requires_grad_" : result.grad_fn()->name());
  require<DTypeError>(is_floating(result.dtype()),
                      "{}: its result is {}, which carries no gradient", name, result.dtype());
  return true;
}

}  // namespace detail
}  // namespace xgrad
