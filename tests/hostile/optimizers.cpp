// Optimisers and schedulers, made with any options and given any state. SGD, Muon and averages are
// in nn.cpp.

#include <xgrad/optim/optim.hpp>

#include <algorithm>
#include <memory>

#include "hostile.hpp"
#include "optim/every_optimizer.hpp"
#include "optim/every_scheduler.hpp"
#include "optim/schedulers.hpp"

using namespace hostile;

namespace {

Tensor leaf(const Shape& shape) {
  Tensor x = ones(shape, {.requires_grad = true});
  x.set_grad(ones(shape));
  return x;
}

/// A step with options; in braces they are asked for one after the other.
template <class Optimizer, class Options>
Row stepping(const char* name, Options (*options)(Arguments&)) {
  return {name, [options](Arguments& from) {
            const Tensor x = leaf({2, 3});  // which somebody else has too
            Optimizer optimizer({x}, options(from));
            optimizer.step();
            optimizer.step();
          }};
}

Tensor loss_of(optim::Optimizer& optimizer, const std::vector<Tensor>& x) {
  optimizer.zero_grad();
  Tensor loss = zeros({});
  for (const Tensor& one : x) loss = loss + sum(square(one - 0.5));
  loss.backward();
  return loss;
}

/// Made with options, and then stepped: a rate that becomes infinite the optimiser tells.
template <class S, class Options>
void add(std::vector<Row>& rows, const std::string& name, Options (*options)(Arguments&)) {
  const auto call = [options](Arguments& from, int steps) {
    const Tensor x = leaf({2});
    optim::SGD optimizer({x}, {.lr = 0.1, .momentum = 0.9});
    S scheduler(optimizer, options(from));
    for (int i = 0; i < steps; ++i) {
      scheduler.step();
      optimizer.step();
    }
  };
  rows.push_back({name, [call](Arguments& from) { call(from, 0); }});
  rows.push_back({.names = name + "|SGD",
                  .call = [call](Arguments& from) { call(from, 3); },
                  .computes = true});
}

optim::PerGroup per_group(Arguments& from, double usual) { return {from.reals({usual})}; }

/// One entry of a state with another name and tensor, or with these as well. What is asked for must
/// not depend on the entry.
NamedTensors changed(Arguments& from, NamedTensors state) {
  const auto last = static_cast<int>(state.size()) - 1;
  auto& [name, x] = state[static_cast<std::size_t>(std::clamp(from.integer(0), 0, last))];
  const auto before = std::pair{name, x};
  name = from.text(name);
  const Tensor value = from.tensor({2, 3});
  const bool fits = value.defined() && value.dtype() == float32 && value.shape() == Shape{2, 3};
  x = fits ? value.flatten()[5].expand(x.shape()).contiguous().to(x.dtype()) : value;
  if (from.flag()) state.push_back(before);
  return state;
}

}  // namespace

