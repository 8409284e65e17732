// optim: parameters after 50 steps, two groups with options of their own.
#include <xgrad/optim/optim.hpp>

#include <cmath>

#include "kinds.hpp"
#include <torch/optim.h>

namespace agreement {
namespace {

namespace optim = xgrad::optim;

constexpr int steps = 50;

/// The gradient of one number in a step.
double slope(int step, std::size_t parameter, std::int64_t i) {
  return std::sin(0.7 * step * static_cast<double>(i + 1)) +
         0.1 * static_cast<double>(i) * static_cast<double>(parameter + 1);
}

xgrad::Tensor slopes_of(const xgrad::Tensor& x, int step, std::size_t parameter) {
  const xgrad::Tensor g = xgrad::Tensor::empty(x.shape(), xgrad::float64);
  for (std::int64_t i = 0; i < g.numel(); ++i)
    g.mutable_data<double>()[i] = slope(step, parameter, i);
  return g.to(x.dtype());
}

template <class Optimizer, class Options>
Ours trained(const Ours& start, const Options& first, const Options& second) {
  Ours x;
  for (const xgrad::Tensor& one : start) x.push_back(one.detach().clone().requires_grad_());
  Optimizer optimizer(std::vector<typename Optimizer::Group>{{{x[0]}, first}, {{x[1]}, second}});
  for (int step = 1; step <= steps; ++step) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i].set_grad(slopes_of(x[i], step, i));
    optimizer.step();
  }
  return {x[0].detach(), x[1].detach()};
}

template <class Optimizer, class Options>
Theirs trained_by_libtorch(const Theirs& start, const Options& first, const Options& second) {
  Theirs x;
  for (const at::Tensor& one : start) x.push_back(one.detach().clone().requires_grad_());
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(std::vector{x[0]}, std::make_unique<Options>(first));
  groups.emplace_back(std::vector{x[1]}, std::make_unique<Options>(second));
  Optimizer optimizer(groups, first);
  for (int step = 1; step <= steps; ++step) {
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i].mutable_grad() = theirs(slopes_of(ours(x[i].detach()), step, i));
    optimizer.step();
  }
  return {x[0].detach(), x[1].detach()};
}

/// Options of both sides and what they are called.
template <class A, class B>
struct Setting {
  std::string what;
  A ours;
  B theirs;
};

/// Each setting beside the next, in groups.
template <class Optimizer, class Other, class A, class B>
void compare(Suite& s, const std::string& name, const std::vector<Setting<A, B>>& settings) {
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const Setting<A, B>& a = settings[i];
    const Setting<A, B>& b = settings[(i + 1) % settings.size()];
    for (const Inputs& inputs : {Inputs{random({7}), random({2, 3}, xgrad::float64, -3, 3, 2)},
                                 Inputs{random({}), random({1, 40}, xgrad::float64, -3, 3, 2)}})
      check(
          s, name, inputs, a.what + " beside " + b.what,
          [=](const Ours& x) { return trained<Optimizer>(x, a.ours, b.ours); },
          [=](const Theirs& x) { return trained_by_libtorch<Other>(x, a.theirs, b.theirs); });
  }
}

void adam(Suite& s) {
  std::vector<Setting<optim::AdamOptions, torch::optim::AdamOptions>> plain;
  std::vector<Setting<optim::AdamWOptions, torch::optim::AdamWOptions>> decoupled;
  for (const bool amsgrad : {false, true})
    for (const double decay : {0., 0.1})
      for (const auto& [lr, beta1, beta2, eps] :
           {std::tuple{1e-3, 0.9, 0.999, 1e-8}, std::tuple{0.1, 0.5, 0.6, 1e-3}}) {
        const std::string what = "lr " + std::to_string(lr) + " decay " + std::to_string(decay) +
                                 (amsgrad ? " amsgrad" : "");
        plain.push_back({what,
                         {lr, {beta1, beta2}, eps, decay, amsgrad},
                         torch::optim::AdamOptions(lr)
                             .betas(std::make_tuple(beta1, beta2))
                             .eps(eps)
                             .weight_decay(decay)
                             .amsgrad(amsgrad)});
        decoupled.push_back({what,
                             {lr, {beta1, beta2}, eps, decay, amsgrad},
                             torch::optim::AdamWOptions(lr)
                                 .betas(std::make_tuple(beta1, beta2))
                                 .eps(eps)
                                 .weight_decay(decay)
                                 .amsgrad(amsgrad)});
      }
  compare<optim::Adam, torch::optim::Adam>(s, "optim::Adam", plain);
  compare<optim::AdamW, torch::optim::AdamW>(s, "optim::AdamW", decoupled);
}

