#pragma once
// One of each optimiser, for tests of what holds for all of them.

#include <xgrad/optim/optim.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace optimizers {

using namespace xgrad;  // NOLINT: as in the other tests

/// One that stands on others behind them.
using Made = std::vector<std::unique_ptr<optim::Optimizer>>;

template <class Optimizer, class Options>
std::pair<std::string, std::function<Made(const std::vector<Tensor>&)>> alone(
    const char* name, const Options& options) {
  return {name, [options](const std::vector<Tensor>& x) {
            Made made;
            made.push_back(std::make_unique<Optimizer>(x, options));
            return made;
          }};
}

/// By name.
inline const auto& table() {
  using namespace optim;
  static const std::vector<std::pair<std::string, std::function<Made(const std::vector<Tensor>&)>>>
      all{
          alone<SGD>("SGD", SGDOptions{.lr = 0.002, .momentum = 0.9, .nesterov = true}),
          alone<Adam>("Adam", AdamOptions{.lr = 0.05, .amsgrad = true}),
          alone<AdamW>("AdamW", AdamWOptions{.lr = 0.05}),
          alone<Adamax>("Adamax", AdamaxOptions{.lr = 0.05}),
          alone<NAdam>("NAdam", NAdamOptions{.lr = 0.05}),
          alone<RAdam>("RAdam", RAdamOptions{.lr = 0.05}),
          alone<Adagrad>("Adagrad", AdagradOptions{.lr = 0.1, .initial_accumulator_value = 0.1}),
          alone<Adadelta>("Adadelta", AdadeltaOptions{}),
          alone<RMSprop>("RMSprop", RMSpropOptions{.momentum = 0.5, .centered = true}),
          alone<Rprop>("Rprop", RpropOptions{}),
          alone<ASGD>("ASGD", ASGDOptions{.lr = 0.05, .t0 = 3}),
          alone<Lion>("Lion", LionOptions{.lr = 0.02}),
          alone<LAMB>("LAMB", LAMBOptions{.lr = 0.05, .weight_decay = 0.1}),
          alone<Adafactor>("Adafactor", AdafactorOptions{.lr = 0.1}),
          alone<Muon>("Muon", MuonOptions{.lr = 0.05}),
          {"MuonWithAdamW",
           [](const std::vector<Tensor>& x) {
             std::vector<Tensor> matrices, others;
             for (const Tensor& one : x) (one.dim() < 2 ? others : matrices).push_back(one);
             Made made;
             made.push_back(std::make_unique<MuonWithAdamW>(
                 matrices, others,
                 MuonWithAdamWOptions{.muon = {.lr = 0.05}, .adamw = {.lr = 0.05}}));
             return made;
           }},
          alone<LBFGS>("LBFGS", LBFGSOptions{.lr = 0.1, .max_iter = 3, .history_size = 4}),
          {"LBFGS with a line search",
           [](const std::vector<Tensor>& x) {
             Made made;
             made.push_back(std::make_unique<LBFGS>(
                 x, LBFGSOptions{.max_iter = 2,
                                 .history_size = 5,
                                 .line_search_fn = LineSearch::strong_wolfe}));
             return made;
           }},
          {"SAM",
           [](const std::vector<Tensor>& x) {
             Made made;
             made.push_back(std::make_unique<Adam>(x, AdamOptions{.lr = 0.05}));
             made.push_back(std::make_unique<SAM>(*made[0], SAMOptions{.adaptive = true}));
             return made;
           }},
          {"Lookahead",
           [](const std::vector<Tensor>& x) {
             Made made;
             made.push_back(std::make_unique<Adam>(x, AdamOptions{.lr = 0.05}));
             made.push_back(std::make_unique<Lookahead>(*made[0], LookaheadOptions{.k = 3}));
             return made;
           }},
      };
  return all;
}

}  // namespace optimizers
