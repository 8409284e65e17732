// optim/lr_*.hpp. Of the schedulers that Python has, libtorch has this one.
#include <xgrad/optim/lr_decay.hpp>
#include <xgrad/optim/sgd.hpp>

#include "agreement.hpp"
#include <torch/optim/schedulers/step_lr.h>
#include <torch/optim/sgd.h>

namespace agreement {
namespace {

constexpr int steps = 100;

/// The rates of both groups in a hundred steps.
template <class Rates, class Step>
xgrad::Tensor trace(const Rates& rates, const Step& step) {
  std::vector<double> all;
  for (int i = 0; i < steps; ++i) {
    for (const double rate : rates()) all.push_back(rate);
    step();
  }
  return xgrad::from_vector(all);
}

Ours ours_by_steps(std::int64_t step_size, double gamma) {
  const auto leaf = [] { return xgrad::ones({1}, {.requires_grad = true}); };
  xgrad::optim::SGD optimizer(
      std::vector<xgrad::optim::SGD::Group>{{{leaf()}, {.lr = 0.05}}, {{leaf()}, {.lr = 1}}});
  xgrad::optim::StepLR scheduler(optimizer, step_size, gamma);
  return {trace([&] { return optimizer.learning_rates(); }, [&] { scheduler.step(); })};
}

Theirs theirs_by_steps(std::int64_t step_size, double gamma) {
  namespace optim = torch::optim;
  const auto group = [](double lr) {
    return optim::OptimizerParamGroup({at::ones({1}).requires_grad_()},
                                      std::make_unique<optim::SGDOptions>(lr));
  };
  optim::SGD optimizer({group(0.05), group(1)}, optim::SGDOptions(0.1));
  optim::StepLR scheduler(optimizer, static_cast<unsigned>(step_size), gamma);
  scheduler.step();  // which Python's constructor takes
  const auto rates = [&] {
    std::vector<double> all;
    for (auto& one : optimizer.param_groups()) all.push_back(one.options().get_lr());
    return all;
  };
  return {theirs(trace(rates, [&] { scheduler.step(); }))};
}

}  // namespace

void schedulers(Suite& s) {
  for (const std::int64_t step_size : {1, 2, 7, 30, 100})
    for (const double gamma : {0., 0.1, 0.9, 1., 1.01})
      check(
          s, "StepLR", {},
          "step_size " + std::to_string(step_size) + ", gamma " + std::to_string(gamma),
          [=](const Ours&) { return ours_by_steps(step_size, gamma); },
          [=](const Theirs&) { return theirs_by_steps(step_size, gamma); });
}

}  // namespace agreement