TEST_CASE("hostile: options of optimisers") {
  using namespace optim;
  sweep({
      stepping<Adam, AdamOptions>("Adam",
                                  [](Arguments& from) {
                                    return AdamOptions{.lr = from.real(),
                                                       .betas = {from.real(), from.real()},
                                                       .eps = from.real(),
                                                       .weight_decay = from.real(),
                                                       .amsgrad = from.flag(),
                                                       .maximize = from.flag()};
                                  }),
      stepping<AdamW, AdamWOptions>("AdamW",
                                    [](Arguments& from) {
                                      return AdamWOptions{.lr = from.real(),
                                                          .betas = {from.real(), from.real()},
                                                          .eps = from.real(),
                                                          .weight_decay = from.real()};
                                    }),
      stepping<Adamax, AdamaxOptions>("Adamax",
                                      [](Arguments& from) {
                                        return AdamaxOptions{.lr = from.real(),
                                                             .betas = {from.real(), from.real()},
                                                             .eps = from.real(),
                                                             .weight_decay = from.real()};
                                      }),
      stepping<NAdam, NAdamOptions>("NAdam",
                                    [](Arguments& from) {
                                      return NAdamOptions{.lr = from.real(),
                                                          .betas = {from.real(), from.real()},
                                                          .eps = from.real(),
                                                          .weight_decay = from.real(),
                                                          .momentum_decay = from.real()};
                                    }),
      stepping<RAdam, RAdamOptions>("RAdam",
                                    [](Arguments& from) {
                                      return RAdamOptions{.lr = from.real(),
                                                          .betas = {from.real(), from.real()},
                                                          .eps = from.real(),
                                                          .weight_decay = from.real()};
                                    }),
      stepping<Adagrad, AdagradOptions>("Adagrad",
                                        [](Arguments& from) {
                                          return AdagradOptions{
                                              .lr = from.real(),
                                              .lr_decay = from.real(),
                                              .weight_decay = from.real(),
                                              .initial_accumulator_value = from.real(),
                                              .eps = from.real()};
                                        }),
      stepping<Adadelta, AdadeltaOptions>("Adadelta",
                                          [](Arguments& from) {
                                            return AdadeltaOptions{.lr = from.real(),
                                                                   .rho = from.real(),
                                                                   .eps = from.real(),
                                                                   .weight_decay = from.real()};
                                          }),
      stepping<RMSprop, RMSpropOptions>("RMSprop",
                                        [](Arguments& from) {
                                          return RMSpropOptions{.lr = from.real(),
                                                                .alpha = from.real(),
                                                                .eps = from.real(),
                                                                .weight_decay = from.real(),
                                                                .momentum = from.real(),
                                                                .centered = from.flag()};
                                        }),
      stepping<Rprop, RpropOptions>("Rprop",
                                    [](Arguments& from) {
                                      return RpropOptions{
                                          .lr = from.real(),
                                          .etas = {from.real(), from.real(1.5)},
                                          .step_sizes = {from.real(0.1), from.real(10)}};
                                    }),
      stepping<ASGD, ASGDOptions>("ASGD",
                                  [](Arguments& from) {
                                    return ASGDOptions{.lr = from.real(),
                                                       .lambd = from.real(),
                                                       .alpha = from.real(),
                                                       .t0 = from.real(),
                                                       .weight_decay = from.real()};
                                  }),
      stepping<Lion, LionOptions>("Lion",
                                  [](Arguments& from) {
                                    return LionOptions{.lr = from.real(),
                                                       .betas = {from.real(), from.real()},
                                                       .weight_decay = from.real()};
                                  }),
      stepping<LAMB, LAMBOptions>("LAMB",
                                  [](Arguments& from) {
                                    return LAMBOptions{.lr = from.real(),
                                                       .betas = {from.real(), from.real()},
                                                       .eps = from.real(),
                                                       .weight_decay = from.real()};
                                  }),
      stepping<Adafactor, AdafactorOptions>("Adafactor",
                                            [](Arguments& from) {
                                              return AdafactorOptions{
                                                  .lr = from.real(),
                                                  .beta2_decay = from.real(-0.8),
                                                  .eps = {from.real(), from.real()},
                                                  .d = from.real(2),
                                                  .weight_decay = from.real()};
                                            }),
      {"Muon|AdamW|MuonWithAdamW",
       [](Arguments& from) {
         const Tensor x = leaf({2, 3}), y = leaf({3});
         MuonWithAdamW optimizer({from.flag() ? y : x}, {from.flag() ? x : y},
                                 {.muon = {.lr = from.real()}, .adamw = {.lr = from.real()}});
         optimizer.step();
       }},
  });
}

