#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/distributed/communicator.hpp>
#include <xgrad/distributed/zero_redundancy_optimizer.hpp>

#include <algorithm>
#include <functional>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

namespace xgrad::distributed {
namespace {

using optim::detail::StateEntry;

/// Of each parameter the process that has it: the largest first, each to who has least.
std::vector<int> shared_out(const std::vector<Tensor>& parameters, int processes) {
  std::vector<std::size_t> order(parameters.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::size_t i) { return parameters[i].numel(); });
  std::vector<std::int64_t> held(static_cast<std::size_t>(processes), 0);
  std::vector<int> result(parameters.size());
  for (const std::size_t i : order) {
    const auto least = std::ranges::min_element(held);
    *least += parameters[i].numel();
    result[i] = static_cast<int>(least - held.begin());
  }
  return result;
}

std::string described(const std::vector<Tensor>& parameters) {
  std::string result;
  for (const Tensor& x : parameters) result += fmt::format("{} {}; ", x.dtype(), x.shape());
  return result;
}

/// "0, 1, 5"
std::string with_gradients(const std::vector<Tensor>& parameters) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (parameters[i].grad().defined()) numbers.push_back(i);
  return fmt::format("{}", fmt::join(numbers, ", "));
}

}  // namespace

ZeroRedundancyOptimizer::ZeroRedundancyOptimizer(optim::Optimizer& base, const Group& group)
    : OptimizerAround(base),
      group_(group.split(0, group.rank())),
      parameters_(parameters_of(base)),
      owners_(shared_out(parameters_, group.size())) {
  require_parameters("ZeroRedundancyOptimizer");
  group_.require_same("ZeroRedundancyOptimizer: the parameters", described(parameters_));
  std::unordered_map<const void*, int> owners;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    owners.emplace(parameters_[i].impl(), owners_[i]);
  for (const StateEntry& entry : OptimizerAround::state()) {
    const auto owner = owners.find(entry.of);
    require<ValueError>(owner != owners.end(),
                        "ZeroRedundancyOptimizer: the optimiser inside remembers '{}', which is of "
                        "no parameter alone and cannot be shared",
                        entry.name);
    entries_of_.push_back(owner->second);
  }
  others_.resize(entries_of_.size());
}

void ZeroRedundancyOptimizer::step() {
  require_ready();
  const auto& all = group_.communicator();
  group_.require_same("ZeroRedundancyOptimizer: the parameters that have a gradient",
                      with_gradients(parameters_));
  is_changed_ = true;
  std::ranges::fill(others_, Tensor());
  try {
    step_own();
  } catch (const std::exception& error) {
    if (all) all->fail(error.what());
    throw;
  }
  if (!all) return;
  std::vector<detail::Communicator::Going> going;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    if (parameters_[i].grad().defined())
      going.push_back(all->broadcast("ZeroRedundancyOptimizer",
                                     detail::numbers_of(parameters_[i].detach()), owners_[i]));
  for (const auto& transfer : going) transfer->wait();
}

/// An optimiser leaves alone, and remembers nothing of, what has no gradient.
void ZeroRedundancyOptimizer::step_own() {
  bool any = false;
  kept_.assign(parameters_.size(), {});
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    kept_[i] = parameters_[i].grad();
    if (is_own(i))
      any |= kept_[i].defined();
    else
      parameters_[i].set_grad({});
  }
  const auto put_back = [this] {
    for (std::size_t i = 0; i < parameters_.size(); ++i)
      if (!is_own(i)) parameters_[i].set_grad(std::exchange(kept_[i], {}));
    kept_.clear();
  };
  try {
    if (any) base().step();
  } catch (...) {
    put_back();
    throw;
  }
  put_back();
}

bool ZeroRedundancyOptimizer::has_whole_state() const {
  return group_.size() == 1 || !is_changed_ || std::ranges::any_of(others_, &Tensor::defined);
}

std::vector<StateEntry> ZeroRedundancyOptimizer::inner_entries() {
  std::vector<StateEntry> entries = OptimizerAround::state();
  require<ValueError>(entries.size() == entries_of_.size(),
                      "ZeroRedundancyOptimizer: the optimiser inside has other parameters by now; "
                      "make this anew");
  return entries;
}

void ZeroRedundancyOptimizer::consolidate_state_dict() {
  const std::vector<StateEntry> entries = inner_entries();
  const auto count = std::ssize(entries);
  const Tensor is_there = Tensor::empty({count}, int64).fill_(0);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (entries_of_[at] == group_.rank() && entries[at].value->defined())
      is_there.mutable_data<std::int64_t>()[i] = 1;
  }
  group_.all_reduce(is_there, Reduce::max);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (is_there.data<std::int64_t>()[i] == 0 || entries_of_[i] == 0) continue;
    if (group_.rank() == 0) {
      others_[i] = Tensor::empty(entries[i].shape, entries[i].dtype);
      group_.recv(others_[i], entries_of_[i]);
    } else if (entries_of_[i] == group_.rank()) {
      group_.send(*entries[i].value, 0);
    }
  }
  if (group_.rank() == 0) is_changed_ = false;
}

std::vector<StateEntry> ZeroRedundancyOptimizer::state() {
  std::vector<StateEntry> entries = inner_entries();
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (entries_of_[i] != group_.rank()) entries[i].value = &others_[i];
  return entries;
}

}  // namespace xgrad::distributed
