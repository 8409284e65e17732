#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/create.hpp>
#include <xgrad/optim/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace xgrad::optim {
namespace schedule {

Schedule constant() {
  return [](double) { return 1.0; };
}

Schedule linear(double first, double last, double until) {
  require<ValueError>(until > 0 && until <= 1, "linear: until is {}, it must lie in (0, 1]", until);
  return [=](double progress) {
    return std::lerp(first, last, std::clamp(progress / until, 0.0, 1.0));
  };
}

Schedule triangle(double first, double peak, double last) {
  require<ValueError>(peak > 0 && peak < 1, "triangle: peak is {}, it must lie in (0, 1)", peak);
  return [=](double given) {
    const double progress = std::clamp(given, 0.0, 1.0);
    return progress < peak ? std::lerp(first, 1, progress / peak)
                           : std::lerp(1, last, (progress - peak) / (1 - peak));
  };
}

Schedule cosine(double warmup, double last) {
  require<ValueError>(warmup >= 0 && warmup < 1, "cosine: warmup is {}, it must lie in [0, 1)",
                      warmup);
  return [=](double given) {
    const double progress = std::clamp(given, 0.0, 1.0);
    if (progress < warmup) return progress / warmup;
    const double done = (progress - warmup) / (1 - warmup);
    return last + (1 - last) * (1 + std::cos(std::numbers::pi * done)) / 2;
  };
}

}  // namespace schedule

Scheduler::Scheduler(Optimizer& optimizer, Schedule schedule)
    : optimizer_(optimizer), schedule_(std::move(schedule)), rates_(optimizer.learning_rates()) {
  require<ValueError>(static_cast<bool>(schedule_), "Scheduler: the schedule is empty");
}

void Scheduler::set(double progress) {
  require<ValueError>(progress >= 0 && progress <= 1,
                      "Scheduler: progress is {}, it must lie in [0, 1]", progress);
  const double factor = schedule_(progress);
  std::vector<double> rates = rates_;
  for (double& rate : rates) rate *= factor;
  optimizer_.set_learning_rates(rates);
}

LRScheduler::LRScheduler(Optimizer& optimizer)
    : optimizer_(optimizer), rates_(optimizer.learning_rates()) {}

void LRScheduler::set_rates(std::int64_t step, const std::vector<double>& rates) {
  std::vector<double> now = rates;
  for (std::size_t group = 0; group < now.size(); ++group) now[group] *= factor(step, group);
  optimizer_.set_learning_rates(now);
}

void LRScheduler::step() {
  set_rates(steps_ + 1, rates_);
  ++steps_;
}

NamedTensors LRScheduler::state_dict() const {
  return {{"step", full({}, steps_)}, {"base_lrs", from_vector(rates_, {}, {.dtype = float64})}};
}

void LRScheduler::load_state_dict(const NamedTensors& values) {
  NamedTensors own = state_dict();
  std::vector<detail::StateEntry> entries;
  for (auto& [name, x] : own) entries.push_back({name, &x, x.shape(), x.dtype()});
  detail::load_state("load_state_dict", entries, values);
  for (const auto& [name, x] : own)
    require<ValueError>(x.defined(), "load_state_dict: the scheduler's {} is missing", name);
  const auto steps = own[0].second.item<std::int64_t>();
  require<ValueError>(steps >= 0, "load_state_dict: the scheduler's step is {}", steps);
  const double* rates = own[1].second.data<double>();
  std::vector<double> loaded(rates, rates + rates_.size());
  set_rates(steps, loaded);
  steps_ = steps;
  rates_ = std::move(loaded);
}

StepLR::StepLR(Optimizer& optimizer, const StepLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  require<ValueError>(options.step_size > 0, "StepLR: step_size is {}, it must be positive",
                      options.step_size);
  require<ValueError>(options.gamma >= 0 && std::isfinite(options.gamma),
                      "StepLR: gamma is {}, it must be finite and not negative", options.gamma);
}

StepLR::StepLR(Optimizer& optimizer, std::int64_t step_size, double gamma)
    : StepLR(optimizer, {step_size, gamma}) {}

double StepLR::factor(std::int64_t step, std::size_t) const {
  return std::pow(options_.gamma, static_cast<double>(step / options_.step_size));
}

LambdaLR::LambdaLR(Optimizer& optimizer, Factor factor)
    : LambdaLR(optimizer,
               std::vector<Factor>(optimizer.learning_rates().size(), std::move(factor))) {}

LambdaLR::LambdaLR(Optimizer& optimizer, std::vector<Factor> factors)
    : LRScheduler(optimizer), factors_(std::move(factors)) {
  const std::size_t groups = optimizer.learning_rates().size();
  require<ValueError>(factors_.size() == groups, "LambdaLR: {} functions for {} groups",
                      factors_.size(), groups);
  for (const Factor& f : factors_)
    require<ValueError>(static_cast<bool>(f), "LambdaLR: a function is empty");
  set_rates();
}

double LambdaLR::factor(std::int64_t step, std::size_t group) const {
  return factors_[group](step);
}

}  // namespace xgrad::optim
