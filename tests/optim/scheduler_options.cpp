// Schedulers that make no sense, and states that do not fit.

#include <xgrad/optim/optim.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;

namespace {

Tensor leaf() { return ones({1}, {.requires_grad = true}); }

/// What making an S of these options says.
template <class S>
std::string refusal(optim::Optimizer& optimizer, const auto& options) {
  return message_of<ValueError>([&] { S(optimizer, options); });
}

struct BareOptions {
  double lr = 1;
};
class Bare : public optim::OptimizerOf<BareOptions> {
 public:
  Bare() : OptimizerOf("Bare", {{{leaf()}, {}}}, {}) {}

 protected:
  void update(const BareOptions&, optim::Slot&) override {}
};

}  // namespace

TEST_CASE("options of the falling schedules that make no sense are errors") {
  optim::SGD o({leaf()}, {.lr = 1});
  CHECK(refusal<optim::StepLR>(o, optim::StepLROptions{}) ==
        "StepLR: step_size is 0, it must be positive");
  CHECK(refusal<optim::StepLR>(o, optim::StepLROptions{.step_size = 1, .gamma = -1}) ==
        "StepLR: gamma is -1, it must be finite and not negative");
  CHECK(refusal<optim::LambdaLR>(o, optim::LambdaLR::Factor()) == "LambdaLR: a function is empty");
  CHECK(refusal<optim::MultiplicativeLR>(o, std::vector<optim::LambdaLR::Factor>()) ==
        "MultiplicativeLR: 0 functions for 1 groups");
  using Milestones = std::vector<std::int64_t>;
  CHECK(refusal<optim::MultiStepLR>(o, Milestones{3, 2}) ==
        "MultiStepLR: milestone 2 comes after 3; they must rise from 0");
  CHECK(refusal<optim::MultiStepLR>(o, Milestones{-1}) ==
        "MultiStepLR: milestone -1 comes after 0; they must rise from 0");
  CHECK(refusal<optim::MultiStepLR>(
            o, optim::MultiStepLROptions{.milestones = {1}, .gamma = double(NAN)}) ==
        "MultiStepLR: gamma is nan, it must be finite and not negative");
  CHECK(refusal<optim::ConstantLR>(o, optim::ConstantLROptions{.factor = 1.5}) ==
        "ConstantLR: factor is 1.5, it must lie in [0, 1]");
  CHECK(refusal<optim::ConstantLR>(o, optim::ConstantLROptions{.total_iters = 0}) ==
        "ConstantLR: total_iters is 0, it must be positive");
  CHECK(refusal<optim::LinearLR>(o, optim::LinearLROptions{.start_factor = 0}) ==
        "LinearLR: start_factor is 0, it must lie in (0, 1]");
  CHECK(refusal<optim::LinearLR>(o, optim::LinearLROptions{.end_factor = double(NAN)}) ==
        "LinearLR: end_factor is nan, it must lie in [0, 1]");
  CHECK(refusal<optim::LinearLR>(o, optim::LinearLROptions{.total_iters = -1}) ==
        "LinearLR: total_iters is -1, it must be positive");
  CHECK(refusal<optim::ExponentialLR>(o, double(INFINITY)) ==
        "ExponentialLR: gamma is inf, it must be finite and not negative");
  CHECK(refusal<optim::PolynomialLR>(o, optim::PolynomialLROptions{.total_iters = 0}) ==
        "PolynomialLR: total_iters is 0, it must be positive");
  CHECK(refusal<optim::PolynomialLR>(o, optim::PolynomialLROptions{.power = -1}) ==
        "PolynomialLR: power is -1, it must be finite and not negative");
  CHECK(refusal<optim::CosineAnnealingLR>(o, 0) ==
        "CosineAnnealingLR: T_max is 0, it must be positive");
  CHECK(refusal<optim::CosineAnnealingLR>(
            o, optim::CosineAnnealingLROptions{.T_max = 1, .eta_min = -1}) ==
        "CosineAnnealingLR: eta_min is -1, it must be finite and not negative");
  CHECK(refusal<optim::SWALR>(o, optim::SWALROptions{}) ==
        "SWALR: swa_lr has 0 values for 1 groups");
  CHECK(refusal<optim::SWALR>(o, optim::SWALROptions{.swa_lr = 1, .anneal_epochs = -1}) ==
        "SWALR: anneal_epochs is -1, it must not be negative");
  CHECK(refusal<optim::SWALR>(o, optim::SWALROptions{.swa_lr = 1, .anneal_strategy = "exp"}) ==
        "SWALR: anneal_strategy 'exp'; it is 'cos' or 'linear'");
  CHECK(o.lr() == 1);
}

