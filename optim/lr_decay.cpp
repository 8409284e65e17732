#include <xgrad/autograd/raise.hpp>
#include <xgrad/optim/lr_decay.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace xgrad::optim {
namespace {

void require_at_most_one(const char* scheduler, const char* option, double value) {
  require<ValueError>(value >= 0 && value <= 1, "{}: {} is {}, it must lie in [0, 1]", scheduler,
                      option, value);
}

double cosine(std::int64_t step, std::int64_t half_period) {
  return std::cos(std::numbers::pi * static_cast<double>(step) / static_cast<double>(half_period));
}

}  // namespace

namespace detail {

FunctionLR::FunctionLR(const char* name, Optimizer& optimizer, const Factor& factor)
    : FunctionLR(name, optimizer, std::vector<Factor>(optimizer.learning_rates().size(), factor)) {}

FunctionLR::FunctionLR(const char* name, Optimizer& optimizer, std::vector<Factor> factors)
    : LRScheduler(optimizer), factors_(std::move(factors)) {
  const std::size_t groups = optimizer.learning_rates().size();
  require<ValueError>(factors_.size() == groups, "{}: {} functions for {} groups", name,
                      factors_.size(), groups);
  for (const Factor& f : factors_)
    require<ValueError>(static_cast<bool>(f), "{}: a function is empty", name);
}

}  // namespace detail

LambdaLR::LambdaLR(Optimizer& optimizer, Factor factor)
    : FunctionLR("LambdaLR", optimizer, std::move(factor)) {
  begin();
}

LambdaLR::LambdaLR(Optimizer& optimizer, std::vector<Factor> factors)
    : FunctionLR("LambdaLR", optimizer, std::move(factors)) {
  begin();
}

double LambdaLR::next(std::int64_t step, std::size_t group, double) const {
  return base_lr(group) * factor(step, group);
}

MultiplicativeLR::MultiplicativeLR(Optimizer& optimizer, Factor factor)
    : FunctionLR("MultiplicativeLR", optimizer, std::move(factor)) {}

MultiplicativeLR::MultiplicativeLR(Optimizer& optimizer, std::vector<Factor> factors)
    : FunctionLR("MultiplicativeLR", optimizer, std::move(factors)) {}

double MultiplicativeLR::next(std::int64_t step, std::size_t group, double rate) const {
  return step == 0 ? rate : rate * factor(step, group);
}

StepLR::StepLR(Optimizer& optimizer, const StepLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  detail::require_positive("StepLR", "step_size", options.step_size);
  detail::require_not_negative("StepLR", "gamma", options.gamma);
}

StepLR::StepLR(Optimizer& optimizer, std::int64_t step_size, double gamma)
    : StepLR(optimizer, {step_size, gamma}) {}

double StepLR::next(std::int64_t step, std::size_t, double rate) const {
  return step > 0 && step % options_.step_size == 0 ? rate * options_.gamma : rate;
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, MultiStepLROptions options)
    : LRScheduler(optimizer), options_(std::move(options)) {
  detail::require_not_negative("MultiStepLR", "gamma", options_.gamma);
  std::int64_t last = 0;
  for (const std::int64_t milestone : options_.milestones) {
    require<ValueError>(milestone >= last,
                        "MultiStepLR: milestone {} comes after {}; they must rise from 0",
                        milestone, last);
    last = milestone;
  }
  begin();
}

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<std::int64_t> milestones, double gamma)
    : MultiStepLR(optimizer, MultiStepLROptions{std::move(milestones), gamma}) {}

double MultiStepLR::next(std::int64_t step, std::size_t, double rate) const {
  const auto times = std::ranges::count(options_.milestones, step);
  return times == 0 ? rate : rate * std::pow(options_.gamma, static_cast<double>(times));
}

ConstantLR::ConstantLR(Optimizer& optimizer, const ConstantLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  require_at_most_one("ConstantLR", "factor", options.factor);
  detail::require_positive("ConstantLR", "total_iters", options.total_iters);
  begin();
}

double ConstantLR::next(std::int64_t step, std::size_t group, double rate) const {
  if (step == 0) return rate * options_.factor;
  if (step != options_.total_iters) return rate;
  return options_.factor == 0 ? base_lr(group) : rate * (1 / options_.factor);
}