void sgd(Suite& s) {
  std::vector<Setting<optim::SGDOptions, torch::optim::SGDOptions>> settings;
  for (const double momentum : {0., 0.9})
    for (const double dampening : {0., 0.4})
      for (const double decay : {0., 0.1})
        for (const bool nesterov : {false, true}) {
          if (nesterov && (momentum == 0 || dampening != 0)) continue;
          settings.push_back({"momentum " + std::to_string(momentum) + " dampening " +
                                  std::to_string(dampening) + " decay " + std::to_string(decay) +
                                  (nesterov ? " nesterov" : ""),
                              {0.05, momentum, dampening, decay, nesterov},
                              torch::optim::SGDOptions(0.05)
                                  .momentum(momentum)
                                  .dampening(dampening)
                                  .weight_decay(decay)
                                  .nesterov(nesterov)});
        }
  compare<optim::SGD, torch::optim::SGD>(s, "optim::SGD", settings);
}

void by_squares(Suite& s) {
  std::vector<Setting<optim::AdagradOptions, torch::optim::AdagradOptions>> adagrad;
  for (const double lr_decay : {0., 0.1})
    for (const double decay : {0., 0.1})
      // libtorch begins with what the first group says, in all of them.
      adagrad.push_back(
          {"lr_decay " + std::to_string(lr_decay) + " decay " + std::to_string(decay),
           {0.1, lr_decay, decay, 0, 1e-6},
           torch::optim::AdagradOptions(0.1).lr_decay(lr_decay).weight_decay(decay).eps(1e-6)});
  compare<optim::Adagrad, torch::optim::Adagrad>(s, "optim::Adagrad", adagrad);
  std::vector<Setting<optim::RMSpropOptions, torch::optim::RMSpropOptions>> rmsprop;
  for (const double momentum : {0., 0.7})
    for (const double decay : {0., 0.1})
      for (const bool centered : {false, true})
        rmsprop.push_back({"momentum " + std::to_string(momentum) + " decay " +
                               std::to_string(decay) + (centered ? " centered" : ""),
                           {0.01, 0.9, 1e-2, decay, momentum, centered},
                           torch::optim::RMSpropOptions(0.01)
                               .alpha(0.9)
                               .eps(1e-2)
                               .weight_decay(decay)
                               .momentum(momentum)
                               .centered(centered)});
  compare<optim::RMSprop, torch::optim::RMSprop>(s, "optim::RMSprop", rmsprop);
}

/// (1 − x)² + 100 (y − x²)² of x = x₀, x₂, … and y = x₁, x₃, …
template <class T>
T valley(const T& p) {
  const T pairs = p.reshape({-1, 2});
  const T x = pairs.select(1, 0);
  const T y = pairs.select(1, 1);
  return ((1 - x) * (1 - x)).sum() + 100 * ((y - x * x) * (y - x * x)).sum();
}

/// Where each of a few steps of LBFGS leads.
void lbfgs(Suite& s) {
  for (const bool searches : {false, true})
    for (const std::int64_t iterations : {1, 4, 20})
      for (const std::int64_t history : {2, 100}) {
        const auto lr = searches ? 1. : 0.02;
        const int few = iterations == 20 ? 1 : 5;
        for (const Inputs& inputs :
             {Inputs{listed({-1.2, 1})}, Inputs{random({6}, xgrad::float64, -1, 1)}})
          check(
              s, "optim::LBFGS", inputs,
              std::string(searches ? "strong_wolfe " : "") + std::to_string(iterations) +
                  " iterations, " + std::to_string(history) + " pairs",
              [=](const Ours& start) {
                xgrad::Tensor x = start[0].detach().clone().requires_grad_();
                optim::LBFGS optimizer({x},
                                       {.lr = lr,
                                        .max_iter = iterations,
                                        .history_size = history,
                                        .line_search_fn = searches ? optim::LineSearch::strong_wolfe
                                                                   : optim::LineSearch::none});
                Ours all;
                for (int step = 0; step < few; ++step) {
                  all.push_back(optimizer.step([&] {
                    optimizer.zero_grad();
                    const xgrad::Tensor loss = valley(x);
                    loss.backward();
                    return loss;
                  }));
                  all.push_back(x.detach().clone());
                }
                return all;
              },
              [=](const Theirs& start) {
                at::Tensor x = start[0].detach().clone().requires_grad_();
                torch::optim::LBFGSOptions options(lr);
                options.max_iter(iterations).history_size(history);
                if (searches) options.line_search_fn("strong_wolfe");
                torch::optim::LBFGS optimizer({x}, options);
                Theirs all;
                for (int step = 0; step < few; ++step) {
                  all.push_back(optimizer
                                    .step([&] {
                                      optimizer.zero_grad();
                                      const at::Tensor loss = valley(x);
                                      loss.backward();
                                      return loss;
                                    })
                                    .detach());
                  all.push_back(x.detach().clone());
                }
                return all;
              });
      }
}

}  // namespace

void optimizers(Suite& s) {
  adam(s);
  sgd(s);
  by_squares(s);
  lbfgs(s);
}

}  // namespace agreement