TEST_CASE("hostile: optimisers that need a closure, and what goes round others") {
  using namespace optim;
  sweep({
      {.names = "LBFGS",
       .call =
           [](Arguments& from) {
             const Tensor x = leaf({2, 3});
             const double lr = from.real();
             const std::int64_t iterations = from.size(3);
             const std::int64_t evaluations = from.size(4);
             const double gradient = from.real(1e-7);
             const double change = from.real(1e-9);
             const std::int64_t history = from.size(3);
             const bool searches = from.flag();
             LBFGS optimizer(
                 {x}, {.lr = lr,
                       .max_iter = iterations,
                       .max_eval = evaluations,
                       .tolerance_grad = gradient,
                       .tolerance_change = change,
                       .history_size = history,
                       .line_search_fn = searches ? LineSearch::strong_wolfe : LineSearch::none});
             optimizer.step([&] { return loss_of(optimizer, {x}); });
           },
       .computes = true},
      {"LBFGS|step",
       [](Arguments& from) {
         const Tensor x = leaf({2, 3});
         const Tensor loss = from.tensor({});
         LBFGS optimizer({x});
         optimizer.step([&] {
           loss_of(optimizer, {x});
           return loss;
         });
       }},
      {"SAM|SGD",
       [](Arguments& from) {
         const Tensor x = leaf({2, 3});
         SGD base({x}, {.lr = from.real()});
         const double rho = from.real();
         SAM optimizer(base, {.rho = rho, .adaptive = from.flag()});
         optimizer.step([&] { return loss_of(optimizer, {x}); });
       }},
      {"Lookahead",
       [](Arguments& from) {
         const Tensor x = leaf({2, 3});
         SGD base({x}, {.lr = 0.1});
         const std::int64_t k = from.size(2);
         Lookahead optimizer(base, {.k = k, .alpha = from.real()});
         for (int i = 0; i < 3; ++i) optimizer.step();
       }},
      {"EMA|MovingAverage",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const std::string name = from.text();
         const double decay = from.real();
         const bool warmup = from.flag(true);
         const double gamma = from.real(1);
         EMA average(NamedTensors{{name, x}}, {.decay = decay,
                                               .warmup = warmup,
                                               .warmup_gamma = gamma,
                                               .warmup_power = from.real()});
         average.update();
         average.swap();
       }},
      {"SWA|MovingAverage|load_state_dict|EMA",
       [](Arguments& from) {
         const Tensor x = ones({2, 3});
         SWA average(NamedTensors{{"x", x}});
         average.update();
         average.load_state_dict(changed(from, average.state_dict()));
         average.update();
       }},
  });
}

TEST_CASE("hostile: states of optimisers") {
  std::vector<Row> rows;
  for (const auto& [name, make] : optimizers::table())
    rows.push_back({.names = name + "|load_state_dict|" + name.substr(0, name.find(' ')) +
                             "|MovingAverage|Adam|orthogonalize",
                    .call =
                        [make = make, is_muon = name == "Muon"](Arguments& from) {
                          std::vector<Tensor> x{leaf({2, 3})};
                          if (!is_muon) x.push_back(leaf({3}));
                          const optimizers::Made made = make(x);
                          optim::Optimizer& optimizer = *made.back();
                          const auto step = [&] {
                            optimizer.step([&] { return loss_of(optimizer, x); });
                          };
                          for (int i = 0; i < 3; ++i) step();
                          optimizer.load_state_dict(changed(from, optimizer.state_dict()));
                          step();
                        },
                    .computes = true});
  sweep(rows);
}

