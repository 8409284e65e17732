#pragma once
// One of each scheduler, for tests of what holds for all of them.

#include <xgrad/optim/optim.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace schedulers {

using namespace xgrad;  // NOLINT: as in the other tests

/// Schedulers of one optimiser, those they are made of before them.
struct Made {
  std::vector<std::shared_ptr<optim::SchedulerBase>> all;
  std::function<void(int step)> step;
  std::size_t saved = 1;  ///< the last so many are saved
};
using Make = std::function<Made(optim::Optimizer&)>;

template <class S, class... A>
std::shared_ptr<S> add(Made& made, A&&... arguments) {
  auto scheduler = std::make_shared<S>(std::forward<A>(arguments)...);
  made.all.push_back(scheduler);
  if constexpr (requires { scheduler->step(); })
    made.step = [scheduler](int) { scheduler->step(); };
  return scheduler;
}

template <class S, class Options>
Make one(const Options& options) {
  return [options](optim::Optimizer& optimizer) {
    Made made;
    add<S>(made, optimizer, options);
    return made;
  };
}

inline double metric(int i) { return std::abs(i * 37 % 23 - 11) / (1 + i / 10.); }

inline Make plateau(const optim::ReduceLROnPlateauOptions& options) {
  return [options](optim::Optimizer& optimizer) {
    Made made;
    const auto scheduler = add<optim::ReduceLROnPlateau>(made, optimizer, options);
    made.step = [scheduler](int i) { scheduler->step(metric(i)); };
    return made;
  };
}

inline Made sequence(optim::Optimizer& optimizer) {
  Made made;
  const auto warmup = add<optim::LinearLR>(
      made, optimizer, optim::LinearLROptions{.start_factor = 0.01, .total_iters = 20});
  const auto cosine = add<optim::CosineAnnealingLR>(made, optimizer, 80);
  add<optim::SequentialLR>(made, optimizer, optim::Schedulers{*warmup, *cosine},
                           std::vector<std::int64_t>{20});
  return made;
}

inline Made sequence_of_three(optim::Optimizer& optimizer) {
  Made made;
  const auto constant =
      add<optim::ConstantLR>(made, optimizer, optim::ConstantLROptions{.factor = 0.1});
  const auto falling = add<optim::ExponentialLR>(made, optimizer, 0.9);
  const auto by_steps = add<optim::StepLR>(made, optimizer, 10, 0.5);
  add<optim::SequentialLR>(made, optimizer, optim::Schedulers{*constant, *falling, *by_steps},
                           std::vector<std::int64_t>{10, 50});
  return made;
}

inline Made sequence_going_on(optim::Optimizer& optimizer) {
  Made made;
  const auto falling = add<optim::ExponentialLR>(made, optimizer, 0.9);
  const auto average = add<optim::SWALR>(made, optimizer, optim::SWALROptions{.swa_lr = 0.2});
  add<optim::SequentialLR>(made, optimizer, optim::Schedulers{*falling, *average},
                           std::vector<std::int64_t>{20});
  return made;
}

inline Made chain(optim::Optimizer& optimizer) {
  Made made;
  const auto constant = add<optim::ConstantLR>(
      made, optimizer, optim::ConstantLROptions{.factor = 0.1, .total_iters = 20});
  const auto falling = add<optim::ExponentialLR>(made, optimizer, 0.95);
  add<optim::ChainedScheduler>(made, optim::Schedulers{*constant, *falling});
  return made;
}

inline Made chain_of_cosine(optim::Optimizer& optimizer) {
  Made made;
  const auto warmup = add<optim::LinearLR>(
      made, optimizer, optim::LinearLROptions{.start_factor = 0.1, .total_iters = 10});
  const auto cosine = add<optim::CosineAnnealingLR>(made, optimizer, 40, 0.004);
  add<optim::ChainedScheduler>(made, optim::Schedulers{*warmup, *cosine});
  return made;
}

inline Made one_after_the_other(optim::Optimizer& optimizer) {
  Made made;
  const auto first = add<optim::StepLR>(made, optimizer, 25, 0.5);
  const auto second = add<optim::ExponentialLR>(made, optimizer, 0.99);
  made.step = [first, second](int) {
    first->step();
    second->step();
  };
  made.saved = 2;
  return made;
}

