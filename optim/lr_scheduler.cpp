#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/optim/lr_scheduler.hpp>

#include <algorithm>
#include <functional>
#include <iterator>

namespace xgrad::optim {
namespace detail {

void require_positive(const char* scheduler, const char* option, std::int64_t value) {
  require<ValueError>(value > 0, "{}: {} is {}, it must be positive", scheduler, option, value);
}

std::vector<double> for_groups(const char* scheduler, const char* option, const PerGroup& given,
                               Optimizer& optimizer) {
  std::vector<double> values = given.values();
  const std::size_t groups = optimizer.learning_rates().size();
  if (values.size() == 1) values.resize(groups, values.front());
  require<ValueError>(values.size() == groups, "{}: {} has {} values for {} groups", scheduler,
                      option, values.size(), groups);
  for (const double value : values) require_not_negative(scheduler, option, value);
  return values;
}

namespace {

Tensor saved(const std::int64_t* value) { return full({}, *value); }
Tensor saved(const double* value) { return full({}, *value, {.dtype = float64}); }
Tensor saved(const std::vector<double>* values) {
  return from_vector(*values, {}, {.dtype = float64});
}

void load(std::int64_t* value, const Tensor& x) { *value = x.item<std::int64_t>(); }
void load(double* value, const Tensor& x) { *value = x.item(); }
void load(std::vector<double>* values, const Tensor& x) {
  std::copy_n(x.data<double>(), values->size(), values->begin());
}

}  // namespace
}  // namespace detail

SchedulerBase::SchedulerBase(Optimizer& optimizer) : optimizer_(optimizer) {
  const std::vector<double> initial = initial_lrs();
  const std::vector<double> rates = optimizer.learning_rates();
  optimizer.scheduled_.clear();
  for (std::size_t group = 0; group < rates.size(); ++group)
    optimizer.scheduled_.push_back({initial[group], rates[group]});
}

std::vector<double> SchedulerBase::initial_lrs() const {
  std::vector<double> rates = optimizer_.learning_rates();
  const auto& scheduled = optimizer_.scheduled_;
  for (std::size_t group = 0; group < std::min(rates.size(), scheduled.size()); ++group)
    if (scheduled[group].last == rates[group]) rates[group] = scheduled[group].initial;
  return rates;
}

void SchedulerBase::set_rates(const std::vector<double>& rates) {
  optimizer_.set_learning_rates(rates);
  auto& scheduled = optimizer_.scheduled_;
  for (std::size_t group = 0; group < std::min(rates.size(), scheduled.size()); ++group)
    scheduled[group].last = rates[group];
}

std::vector<detail::Remembered> SchedulerBase::saved(std::vector<double>& rates,
                                                     std::vector<double>& momenta) {
  std::vector<detail::Remembered> all = state();
  all.push_back({"last_lr", &rates});
  if (cycles_momentum()) all.push_back({"last_momentum", &momenta});
  return all;
}

NamedTensors SchedulerBase::state_dict() {
  std::vector<double> rates = optimizer_.learning_rates();
  std::vector<double> momenta = optimizer_.momenta();
  NamedTensors values;
  for (const auto& [name, value] : saved(rates, momenta))
    values.emplace_back(name, std::visit([](auto* x) { return detail::saved(x); }, value));
  return values;
}

void SchedulerBase::load_state_dict(const NamedTensors& values) {
  std::vector<double> rates = optimizer_.learning_rates();
  std::vector<double> momenta = optimizer_.momenta();
  const std::vector<detail::Remembered> all = saved(rates, momenta);
  NamedTensors own = state_dict();
  std::vector<detail::StateEntry> entries;
  for (auto& [name, x] : own) entries.push_back({name, &x, x.shape(), x.dtype()});
  detail::load_state("load_state_dict", entries, values);
  for (const auto& [name, x] : own) {
    require<ValueError>(x.defined(), "load_state_dict: the scheduler's {} is missing", name);
    if (x.dtype() == int64 && x.item<std::int64_t>() < 0)
      raise<ValueError>("load_state_dict: the scheduler's {} is {}", name, x.item<std::int64_t>());
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    std::visit([&x = own[i].second](auto* value) { detail::load(value, x); }, all[i].value);
  set_rates(rates);
  if (cycles_momentum()) optimizer_.set_momenta(momenta);
}

LRScheduler::LRScheduler(Optimizer& optimizer)
    : SchedulerBase(optimizer), base_lrs_(initial_lrs()) {}

LRScheduler::LRScheduler(Optimizer& optimizer, std::vector<double> base_lrs)
    : SchedulerBase(optimizer), base_lrs_(std::move(base_lrs)) {}

void LRScheduler::step() {
  advance(steps_ + 1);
  ++steps_;
}

double LRScheduler::next(std::int64_t, std::size_t, double rate) const { return rate; }

void LRScheduler::advance(std::int64_t step) {
  std::vector<double> rates = optimizer().learning_rates();
  require<ValueError>(rates.size() == base_lrs_.size(),
                      "LRScheduler: the optimiser has {} groups, and had {} when this was made for "
                      "it",
                      rates.size(), base_lrs_.size());
  for (std::size_t group = 0; group < rates.size(); ++group)
    rates[group] = next(step, group, rates[group]);
  set_rates(rates);
}

void LRScheduler::begin() {
  steps_ = 0;
  advance(0);
}

void LRScheduler::restart() {
  set_rates(base_lrs_);
  begin();
}

std::vector<detail::Remembered> LRScheduler::state() {
  return {{"step", &steps_}, {"base_lrs", &base_lrs_}};
}

namespace detail {

CompositeLR::CompositeLR(const char* name, Optimizer& optimizer, Schedulers schedulers)
    : LRScheduler(optimizer), schedulers_(std::move(schedulers)) {
  for (std::size_t i = 0; i < schedulers_.size(); ++i)
    require<ValueError>(&schedulers_[i].get().optimizer() == &optimizer,
                        "{}: scheduler {} is of another optimiser", name, i);
}

bool CompositeLR::cycles_momentum() const {
  return std::ranges::any_of(schedulers_, &LRScheduler::cycles_momentum);
}

std::vector<Remembered> CompositeLR::state() {
  std::vector<Remembered> all = LRScheduler::state();
  for (std::size_t i = 0; i < schedulers_.size(); ++i)
    for (const Remembered& part : schedulers_[i].get().state())
      all.push_back({fmt::format("{}.{}", i, part.name), part.value});
  return all;
}

}  // namespace detail

SequentialLR::SequentialLR(Optimizer& optimizer, Schedulers schedulers,
                           std::vector<std::int64_t> milestones)
    : CompositeLR("SequentialLR", optimizer, std::move(schedulers)),
      milestones_(std::move(milestones)) {
  require<ValueError>(parts().size() == milestones_.size() + 1,
                      "SequentialLR: {} schedulers need one milestone fewer, {} are given",
                      parts().size(), milestones_.size());
  std::int64_t last = 0;
  for (const std::int64_t milestone : milestones_) {
    require<ValueError>(milestone > last,
                        "SequentialLR: milestone {} comes after {}; they must rise from above 0",
                        milestone, last);
    last = milestone;
  }
  restart();
}

void SequentialLR::advance(std::int64_t step) {
  const auto next = std::ranges::upper_bound(milestones_, step);
  LRScheduler& now = parts()[static_cast<std::size_t>(next - milestones_.begin())];
  if (step == 0)
    now.begin();
  else if (next != milestones_.begin() && *std::prev(next) == step)
    now.restart();
  else
    now.step();
}

Optimizer& ChainedScheduler::optimizer_of(const Schedulers& schedulers) {
  require<ValueError>(!schedulers.empty(), "ChainedScheduler: no schedulers");
  return schedulers.front().get().optimizer();
}

ChainedScheduler::ChainedScheduler(const Schedulers& schedulers)
    : CompositeLR("ChainedScheduler", optimizer_of(schedulers), schedulers) {}

void ChainedScheduler::advance(std::int64_t step) {
  for (LRScheduler& scheduler : parts())
    if (step == 0)
      scheduler.begin();
    else
      scheduler.step();
}

}  // namespace xgrad::optim
