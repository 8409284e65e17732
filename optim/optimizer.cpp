#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/optim/optimizer.hpp>

#include <unordered_set>

namespace xgrad::optim {
namespace detail {

void check_parameters(const char* optimizer, const std::vector<std::vector<Tensor>>& groups) {
  std::unordered_set<const void*> seen;
  for (const auto& group : groups)
    for (const Tensor& x : group) {
      require<ValueError>(x.defined(), "{}: parameter {} is undefined", optimizer, seen.size());
      require<GraphError>(x.is_leaf(),
                          "{}: parameter {} {} is a result of {}, not a leaf; its gradient would "
                          "not be kept",
                          optimizer, seen.size(), x.shape(),
                          x.is_leaf() ? "" : x.grad_fn()->name());
      require<ValueError>(seen.insert(x.impl()).second, "{}: parameter {} {} is given twice",
                          optimizer, x.name(), x.shape());
    }
  require<ValueError>(!seen.empty(),
                      "{}: no parameters to train; are the module's parts added with add()?",
                      optimizer);
}

void check_gradients(const char* optimizer, const std::vector<std::vector<Tensor>>& groups) {
  std::size_t count = 0;
  for (const auto& group : groups) {
    count += group.size();
    for (const Tensor& x : group)
      if (x.grad().defined()) return;
  }
  raise<GraphError>(
      "{}: none of the {} parameters has a gradient; call loss.backward() before "
      "step(), on a loss computed from them",
      optimizer, count);
}

}  // namespace detail

void Optimizer::zero_grad() {
  for (const auto& group : parameter_groups())
    for (Tensor x : group) x.set_grad({});
}

}  // namespace xgrad::optim
