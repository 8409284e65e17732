#pragma once
// PyTorch's schedulers, whose names, options and numbers these are: what they share, and those that
// are made of others. lr_decay.hpp has those that fall, lr_cycle.hpp those that rise as well,
// lr_plateau.hpp the one that goes by a metric.

#include <xgrad/ops/resample.hpp>
#include <xgrad/optim/optimizer.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

/// A number for each of the optimiser's groups, or one for all of them.
using PerGroup = PerAxis<double>;

namespace detail {

class CompositeLR;

/// What a scheduler remembers, and the name it is saved under.
struct Remembered {
  std::string name;
  std::variant<std::int64_t*, double*, std::vector<double>*> value;
};

/// ValueError unless an option of a scheduler is positive.
void require_positive(const char* scheduler, const char* option, std::int64_t value);
/// One for each group; ValueError where they are neither one nor as many, negative or not finite.
std::vector<double> for_groups(const char* scheduler, const char* option, const PerGroup& given,
                               Optimizer& optimizer);

}  // namespace detail

/// What changes an optimiser's rates in the course of a training. The optimiser must live as long.
class SchedulerBase {
 public:
  virtual ~SchedulerBase() = default;
  SchedulerBase(const SchedulerBase&) = delete;
  SchedulerBase& operator=(const SchedulerBase&) = delete;

  /// The rate of each group as it is now.
  std::vector<double> get_last_lr() const { return optimizer_.learning_rates(); }

  /// All that it needs to go on as if it had never stopped, the optimiser's rates with it (and its
  /// momenta, where they are cycled); its options are not in it.
  NamedTensors state_dict();
  /// Copies values in, and sets the rates. ValueError, and nothing changed, for what does not fit.
  void load_state_dict(const NamedTensors& values);

 protected:
  explicit SchedulerBase(Optimizer& optimizer);

  Optimizer& optimizer() const noexcept { return optimizer_; }
  /// The rates that schedules start from: those the optimiser has, or had before other schedulers
  /// changed them, if nobody else did since.
  std::vector<double> initial_lrs() const;
  void set_rates(const std::vector<double>& rates);

  virtual std::vector<detail::Remembered> state() = 0;
  virtual bool cycles_momentum() const { return false; }

 private:
  std::vector<detail::Remembered> saved(std::vector<double>& rates, std::vector<double>& momenta);

  Optimizer& optimizer_;
};

/// Schedules that go by their own steps: step() after the optimiser's step, or after each epoch.
///
///     optim::StepLR scheduler(optimizer, 30);
///     for (int epoch = 0; epoch < 90; ++epoch) {
///       train(…);
///       scheduler.step();
///     }
///
/// Most change the rate that they find, so several of one optimiser may be stepped one after the
/// other and their factors multiply. Where it is said that a schedule sets its rates, it does not
/// look at the one before.
///
/// One's own says the rate of each step:
///
///     class HalvingLR : public optim::LRScheduler {
///      public:
///       explicit HalvingLR(optim::Optimizer& optimizer) : LRScheduler(optimizer) {}
///
///      protected:
///       double next(std::int64_t step, std::size_t, double rate) const override {
///         return step == 0 ? rate : rate / 2;
///       }
///     };
class LRScheduler : public SchedulerBase {
 public:
  /// One step on.
  void step();
  /// How many there were.
  std::int64_t steps() const noexcept { return steps_; }

 protected:
  /// The base rates are the optimiser's, or those it had before other schedulers that were made
  /// for it.
  explicit LRScheduler(Optimizer& optimizer);
  LRScheduler(Optimizer& optimizer, std::vector<double> base_lrs);

  /// A group's rate in a step, where it is `rate` before; the step before the first step() is 0,
  /// and `rate` is what the constructor found.
  virtual double next(std::int64_t step, std::size_t group, double rate) const;
  /// Goes to a step: every group gets its next() rate.
  virtual void advance(std::int64_t step);
  /// Starts anew in the middle of a sequence: from the base rates, unless it says otherwise.
  virtual void restart();

  /// Sets the rates of step 0, for constructors. Needless where they are those that are there.
  void begin();
  double base_lr(std::size_t group) const { return base_lrs_[group]; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  std::vector<detail::Remembered> state() override;

 private:
  friend class detail::CompositeLR;
  friend class ChainedScheduler;
  friend class SequentialLR;

  std::vector<double> base_lrs_;
  std::int64_t steps_ = 0;
};

/// Schedulers of one optimiser; they must live as long as what is made of them.
using Schedulers = std::vector<std::reference_wrapper<LRScheduler>>;

namespace detail {

/// What is made of schedulers saves theirs behind their numbers, "0.step".
class CompositeLR : public LRScheduler {
 protected:
  CompositeLR(const char* name, Optimizer& optimizer, Schedulers schedulers);
  const Schedulers& parts() const noexcept { return schedulers_; }
  bool cycles_momentum() const override;
  std::vector<Remembered> state() override;

 private:
  Schedulers schedulers_;
};

}  // namespace detail

/// One scheduler until the first milestone, the next one until the second, and so on; each starts
/// anew at its milestone. A warm-up in front of another schedule:
///
///     optim::LinearLR warmup(optimizer, {.start_factor = 0.01, .total_iters = 500});
///     optim::CosineAnnealingLR cosine(optimizer, {.T_max = 9500});
///     optim::SequentialLR scheduler(optimizer, {warmup, cosine}, {500});
class SequentialLR : public detail::CompositeLR {
 public:
  /// ValueError unless there is one milestone fewer than schedulers, and they rise from above 0;
  /// for schedulers of another optimiser.
  SequentialLR(Optimizer& optimizer, Schedulers schedulers, std::vector<std::int64_t> milestones);

 protected:
  void advance(std::int64_t step) override;

 private:
  std::vector<std::int64_t> milestones_;
};

/// Several schedulers stepped one after the other, so that their factors multiply.
class ChainedScheduler : public detail::CompositeLR {
 public:
  /// ValueError for none, and for schedulers of different optimisers.
  explicit ChainedScheduler(const Schedulers& schedulers);

 protected:
  void advance(std::int64_t step) override;

 private:
  static Optimizer& optimizer_of(const Schedulers& schedulers);
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