TEST_CASE("hostile: options of schedulers") {
  using namespace optim;
  std::vector<Row> rows;
  add<StepLR, StepLROptions>(rows, "StepLR", [](Arguments& from) {
    return StepLROptions{.step_size = from.size(), .gamma = from.real()};
  });
  add<MultiStepLR, MultiStepLROptions>(rows, "MultiStepLR", [](Arguments& from) {
    return MultiStepLROptions{.milestones = from.sizes({1, 2}), .gamma = from.real()};
  });
  add<ConstantLR, ConstantLROptions>(rows, "ConstantLR", [](Arguments& from) {
    return ConstantLROptions{.factor = from.real(), .total_iters = from.size()};
  });
  add<LinearLR, LinearLROptions>(rows, "LinearLR", [](Arguments& from) {
    return LinearLROptions{
        .start_factor = from.real(), .end_factor = from.real(), .total_iters = from.size()};
  });
  add<ExponentialLR, ExponentialLROptions>(rows, "ExponentialLR", [](Arguments& from) {
    return ExponentialLROptions{.gamma = from.real()};
  });
  add<PolynomialLR, PolynomialLROptions>(rows, "PolynomialLR", [](Arguments& from) {
    return PolynomialLROptions{.total_iters = from.size(), .power = from.real()};
  });
  add<CosineAnnealingLR, CosineAnnealingLROptions>(rows, "CosineAnnealingLR", [](Arguments& from) {
    return CosineAnnealingLROptions{.T_max = from.size(), .eta_min = from.real()};
  });
  add<SWALR, SWALROptions>(rows, "SWALR", [](Arguments& from) {
    return SWALROptions{.swa_lr = per_group(from, 0.05),
                        .anneal_epochs = from.size(),
                        .anneal_strategy = from.text("cos")};
  });
  add<CosineAnnealingWarmRestarts, CosineAnnealingWarmRestartsOptions>(
      rows, "CosineAnnealingWarmRestarts", [](Arguments& from) {
        return CosineAnnealingWarmRestartsOptions{
            .T_0 = from.size(), .T_mult = from.size(), .eta_min = from.real()};
      });
  rows.push_back({"CosineAnnealingWarmRestarts", [](Arguments& from) {
                    const Tensor x = leaf({2});
                    SGD optimizer({x}, {.lr = 0.1});
                    CosineAnnealingWarmRestarts scheduler(optimizer,
                                                          {.T_0 = 2, .T_mult = from.size()});
                    scheduler.step(from.real());
                    scheduler.step();
                  }});
  add<CyclicLR, CyclicLROptions>(rows, "CyclicLR", [](Arguments& from) {
    return CyclicLROptions{.base_lr = per_group(from, 0.1),
                           .max_lr = per_group(from, 0.5),
                           .step_size_up = from.size(),
                           .step_size_down = from.size(),
                           .mode = from.text("triangular2"),
                           .gamma = from.real(),
                           .cycle_momentum = from.flag(true),
                           .base_momentum = per_group(from, 0.7),
                           .max_momentum = per_group(from, 0.9)};
  });
  add<OneCycleLR, OneCycleLROptions>(rows, "OneCycleLR", [](Arguments& from) {
    return OneCycleLROptions{.max_lr = per_group(from, 0.1),
                             .total_steps = from.size(10),
                             .pct_start = from.real(),
                             .anneal_strategy = from.text("linear"),
                             .base_momentum = per_group(from, 0.7),
                             .max_momentum = per_group(from, 0.9),
                             .div_factor = from.real(25),
                             .final_div_factor = from.real(100),
                             .three_phase = from.flag()};
  });
  add<OneCycleLR, OneCycleLROptions>(rows, "OneCycleLR", [](Arguments& from) {
    return OneCycleLROptions{.max_lr = 0.1, .epochs = from.size(), .steps_per_epoch = from.size(3)};
  });
  rows.push_back({"SequentialLR", [](Arguments& from) {
                    const Tensor x = leaf({2});
                    SGD optimizer({x}, {.lr = 0.1});
                    LinearLR warmup(optimizer);
                    ConstantLR rest(optimizer);
                    SequentialLR scheduler(optimizer, {warmup, rest}, from.sizes({2}));
                    for (int i = 0; i < 3; ++i) scheduler.step();
                  }});
  rows.push_back({.names = "LambdaLR|SGD",
                  .call =
                      [](Arguments& from) {
                        const Tensor x = leaf({2});
                        SGD optimizer({x}, {.lr = 0.1});
                        LambdaLR by_step(optimizer,
                                         [factor = from.real()](std::int64_t) { return factor; });
                        MultiplicativeLR times(
                            optimizer, [factor = from.real()](std::int64_t) { return factor; });
                        by_step.step();
                        times.step();
                        optimizer.step();
                      },
                  .computes = true});
  rows.push_back({"ReduceLROnPlateau", [](Arguments& from) {
                    const Tensor x = leaf({2});
                    SGD optimizer({x}, {.lr = 0.1});
                    ReduceLROnPlateau scheduler(optimizer, {.mode = from.text("min"),
                                                            .factor = from.real(),
                                                            .patience = from.size(),
                                                            .threshold = from.real(),
                                                            .threshold_mode = from.text("abs"),
                                                            .cooldown = from.size(),
                                                            .min_lr = per_group(from, 0),
                                                            .eps = from.real()});
                    const double metric = from.real();
                    for (int i = 0; i < 5; ++i) scheduler.step(metric);
                  }});
  sweep(rows);
}

TEST_CASE("hostile: states of schedulers") {
  std::vector<Row> rows;
  const auto all = schedulers::all_schedulers();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::string& name = wanted[i].name;
    rows.push_back({.names = name + "|load_state_dict|SGD|" + name.substr(0, name.find(',')),
                    .call =
                        [make = all[i]](Arguments& from) {
                          const Tensor x = leaf({2}), y = leaf({3});
                          optim::SGD optimizer(
                              std::vector<optim::SGD::Group>{{{x}, {.lr = 0.1, .momentum = 0.9}},
                                                             {{y}, {.lr = 1, .momentum = 0.9}}});
                          const schedulers::Made made = make(optimizer);
                          for (int step = 0; step < 5; ++step) made.step(step);
                          optim::SchedulerBase& last = *made.all.back();
                          last.load_state_dict(changed(from, last.state_dict()));
                          for (int step = 0; step < 5; ++step) made.step(step);
                          optimizer.step();
                        },
                    .computes = true});
  }
  sweep(rows);
}
