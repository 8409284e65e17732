#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/optim/optimizer.hpp>

#include <unordered_map>
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

NamedTensors state_of(const std::vector<StateEntry>& entries) {
  NamedTensors values;
  for (const StateEntry& entry : entries)
    if (entry.value->defined()) values.emplace_back(entry.name, *entry.value);
  return values;
}

void load_state(const char* owner, const std::vector<StateEntry>& entries,
                const NamedTensors& values) {
  std::unordered_map<std::string, const StateEntry*> by_name;
  for (const StateEntry& entry : entries) by_name.emplace(entry.name, &entry);
  std::string wrong;
  for (const auto& [name, value] : values) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      wrong += fmt::format("\n  unexpected: {} {}", name, value.shape());
      continue;
    }
    const Tensor& like = *found->second->like;
    if (value.shape() != like.shape() || value.dtype() != like.dtype())
      wrong += fmt::format("\n  different: {} is {} {}, expected {} {}", name, value.dtype(),
                           value.shape(), like.dtype(), like.shape());
  }
  require<ValueError>(wrong.empty(), "{}: the state does not fit:{}", owner, wrong);
  for (const StateEntry& entry : entries) *entry.value = {};
  for (const auto& [name, value] : values) *by_name.at(name)->value = value.clone();
}

}  // namespace detail

void Optimizer::set_lr(double lr) {
  visit_rates([lr](Required& rate) { rate = lr; });
}

std::vector<double> Optimizer::learning_rates() {
  std::vector<double> rates;
  visit_rates([&](Required& rate) { rates.push_back(rate); });
  return rates;
}

void Optimizer::set_learning_rates(const std::vector<double>& rates) {
  const std::size_t groups = learning_rates().size();
  require<ValueError>(rates.size() == groups, "set_learning_rates: {} rates for {} groups",
                      rates.size(), groups);
  auto next = rates.begin();
  visit_rates([&](Required& rate) { rate = *next++; });
}

void Optimizer::load_state_dict(const NamedTensors& values) {
  detail::load_state("load_state_dict", state(), values);
}

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
