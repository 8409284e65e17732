#pragma once
#include <xgrad/optim/optimizer.hpp>

#include <cstdint>
#include <functional>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

/// The factor of a learning rate when a part `progress` of the training, 0 to 1, is done. It knows
/// no steps, so the same schedule fits a training of any length.
using Schedule = std::function<double(double progress)>;

namespace schedule {

Schedule constant();
/// Straight from `first` at the beginning to `last` when `until` is done, and `last` from there on.
/// ValueError unless 0 < until ≤ 1.
Schedule linear(double first = 1, double last = 0, double until = 1);
/// Straight from `first` up to 1 when `peak` is done, then straight to `last`. ValueError unless
/// 0 < peak < 1.
Schedule triangle(double first, double peak, double last = 0);
/// Up from 0 while `warmup` is done, then half a cosine from 1 down to `last` (Loshchilov and
/// Hutter, arXiv:1608.03983, without restarts). ValueError unless 0 ≤ warmup < 1.
Schedule cosine(double warmup = 0, double last = 0);

}  // namespace schedule

/// Holds an optimiser's learning rates to a schedule:
///
///     optim::Scheduler scheduler(optimizer, optim::schedule::cosine(0.05));
///     scheduler.set(double(step) / steps);  // before each step
class Scheduler {
 public:
  /// The learning rates the optimiser has now are those at factor 1. The optimiser must live as
  /// long as this. ValueError for an empty schedule.
  Scheduler(Optimizer& optimizer, Schedule schedule);
  /// Sets every group's rate to its own times the schedule's factor. ValueError unless `progress`
  /// is in [0, 1].
  void set(double progress);

 private:
  Optimizer& optimizer_;
  Schedule schedule_;
  std::vector<double> rates_;
};

/// Schedules that go by their own steps, as PyTorch's do: step() after the optimiser's step, or
/// after each epoch.
///
///     optim::StepLR scheduler(optimizer, 30);
///     for (int epoch = 0; epoch < 90; ++epoch) {
///       train(…);
///       scheduler.step();
///     }
class LRScheduler {
 public:
  virtual ~LRScheduler() = default;
  LRScheduler(const LRScheduler&) = delete;
  LRScheduler& operator=(const LRScheduler&) = delete;

  /// One step on: every group's rate becomes its own times the factor of that step.
  void step();
  /// How many there were.
  std::int64_t steps() const noexcept { return steps_; }

  /// The steps and the rates at factor 1: with the optimiser's state and the parameters all that a
  /// training needs to go on.
  NamedTensors state_dict() const;
  /// Copies values in, and sets the rates. ValueError, and nothing changed, for what does not fit.
  void load_state_dict(const NamedTensors& values);

 protected:
  /// The rates that the optimiser has now are those at factor 1. The optimiser must live as long as
  /// this.
  explicit LRScheduler(Optimizer& optimizer);
  virtual double factor(std::int64_t step, std::size_t group) const = 0;
  /// Sets the rates of the step that is now; of the first, for the constructors of what derives.
  void set_rates() { set_rates(steps_, rates_); }

 private:
  void set_rates(std::int64_t step, const std::vector<double>& rates);

  Optimizer& optimizer_;
  std::vector<double> rates_;
  std::int64_t steps_ = 0;
};

struct StepLROptions {
  std::int64_t step_size;
  double gamma = 0.1;
};

/// Times `gamma` after every `step_size` steps.
class StepLR : public LRScheduler {
 public:
  /// ValueError unless step_size is positive and gamma finite and not negative.
  StepLR(Optimizer& optimizer, const StepLROptions& options);
  StepLR(Optimizer& optimizer, std::int64_t step_size, double gamma = 0.1);

 protected:
  double factor(std::int64_t step, std::size_t group) const override;

 private:
  StepLROptions options_;
};

/// A factor for each step, from 0 on, which is set at once.
class LambdaLR : public LRScheduler {
 public:
  using Factor = std::function<double(std::int64_t step)>;
  /// ValueError for an empty function.
  LambdaLR(Optimizer& optimizer, Factor factor);
  /// One for each group; ValueError for another number of them.
  LambdaLR(Optimizer& optimizer, std::vector<Factor> factors);

 protected:
  double factor(std::int64_t step, std::size_t group) const override;

 private:
  std::vector<Factor> factors_;  // of each group
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
