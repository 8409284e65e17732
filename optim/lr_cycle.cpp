#include <xgrad/autograd/raise.hpp>
#include <xgrad/optim/lr_cycle.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace xgrad::optim {
namespace detail {

MomentumCycle::MomentumCycle(Optimizer& optimizer, std::vector<double> base_lrs)
    : LRScheduler(optimizer, std::move(base_lrs)) {}

void MomentumCycle::cycle(const char* scheduler, const PerGroup& base_momentum,
                          const PerGroup& max_momentum) {
  require<ValueError>(!optimizer().momenta().empty(),
                      "{}: the optimiser has neither momentum nor betas to cycle; give "
                      "cycle_momentum = false",
                      scheduler);
  base_momenta_ = for_groups(scheduler, "base_momentum", base_momentum, optimizer());
  std::vector<double> most = for_groups(scheduler, "max_momentum", max_momentum, optimizer());
  for (const double value : base_momenta_) require_fraction(scheduler, "base_momentum", value);
  for (const double value : most) require_fraction(scheduler, "max_momentum", value);
  max_momenta_ = std::move(most);
}

void MomentumCycle::advance(std::int64_t step) {
  std::vector<double> momenta = max_momenta_;
  for (std::size_t group = 0; group < momenta.size(); ++group)
    momenta[group] = momentum(step, base_momenta_[group], max_momenta_[group]);
  LRScheduler::advance(step);
  if (cycles_momentum()) optimizer().set_momenta(momenta);
}

}  // namespace detail

CyclicLR::CyclicLR(Optimizer& optimizer, CyclicLROptions options)
    : MomentumCycle(optimizer,
                    detail::for_groups("CyclicLR", "base_lr", options.base_lr, optimizer)),
      options_(std::move(options)),
      max_lrs_(detail::for_groups("CyclicLR", "max_lr", options_.max_lr, optimizer)) {
  CyclicLROptions& o = options_;
  if (!o.step_size_down) o.step_size_down = o.step_size_up;
  detail::require_positive("CyclicLR", "step_size_up", o.step_size_up);
  detail::require_positive("CyclicLR", "step_size_down", *o.step_size_down);
  detail::require_not_negative("CyclicLR", "gamma", o.gamma);
  require<ValueError>(o.scale_mode == "cycle" || o.scale_mode == "iterations",
                      "CyclicLR: scale_mode '{}'; it is 'cycle' or 'iterations'", o.scale_mode);
  if (!o.scale_fn) {
    require<ValueError>(o.mode == "triangular" || o.mode == "triangular2" || o.mode == "exp_range",
                        "CyclicLR: mode '{}'; it is 'triangular', 'triangular2' or 'exp_range'",
                        o.mode);
    o.scale_mode = o.mode == "exp_range" ? "iterations" : "cycle";
    if (o.mode == "triangular") o.scale_fn = [](double) { return 1.; };
    if (o.mode == "triangular2") o.scale_fn = [](double cycle) { return std::exp2(1 - cycle); };
    if (o.mode == "exp_range")
      o.scale_fn = [gamma = o.gamma](double step) { return std::pow(gamma, step); };
  }
  if (o.cycle_momentum) cycle("CyclicLR", o.base_momentum, o.max_momentum);
  begin();
}

double CyclicLR::height(std::int64_t step) const {
  const double up = static_cast<double>(options_.step_size_up);
  const double cycles =
      static_cast<double>(step) / (up + static_cast<double>(*options_.step_size_down));
  const double turn = up / (up + static_cast<double>(*options_.step_size_down));
  const double cycle = std::floor(1 + cycles);
  const double place = 1 + cycles - cycle;
  const double rise = place <= turn ? place / turn : (place - 1) / (turn - 1);
  return rise *
         options_.scale_fn(options_.scale_mode == "cycle" ? cycle : static_cast<double>(step));
}

double CyclicLR::next(std::int64_t step, std::size_t group, double) const {
  return base_lr(group) + (max_lrs_[group] - base_lr(group)) * height(step);
}

double CyclicLR::momentum(std::int64_t step, double base, double max) const {
  return max - (max - base) * height(step);
}

namespace {

std::int64_t steps_of(const OneCycleLROptions& o) {
  require<ValueError>(o.total_steps || (o.epochs && o.steps_per_epoch),
                      "OneCycleLR: the number of steps is missing; give total_steps, or epochs and "
                      "steps_per_epoch");
  if (o.total_steps) {
    detail::require_positive("OneCycleLR", "total_steps", *o.total_steps);
    return *o.total_steps;
  }
  detail::require_positive("OneCycleLR", "epochs", *o.epochs);
  detail::require_positive("OneCycleLR", "steps_per_epoch", *o.steps_per_epoch);
  require<ValueError>(*o.epochs <= std::numeric_limits<std::int64_t>::max() / *o.steps_per_epoch,
                      "OneCycleLR: {} epochs of {} steps are more than there are numbers for",
                      *o.epochs, *o.steps_per_epoch);
  return *o.epochs * *o.steps_per_epoch;
}

}  // namespace