TEST_CASE("options of the cycles that make no sense are errors") {
  optim::SGD o({leaf()}, {.lr = 1});
  using Cyclic = optim::CyclicLROptions;
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{}) == "CyclicLR: base_lr has 0 values for 1 groups");
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{.base_lr = 0.1, .max_lr = {1, 2}}) ==
        "CyclicLR: max_lr has 2 values for 1 groups");
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{.base_lr = -0.1, .max_lr = 1}) ==
        "CyclicLR: base_lr is -0.1, it must be finite and not negative");
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{.base_lr = 0, .max_lr = 1, .step_size_up = 0}) ==
        "CyclicLR: step_size_up is 0, it must be positive");
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{.base_lr = 0, .max_lr = 1, .step_size_down = 0}) ==
        "CyclicLR: step_size_down is 0, it must be positive");
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{.base_lr = 0, .max_lr = 1, .mode = "round"}) ==
        "CyclicLR: mode 'round'; it is 'triangular', 'triangular2' or 'exp_range'");
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{.base_lr = 0, .max_lr = 1, .scale_mode = "step"}) ==
        "CyclicLR: scale_mode 'step'; it is 'cycle' or 'iterations'");
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{.base_lr = 0, .max_lr = 1, .gamma = -1}) ==
        "CyclicLR: gamma is -1, it must be finite and not negative");
  CHECK(refusal<optim::CyclicLR>(o, Cyclic{.base_lr = 0, .max_lr = 1, .max_momentum = 1}) ==
        "CyclicLR: max_momentum is 1, it must lie in [0, 1)");
  using Once = optim::OneCycleLROptions;
  CHECK(refusal<optim::OneCycleLR>(o, Once{.max_lr = 1}) ==
        "OneCycleLR: the number of steps is missing; give total_steps, or epochs and "
        "steps_per_epoch");
  CHECK(refusal<optim::OneCycleLR>(o, Once{.max_lr = 1, .epochs = 3}) ==
        "OneCycleLR: the number of steps is missing; give total_steps, or epochs and "
        "steps_per_epoch");
  CHECK(refusal<optim::OneCycleLR>(o, Once{.max_lr = 1, .total_steps = 0}) ==
        "OneCycleLR: total_steps is 0, it must be positive");
  CHECK(refusal<optim::OneCycleLR>(o, Once{.max_lr = 1, .epochs = 1, .steps_per_epoch = -1}) ==
        "OneCycleLR: steps_per_epoch is -1, it must be positive");
  CHECK(refusal<optim::OneCycleLR>(
            o, Once{.max_lr = 1, .epochs = 1LL << 40, .steps_per_epoch = 1LL << 30}) ==
        "OneCycleLR: 1099511627776 epochs of 1073741824 steps are more than there are numbers for");
  CHECK(refusal<optim::OneCycleLR>(o, Once{.max_lr = 1, .total_steps = 5, .pct_start = 1.5}) ==
        "OneCycleLR: pct_start is 1.5, it must lie in [0, 1]");
  CHECK(refusal<optim::OneCycleLR>(
            o, Once{.max_lr = 1, .total_steps = 5, .anneal_strategy = "sine"}) ==
        "OneCycleLR: anneal_strategy 'sine'; it is 'cos' or 'linear'");
  CHECK(refusal<optim::OneCycleLR>(o, Once{.max_lr = 1, .total_steps = 5, .div_factor = 0}) ==
        "OneCycleLR: div_factor is 0, it must be finite and positive");
  CHECK(refusal<optim::OneCycleLR>(
            o, Once{.max_lr = 1, .total_steps = 5, .base_momentum = double(NAN)}) ==
        "OneCycleLR: base_momentum is nan, it must be finite and not negative");
  CHECK(o.lr() == 1);

  Bare bare;
  CHECK(bare.momenta().empty());
  CHECK(refusal<optim::OneCycleLR>(bare, Once{.max_lr = 1, .total_steps = 5}) ==
        "OneCycleLR: the optimiser has neither momentum nor betas to cycle; give "
        "cycle_momentum = false");
  optim::OneCycleLR alone(bare, {.max_lr = 1, .total_steps = 5, .cycle_momentum = false});
  CHECK(bare.lr() == doctest::Approx(0.04));

  using Restarts = optim::CosineAnnealingWarmRestartsOptions;
  CHECK(refusal<optim::CosineAnnealingWarmRestarts>(o, Restarts{}) ==
        "CosineAnnealingWarmRestarts: T_0 is 0, it must be positive");
  CHECK(refusal<optim::CosineAnnealingWarmRestarts>(o, Restarts{.T_0 = 1, .T_mult = 0}) ==
        "CosineAnnealingWarmRestarts: T_mult is 0, it must be positive");
}

