#pragma once
#include <xgrad/optim/lr_scheduler.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::optim {

namespace detail {

/// Schedules that set the rates, and may move the momenta against them.
class MomentumCycle : public LRScheduler {
 protected:
  MomentumCycle(Optimizer& optimizer, std::vector<double> base_lrs);
  /// ValueError for momenta outside [0, 1), and of an optimiser that has none.
  void cycle(const char* scheduler, const PerGroup& base_momentum, const PerGroup& max_momentum);

  /// A group's momentum in a step, between these two.
  virtual double momentum(std::int64_t step, double base, double max) const = 0;
  void advance(std::int64_t step) override;
  bool cycles_momentum() const override { return !max_momenta_.empty(); }

 private:
  std::vector<double> base_momenta_;
  std::vector<double> max_momenta_;
};

}  // namespace detail

struct CyclicLROptions {
  PerGroup base_lr;
  PerGroup max_lr;
  std::int64_t step_size_up = 2000;
  std::optional<std::int64_t> step_size_down = {};  ///< step_size_up where it is not given
  /// The height of a cycle: always the same ("triangular"), halved from each to the next
  /// ("triangular2"), or gamma^step ("exp_range").
  std::string mode = "triangular";
  double gamma = 1;
  /// The height, instead of by mode, of the number of the cycle, from 1, or of the step.
  std::function<double(double)> scale_fn = {};
  std::string scale_mode = "cycle";  ///< or "iterations": what scale_fn is a function of
  bool cycle_momentum = true;        ///< the momentum falls where the rate rises
  PerGroup base_momentum = 0.8;
  PerGroup max_momentum = 0.9;
};

/// Straight from `base_lr` up to `max_lr` and down again, over and over (Smith, arXiv:1506.01186).
/// It sets the rates and momenta, the first at once; the optimiser's own rates do not count.
class CyclicLR : public detail::MomentumCycle {
 public:
  /// ValueError for options outside their ranges, and to cycle the momentum of an optimiser that
  /// has none.
  CyclicLR(Optimizer& optimizer, CyclicLROptions options);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;
  double momentum(std::int64_t step, double base, double max) const override;

 private:
  /// How much of the way from the base to the top it is in a step.
  double height(std::int64_t step) const;

  CyclicLROptions options_;
  std::vector<double> max_lrs_;
};

struct OneCycleLROptions {
  PerGroup max_lr;
  std::optional<std::int64_t> total_steps = {};  ///< or both of the next two
  std::optional<std::int64_t> epochs = {};
  std::optional<std::int64_t> steps_per_epoch = {};
  double pct_start = 0.3;               ///< the part of the steps that the rate rises
  std::string anneal_strategy = "cos";  ///< or "linear"
  bool cycle_momentum = true;           ///< it falls where the rate rises
  PerGroup base_momentum = 0.85;
  PerGroup max_momentum = 0.95;
  double div_factor = 25;         ///< max_lr by the first rate
  double final_div_factor = 1e4;  ///< the first rate by the last one
  bool three_phase = false;       ///< down to the first rate as fast as up, then to the last one
};

/// Up to `max_lr` and down to next to nothing in a training of so many steps (Smith and Topin,
/// arXiv:1708.07120), a step() after each batch. It sets the rates and momenta, the first at once;
/// the optimiser's own rates do not count. A step() beyond the last one is a ValueError. After that
/// one the rate stays where it was, where PyTorch's goes on past its end, below 0 if need be.
class OneCycleLR : public detail::MomentumCycle {
 public:
  /// ValueError for options outside their ranges, without a number of steps, and to cycle the
  /// momentum of an optimiser that has none.
  OneCycleLR(Optimizer& optimizer, OneCycleLROptions options);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;
  double momentum(std::int64_t step, double base, double max) const override;

 private:
  /// A phase ends in a step, at a rate and a momentum; from where the one before ended.
  enum class Level : std::uint8_t { initial, max, min };
  struct Phase {
    double end_step;
    Level from;
    Level to;
  };
  struct Place {
    Phase phase;
    double done;  // of the phase, 0 to 1
  };
  Place place(std::int64_t step) const;
  double between(double from, double to, double done) const;

  OneCycleLROptions options_;
  std::vector<double> max_lrs_;
  std::int64_t total_steps_;
  std::vector<Phase> phases_;
};

struct CosineAnnealingWarmRestartsOptions {
  std::int64_t T_0;         ///< steps until the first restart
  std::int64_t T_mult = 1;  ///< times which each cycle takes as long as the one before
  double eta_min = 0;
};

/// Half a cosine from the base rate down to `eta_min`, over and over (Loshchilov and Hutter,
/// arXiv:1608.03983). It sets the rates.
class CosineAnnealingWarmRestarts : public LRScheduler {
 public:
  /// ValueError for options outside their ranges.
  CosineAnnealingWarmRestarts(Optimizer& optimizer,
                              const CosineAnnealingWarmRestartsOptions& options);

  using LRScheduler::step;
  /// Goes to a place between epochs: epoch + batch / batches, after each batch. ValueError where it
  /// is negative or not finite.
  void step(double epoch);

 protected:
  double next(std::int64_t step, std::size_t group, double rate) const override;
  void advance(std::int64_t step) override;
  std::vector<detail::Remembered> state() override;

 private:
  CosineAnnealingWarmRestartsOptions options_;
  double since_ = 0;  // the last restart
  double period_;
};

}  // namespace xgrad::optim

#pragma GCC visibility pop
