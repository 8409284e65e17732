#include <xgrad/autograd/raise.hpp>
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

}  // namespace xgrad::optim