TEST_CASE("a plateau and what is made of schedulers refuse what makes no sense") {
  optim::SGD o({leaf()}, {.lr = 1});
  using Plateau = optim::ReduceLROnPlateauOptions;
  const auto plateau = [&](const Plateau& options) {
    return refusal<optim::ReduceLROnPlateau>(o, options);
  };
  CHECK(plateau({.mode = "low"}) == "ReduceLROnPlateau: mode 'low'; it is 'min' or 'max'");
  CHECK(plateau({.factor = 1}) == "ReduceLROnPlateau: factor is 1, it must lie in [0, 1)");
  CHECK(plateau({.patience = -1}) ==
        "ReduceLROnPlateau: patience is -1 and cooldown 0, they must not be negative");
  CHECK(plateau({.threshold = double(NAN)}) ==
        "ReduceLROnPlateau: threshold is nan, it must be finite and not negative");
  CHECK(plateau({.threshold_mode = "none"}) ==
        "ReduceLROnPlateau: threshold_mode 'none'; it is 'rel' or 'abs'");
  CHECK(plateau({.min_lr = {0., 1.}}) == "ReduceLROnPlateau: min_lr has 2 values for 1 groups");
  CHECK(plateau({.eps = -1}) == "ReduceLROnPlateau: eps is -1, it must be finite and not negative");

  optim::SGD other({leaf()}, {.lr = 1});
  optim::StepLR first(o, 2);
  optim::StepLR second(o, 3);
  optim::StepLR foreign(other, 3);
  const auto sequence = [&](const optim::Schedulers& parts,
                            const std::vector<std::int64_t>& milestones) {
    return message_of<ValueError>([&] { optim::SequentialLR(o, parts, milestones); });
  };
  CHECK(sequence({first, second}, {}) ==
        "SequentialLR: 2 schedulers need one milestone fewer, 0 are given");
  CHECK(sequence({}, {}) == "SequentialLR: 0 schedulers need one milestone fewer, 0 are given");
  CHECK(sequence({first, second, first}, {5, 5}) ==
        "SequentialLR: milestone 5 comes after 5; they must rise from above 0");
  CHECK(sequence({first, second}, {0}) ==
        "SequentialLR: milestone 0 comes after 0; they must rise from above 0");
  CHECK(sequence({first, foreign}, {5}) == "SequentialLR: scheduler 1 is of another optimiser");
  CHECK(message_of<ValueError>([&] { optim::ChainedScheduler(optim::Schedulers{}); }) ==
        "ChainedScheduler: no schedulers");
  CHECK(message_of<ValueError>([&] {
          optim::ChainedScheduler({first, foreign});
        }) == "ChainedScheduler: scheduler 1 is of another optimiser");
}

TEST_CASE("a plateau reduces groups that came later, and tells where no least rate is known") {
  optim::SGD o({leaf()}, {.lr = 1});
  optim::ReduceLROnPlateau one(o, {.factor = 0.5, .patience = 0, .min_lr = 0.25});
  optim::SGD two(std::vector<optim::SGD::Group>{{{leaf()}, {.lr = 1}}, {{leaf()}, {.lr = 1}}});
  optim::ReduceLROnPlateau of_two(two, {.patience = 0, .min_lr = {0., 0.}});
  o.add_group({leaf()});
  two.add_group({leaf()});
  one.step(1);
  one.step(2);
  CHECK(o.learning_rates() == std::vector<double>{0.5, 0.5});
  CHECK(message_of<ValueError>([&] { of_two.step(1); }) ==
        "ReduceLROnPlateau: min_lr has 2 values for 3 groups");
  CHECK(of_two.best() == INFINITY);
}

TEST_CASE("a state that does not fit a scheduler changes nothing") {
  optim::SGD o({leaf()}, {.lr = 1, .momentum = 0.5});
  optim::CosineAnnealingWarmRestarts restarts(o, {.T_0 = 5});
  restarts.step(2.5);
  const double rate = o.lr();
  const auto refused = [&](const NamedTensors& state) {
    const std::string message = message_of<ValueError>([&] { restarts.load_state_dict(state); });
    CHECK(o.lr() == rate);
    CHECK(restarts.steps() == 2);
    return message;
  };
  auto state = restarts.state_dict();
  REQUIRE(state.size() == 5);
  CHECK(state[2].first == "T_cur");
  CHECK(state[2].second.item() == 2.5);
  state[2].first = "T_now";
  CHECK(refused(state) == "load_state_dict: the state does not fit:\n  unexpected: T_now []");
  state.erase(state.begin() + 2);
  CHECK(refused(state) == "load_state_dict: the scheduler's T_cur is missing");
  state = restarts.state_dict();
  state[0].second = full({}, -2);
  CHECK(refused(state) == "load_state_dict: the scheduler's step is -2");
  state[0].second = full({}, 2.);
  CHECK(refused(state) ==
        "load_state_dict: the state does not fit:\n"
        "  different: step is float32 [], expected int64 []");
  optim::SGD two(std::vector<optim::SGD::Group>{{{leaf()}, {.lr = 1}}, {{leaf()}, {.lr = 1}}});
  optim::CosineAnnealingWarmRestarts of_two(two, {.T_0 = 5});
  CHECK(refused(of_two.state_dict()).find("last_lr is float64 [2], expected float64 [1]") !=
        std::string::npos);
}