LinearLR::LinearLR(Optimizer& optimizer, const LinearLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  require<ValueError>(options.start_factor > 0 && options.start_factor <= 1,
                      "LinearLR: start_factor is {}, it must lie in (0, 1]", options.start_factor);
  require_at_most_one("LinearLR", "end_factor", options.end_factor);
  detail::require_positive("LinearLR", "total_iters", options.total_iters);
  begin();
}

double LinearLR::next(std::int64_t step, std::size_t, double rate) const {
  const double first = options_.start_factor;
  if (step == 0) return rate * first;
  if (step > options_.total_iters) return rate;
  const double rise = options_.end_factor - first;
  const double before =
      static_cast<double>(options_.total_iters) * first + static_cast<double>(step - 1) * rise;
  // Rounding may leave what falls to 0 just below, where no optimiser takes a step.
  return rate * std::max(0., 1 + rise / before);
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, const ExponentialLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  detail::require_not_negative("ExponentialLR", "gamma", options.gamma);
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma)
    : ExponentialLR(optimizer, ExponentialLROptions{gamma}) {}

double ExponentialLR::next(std::int64_t step, std::size_t, double rate) const {
  return step == 0 ? rate : rate * options_.gamma;
}

PolynomialLR::PolynomialLR(Optimizer& optimizer, const PolynomialLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  detail::require_positive("PolynomialLR", "total_iters", options.total_iters);
  detail::require_not_negative("PolynomialLR", "power", options.power);
}

double PolynomialLR::next(std::int64_t step, std::size_t, double rate) const {
  if (step == 0 || step > options_.total_iters) return rate;
  const auto left = [this](std::int64_t steps) {
    return 1 - static_cast<double>(steps) / static_cast<double>(options_.total_iters);
  };
  return rate * std::pow(left(step) / left(step - 1), options_.power);
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, const CosineAnnealingLROptions& options)
    : LRScheduler(optimizer), options_(options) {
  detail::require_positive("CosineAnnealingLR", "T_max", options.T_max);
  detail::require_not_negative("CosineAnnealingLR", "eta_min", options.eta_min);
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, std::int64_t T_max, double eta_min)
    : CosineAnnealingLR(optimizer, {T_max, eta_min}) {}

double CosineAnnealingLR::next(std::int64_t step, std::size_t group, double rate) const {
  const auto [period, least] = options_;
  if (step == 0) return rate;
  // From the lowest point no factor leads up.
  if ((step - 1) % period == 0 && (step - 1) / period % 2 == 1)
    return rate + (base_lr(group) - least) * (1 - cosine(1, period)) / 2;
  return (1 + cosine(step, period)) / (1 + cosine(step - 1, period)) * (rate - least) + least;
}

SWALR::SWALR(Optimizer& optimizer, const SWALROptions& options)
    : LRScheduler(optimizer),
      options_(options),
      swa_lrs_(detail::for_groups("SWALR", "swa_lr", options.swa_lr, optimizer)) {
  require<ValueError>(options.anneal_epochs >= 0,
                      "SWALR: anneal_epochs is {}, it must not be negative", options.anneal_epochs);
  require<ValueError>(options.anneal_strategy == "cos" || options.anneal_strategy == "linear",
                      "SWALR: anneal_strategy '{}'; it is 'cos' or 'linear'",
                      options.anneal_strategy);
  begin();
}

double SWALR::next(std::int64_t step, std::size_t group, double rate) const {
  const std::int64_t epochs = std::max<std::int64_t>(1, options_.anneal_epochs);
  const std::int64_t now = options_.anneal_epochs == 0 ? std::max<std::int64_t>(1, step) : step;
  const auto done = [&](std::int64_t steps) {
    const double part =
        std::clamp(static_cast<double>(steps) / static_cast<double>(epochs), 0., 1.);
    return options_.anneal_strategy == "cos" ? (1 - std::cos(std::numbers::pi * part)) / 2 : part;
  };
  const double last = swa_lrs_[group];
  const double before = done(now - 1);
  const double first = before == 1 ? last : (rate - before * last) / (1 - before);
  return last * done(now) + first * (1 - done(now));
}

void SWALR::restart() {
  begin();
  step();
}

}  // namespace xgrad::optim
