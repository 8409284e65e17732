#pragma once
// A module as a function of its parameters.

#include <xgrad/nn/module.hpp>

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

namespace detail {

/// While one lives, parameters and buffers of a module are other tensors.
class ParametersScope {
 public:
  ParametersScope(const Module& net, const NamedTensors& values);
  ~ParametersScope();
  ParametersScope(const ParametersScope&) = delete;
  ParametersScope& operator=(const ParametersScope&) = delete;

 private:
  struct Own {
    std::shared_ptr<ModuleState> owner;
    std::string name;
    Tensor value;
  };
  std::vector<Own> own_;
};

}  // namespace detail

/// What net(inputs…) gives with these tensors in place of its parameters and buffers of these
/// names, which are those of named_parameters(), named_buffers() and state_dict(); where a name is
/// missing, it is the module's own. Differentiable in them:
///
///     const auto loss_of = [&](const NamedTensors& p) {
///       return cross_entropy(xgrad::functional_call(net, p, images), labels);
///     };
///     const auto [gradients, loss] = xgrad::grad_and_value(loss_of)(net.state_dict());
///
/// Afterwards, and after an exception, the module has its own again. A tensor that it has under
/// several names is replaced everywhere. What the module changes, as batch norm its statistics, it
/// changes in the tensors given. For one thread at a time, as what changes parameters.
///
/// ValueError where a name is none of the module's, comes twice or with another value for one
/// tensor, or its tensor is undefined; the layers say what does not fit.
template <std::derived_from<Module> M, class... A>
auto functional_call(M& net, const NamedTensors& parameters, A&&... inputs) {
  const detail::ParametersScope scope(net, parameters);
  return net(std::forward<A>(inputs)...);
}

}  // namespace xgrad::nn

namespace xgrad {
using nn::functional_call;  // as torch.func has it
}  // namespace xgrad

#pragma GCC visibility pop