OneCycleLR::OneCycleLR(Optimizer& optimizer, OneCycleLROptions options)
    : MomentumCycle(optimizer, optimizer.learning_rates()),
      options_(std::move(options)),
      max_lrs_(detail::for_groups("OneCycleLR", "max_lr", options_.max_lr, optimizer)),
      total_steps_(steps_of(options_)) {
  const OneCycleLROptions& o = options_;
  require<ValueError>(o.pct_start >= 0 && o.pct_start <= 1,
                      "OneCycleLR: pct_start is {}, it must lie in [0, 1]", o.pct_start);
  require<ValueError>(o.anneal_strategy == "cos" || o.anneal_strategy == "linear",
                      "OneCycleLR: anneal_strategy '{}'; it is 'cos' or 'linear'",
                      o.anneal_strategy);
  for (const auto& [option, value] :
       {std::pair("div_factor", o.div_factor), std::pair("final_div_factor", o.final_div_factor)})
    require<ValueError>(value > 0 && std::isfinite(value),
                        "OneCycleLR: {} is {}, it must be finite and positive", option, value);
  if (o.cycle_momentum) cycle("OneCycleLR", o.base_momentum, o.max_momentum);
  const double total = static_cast<double>(total_steps_);
  phases_.push_back({o.pct_start * total - 1, Level::initial, Level::max});
  if (o.three_phase) phases_.push_back({2 * o.pct_start * total - 2, Level::max, Level::initial});
  phases_.push_back({total - 1, o.three_phase ? Level::initial : Level::max, Level::min});
  begin();
}

OneCycleLR::Place OneCycleLR::place(std::int64_t step) const {
  require<ValueError>(step <= total_steps_, "OneCycleLR: step {} of a schedule of {} steps", step,
                      total_steps_);
  const double now = static_cast<double>(step);
  double start = 0;
  for (const Phase& phase : phases_) {
    if (now <= phase.end_step || &phase == &phases_.back()) {
      const double length = phase.end_step - start;
      return {phase, length > 0 ? std::min((now - start) / length, 1.) : 1.};
    }
    start = phase.end_step;
  }
  return {};
}

double OneCycleLR::between(double from, double to, double done) const {
  if (options_.anneal_strategy == "cos")
    return to + (from - to) / 2 * (std::cos(std::numbers::pi * done) + 1);
  return std::lerp(from, to, done);
}

double OneCycleLR::next(std::int64_t step, std::size_t group, double) const {
  const auto rate = [&](Level level) {
    const double max = max_lrs_[group];
    const double initial = max / options_.div_factor;
    return level == Level::max       ? max
           : level == Level::initial ? initial
                                     : initial / options_.final_div_factor;
  };
  const Place now = place(step);
  return between(rate(now.phase.from), rate(now.phase.to), now.done);
}

double OneCycleLR::momentum(std::int64_t step, double base, double max) const {
  const auto at = [&](Level level) { return level == Level::max ? base : max; };
  const Place now = place(step);
  return between(at(now.phase.from), at(now.phase.to), now.done);
}

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(
    Optimizer& optimizer, const CosineAnnealingWarmRestartsOptions& options)
    : LRScheduler(optimizer), options_(options), period_(static_cast<double>(options.T_0)) {
  constexpr auto name = "CosineAnnealingWarmRestarts";
  detail::require_positive(name, "T_0", options.T_0);
  detail::require_positive(name, "T_mult", options.T_mult);
  detail::require_not_negative(name, "eta_min", options.eta_min);
  begin();
}

void CosineAnnealingWarmRestarts::step(double epoch) {
  // Beyond that no step is counted one by one.
  constexpr double most = 1LL << 53;
  require<ValueError>(epoch >= 0 && epoch <= most,
                      "CosineAnnealingWarmRestarts: epoch is {}, it must lie in [0, 2⁵³]", epoch);
  double start = 0;
  period_ = static_cast<double>(options_.T_0);
  if (options_.T_mult == 1) {
    since_ = std::fmod(epoch, period_);
  } else {
    for (; epoch - start >= period_; period_ *= static_cast<double>(options_.T_mult))
      start += period_;
    since_ = epoch - start;
  }
  set_steps(static_cast<std::int64_t>(std::floor(epoch)));
  LRScheduler::advance(steps());
}

double CosineAnnealingWarmRestarts::next(std::int64_t, std::size_t group, double) const {
  const double least = options_.eta_min;
  return least + (base_lr(group) - least) * (1 + std::cos(std::numbers::pi * since_ / period_)) / 2;
}

void CosineAnnealingWarmRestarts::advance(std::int64_t step) {
  since_ = step == 0 ? 0 : since_ + 1;
  if (step == 0) period_ = static_cast<double>(options_.T_0);
  if (since_ >= period_) {
    since_ -= period_;
    period_ *= static_cast<double>(options_.T_mult);
  }
  LRScheduler::advance(step);
}

std::vector<detail::Remembered> CosineAnnealingWarmRestarts::state() {
  std::vector<detail::Remembered> all = LRScheduler::state();
  all.push_back({"T_cur", &since_});
  all.push_back({"T_i", &period_});
  return all;
}

}  // namespace xgrad::optim