/// For an optimiser of two groups with momentum; in the order of schedulers.hpp.
inline std::vector<Make> all_schedulers() {
  using Factors = std::vector<optim::LambdaLR::Factor>;
  using optim::LambdaLR, optim::MultiplicativeLR, optim::SWALR, optim::SWALROptions;
  const auto step_by_step = [](std::int64_t step) { return std::pow(0.95, step); };
  const auto wave = [](std::int64_t step) { return 1 + 0.5 * std::cos(double(step)); };
  const auto part = [](std::int64_t step) { return 1 - 1 / double(step + 3); };
  return {
      one<optim::StepLR>(optim::StepLROptions{.step_size = 30}),
      one<optim::StepLR>(optim::StepLROptions{.step_size = 7, .gamma = 0.9}),
      one<LambdaLR>([](std::int64_t step) { return 1 / double(step + 2); }),
      one<LambdaLR>(Factors{step_by_step, wave}),
      one<MultiplicativeLR>(part),
      one<optim::MultiStepLR>(optim::MultiStepLROptions{.milestones = {30, 80}}),
      one<optim::MultiStepLR>(
          optim::MultiStepLROptions{.milestones = {1, 50, 50, 99}, .gamma = 0.5}),
      one<optim::ConstantLR>(optim::ConstantLROptions{}),
      one<optim::ConstantLR>(optim::ConstantLROptions{.factor = 0.5, .total_iters = 40}),
      one<optim::LinearLR>(optim::LinearLROptions{}),
      one<optim::LinearLR>(
          optim::LinearLROptions{.start_factor = 0.7, .end_factor = 0, .total_iters = 60}),
      one<optim::ExponentialLR>(optim::ExponentialLROptions{.gamma = 0.95}),
      one<optim::ExponentialLR>(optim::ExponentialLROptions{.gamma = 1.01}),
      one<optim::PolynomialLR>(optim::PolynomialLROptions{}),
      one<optim::PolynomialLR>(optim::PolynomialLROptions{.total_iters = 80, .power = 2.5}),
      one<optim::CosineAnnealingLR>(optim::CosineAnnealingLROptions{.T_max = 100}),
      one<optim::CosineAnnealingLR>(optim::CosineAnnealingLROptions{.T_max = 15, .eta_min = 0.01}),
      one<SWALR>(SWALROptions{.swa_lr = 0.2}),
      one<SWALR>(
          SWALROptions{.swa_lr = {0.2, 0.3}, .anneal_epochs = 60, .anneal_strategy = "linear"}),
      one<SWALR>(SWALROptions{.swa_lr = 0.2, .anneal_epochs = 0}),
      one<optim::CosineAnnealingWarmRestarts>(optim::CosineAnnealingWarmRestartsOptions{.T_0 = 10}),
      one<optim::CosineAnnealingWarmRestarts>(
          optim::CosineAnnealingWarmRestartsOptions{.T_0 = 5, .T_mult = 3, .eta_min = 0.002}),
      one<optim::CyclicLR>(
          optim::CyclicLROptions{.base_lr = 0.01, .max_lr = 0.1, .step_size_up = 20}),
      one<optim::CyclicLR>(optim::CyclicLROptions{.base_lr = {0.0005, 0.01},
                                                  .max_lr = 0.1,
                                                  .step_size_up = 8,
                                                  .step_size_down = 13,
                                                  .mode = "triangular2",
                                                  .base_momentum = 0.7,
                                                  .max_momentum = {0.95, 0.8}}),
      one<optim::CyclicLR>(optim::CyclicLROptions{
          .base_lr = 0.01, .max_lr = 0.1, .step_size_up = 20, .mode = "exp_range", .gamma = 0.97}),
      one<optim::CyclicLR>(
          optim::CyclicLROptions{.base_lr = 0.01,
                                 .max_lr = 0.1,
                                 .step_size_up = 11,
                                 .step_size_down = 9,
                                 .scale_fn = [](double cycle) { return 1 / cycle; },
                                 .cycle_momentum = false}),
      one<optim::OneCycleLR>(optim::OneCycleLROptions{.max_lr = 0.1, .total_steps = 100}),
      one<optim::OneCycleLR>(optim::OneCycleLROptions{.max_lr = {0.1, 2},
                                                      .epochs = 10,
                                                      .steps_per_epoch = 12,
                                                      .pct_start = 0.25,
                                                      .anneal_strategy = "linear",
                                                      .base_momentum = 0.8,
                                                      .max_momentum = 0.9,
                                                      .div_factor = 10,
                                                      .final_div_factor = 100}),
      one<optim::OneCycleLR>(optim::OneCycleLROptions{
          .max_lr = 0.1, .total_steps = 100, .pct_start = 0.4, .three_phase = true}),
      sequence,
      sequence_of_three,
      sequence_going_on,
      chain,
      chain_of_cosine,
      one_after_the_other,
      plateau({.patience = 3}),
      plateau({.mode = "max",
               .factor = 0.5,
               .patience = 2,
               .threshold = 0.1,
               .threshold_mode = "abs",
               .cooldown = 4,
               .min_lr = {0.01, 0.2}}),
  };
}

}  // namespace schedulers
