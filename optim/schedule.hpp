#pragma once
#include <xgrad/optim/optimizer.hpp>

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

}  // namespace xgrad::optim

#pragma GCC visibility pop
