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

}  // namespace detail

void Optimizer::require_gradients(const char* optimizer) {
  std::size_t count = 0;
  bool any = false;
  visit([&](const Tensor& x) {
    ++count;
    any |= x.grad().defined();
  });
  require<GraphError>(any,
                      "{}: none of the {} parameters has a gradient; call loss.backward() before "
                      "step(), on a loss computed from them",
                      optimizer, count);
}

void Optimizer::zero_grad() {
  visit([](Tensor& x) { x.set_grad({}); });
}

}  // namespace xgrad::optim
