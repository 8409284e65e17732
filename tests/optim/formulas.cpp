// Optimisers that step number by number, against loops over single numbers by their papers'
// formulas, in every combination of options.

#include <array>
#include <optional>

#include "training.hpp"

using namespace training;

namespace {

using Betas = std::array<double, 2>;

const std::vector<Betas>& all_betas() {
  static const std::vector<Betas> all{{0.9, 0.999}, {0., 0.5}, {0.5, 0.}, {0.8, 0.6}};
  return all;
}

/// Some ten roundings in each of six steps.
constexpr double roundings = 100;

/// f(dtype, decay, maximize) for all of them.
template <class F>
void for_all(const F& f) {
  for (const DType dtype : {float32, float64})
    for (const double decay : {0., 0.1})
      for (const bool maximize : {false, true}) {
        CAPTURE(dtype);
        CAPTURE(decay);
        CAPTURE(maximize);
        f(dtype, decay, maximize);
      }
}

struct OfAdam {
  double x = 0, m = 0, v = 0;
  int t = 0;

  void step(const optim::AdamOptions& o, double g) {
    ++t;
    if (o.decoupled_weight_decay)
      x *= 1 - o.lr * o.weight_decay;
    else
      g += o.weight_decay * x;
    m = o.betas[0] * m + (1 - o.betas[0]) * g;
    v = o.betas[1] * v + (1 - o.betas[1]) * g * g;
    x -= o.lr * m / (1 - std::pow(o.betas[0], t)) /
         (std::sqrt(v / (1 - std::pow(o.betas[1], t))) + o.eps);
  }
};

struct OfAdamax {
  double x = 0, m = 0, u = 0;
  int t = 0;

  void step(const optim::AdamaxOptions& o, double g) {
    ++t;
    g += o.weight_decay * x;
    m = o.betas[0] * m + (1 - o.betas[0]) * g;
    u = std::max(o.betas[1] * u, std::abs(g) + o.eps);
    x -= o.lr / (1 - std::pow(o.betas[0], t)) * m / u;
  }
};

struct OfNAdam {
  double x = 0, m = 0, v = 0, product = 1;
  int t = 0;

  void step(const optim::NAdamOptions& o, double g) {
    ++t;
    if (o.decoupled_weight_decay)
      x -= o.lr * o.weight_decay * x;
    else
      g += o.weight_decay * x;
    const double mu = o.betas[0] * (1 - std::pow(0.96, t * o.momentum_decay) / 2);
    const double mu_next = o.betas[0] * (1 - std::pow(0.96, (t + 1) * o.momentum_decay) / 2);
    product *= mu;
    m = o.betas[0] * m + (1 - o.betas[0]) * g;
    v = o.betas[1] * v + (1 - o.betas[1]) * g * g;
    const double mean = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product);
    x -= o.lr * mean / (std::sqrt(v / (1 - std::pow(o.betas[1], t))) + o.eps);
  }
};

struct OfRAdam {
  double x = 0, m = 0, v = 0;
  int t = 0;

  void step(const optim::RAdamOptions& o, double g) {
    ++t;
    if (o.decoupled_weight_decay)
      x -= o.lr * o.weight_decay * x;
    else
      g += o.weight_decay * x;
    m = o.betas[0] * m + (1 - o.betas[0]) * g;
    v = o.betas[1] * v + (1 - o.betas[1]) * g * g;
    const double unbiased = m / (1 - std::pow(o.betas[0], t));
    const double power = std::pow(o.betas[1], t);
    const double most = 2 / (1 - o.betas[1]) - 1;
    const double rho = most - 2 * t * power / (1 - power);
    if (rho <= 5) {
      x -= o.lr * unbiased;
      return;
    }
    const double r = std::sqrt((rho - 4) / (most - 4) * (rho - 2) / (most - 2) * most / rho);
    x -= o.lr * unbiased * r * std::sqrt(1 - power) / (std::sqrt(v) + o.eps);
  }
};

struct OfAdagrad {
  double x = 0;
  std::optional<double> s = {};
  int t = 0;

  void step(const optim::AdagradOptions& o, double g) {
    ++t;
    g += o.weight_decay * x;
    s = s.value_or(o.initial_accumulator_value) + g * g;
    x -= o.lr / (1 + (t - 1) * o.lr_decay) * g / (std::sqrt(*s) + o.eps);
  }
};

struct OfAdadelta {
  double x = 0, s = 0, a = 0;

  void step(const optim::AdadeltaOptions& o, double g) {
    g += o.weight_decay * x;
    s = o.rho * s + (1 - o.rho) * g * g;
    const double d = std::sqrt(a + o.eps) / std::sqrt(s + o.eps) * g;
    a = o.rho * a + (1 - o.rho) * d * d;
    x -= o.lr * d;
  }
};

struct OfRMSprop {
  double x = 0, s = 0, mean = 0, b = 0;

  void step(const optim::RMSpropOptions& o, double g) {
    g += o.weight_decay * x;
    s = o.alpha * s + (1 - o.alpha) * g * g;
    mean = o.alpha * mean + (1 - o.alpha) * g;
    const double d = g / (std::sqrt(o.centered ? s - mean * mean : s) + o.eps);
    b = o.momentum * b + d;
    x -= o.lr * b;
  }
};

struct OfRprop {
  double x = 0, before = 0;
  std::optional<double> size = {};

  void step(const optim::RpropOptions& o, double g) {
    double now = size.value_or(o.lr);
    if (g * before > 0) now *= o.etas[1];
    if (g * before < 0) {
      now *= o.etas[0];
      g = 0;
    }
    size = std::clamp(now, o.step_sizes[0], o.step_sizes[1]);
    if (g != 0) x -= std::copysign(*size, g);
    before = g;
  }
};

struct OfASGD {
  double x = 0, average = 0;
  std::optional<double> eta = {};
  double mu = 1;
  int t = 0;

  void step(const optim::ASGDOptions& o, double g) {
    ++t;
    g += o.weight_decay * x;
    const double rate = eta.value_or(o.lr);
    x *= 1 - o.lambd * rate;
    x -= rate * g;
    average += mu * (x - average);
    eta = o.lr / std::pow(1 + o.lambd * o.lr * t, o.alpha);
    mu = 1 / std::max(1., t - o.t0);
  }
};

struct OfLion {
  double x = 0, m = 0;

  void step(const optim::LionOptions& o, double g) {
    const double c = o.betas[0] * m + (1 - o.betas[0]) * g;
    x -= o.lr * ((c > 0 ? 1 : c < 0 ? -1 : 0) + o.weight_decay * x);
    m = o.betas[1] * m + (1 - o.betas[1]) * g;
  }
};

}  // namespace

TEST_CASE("Adam with decoupled weight decay, and Adamax, step as the formulas say") {
  for_all([](DType dtype, double decay, bool maximize) {
    for (const Betas& betas : all_betas()) {
      CAPTURE(betas[0]);
      for (const bool decoupled : {false, true})
        CHECK(off<optim::Adam, OfAdam>(optim::AdamOptions{.lr = 0.01,
                                                          .betas = betas,
                                                          .eps = 1e-6,
                                                          .weight_decay = decay,
                                                          .maximize = maximize,
                                                          .decoupled_weight_decay = decoupled},
                                       dtype) < roundings);
      for (const double eps : {1e-8, 0.1})
        CHECK(off<optim::Adamax, OfAdamax>(optim::AdamaxOptions{0.01, betas, eps, decay, maximize},
                                           dtype) < roundings);
    }
  });
}

TEST_CASE("NAdam and RAdam step as the formulas say") {
  for_all([](DType dtype, double decay, bool maximize) {
    for (const Betas& betas : all_betas())
      for (const bool decoupled : {false, true}) {
        CAPTURE(betas[0]);
        CAPTURE(decoupled);
        for (const double momentum_decay : {0., 4e-3, 2.})
          CHECK(off<optim::NAdam, OfNAdam>(optim::NAdamOptions{0.01, betas, 1e-6, decay,
                                                               momentum_decay, decoupled, maximize},
                                           dtype) < roundings);
        // Longer than the few steps in which nothing is divided by √v.
        CHECK(off<optim::RAdam, OfRAdam>(
                  optim::RAdamOptions{0.01, betas, 1e-6, decay, decoupled, maximize}, dtype, 12) <
              2 * roundings);
      }
  });
}

TEST_CASE("Adagrad and Adadelta step as the formulas say") {
  for_all([](DType dtype, double decay, bool maximize) {
    for (const double lr_decay : {0., 0.3})
      for (const double initial : {0., 0.2})
        CHECK(off<optim::Adagrad, OfAdagrad>(
                  optim::AdagradOptions{0.1, lr_decay, decay, initial, 1e-6, maximize}, dtype) <
              roundings);
    for (const double rho : {0., 0.5, 0.9, 1.})
      for (const double lr : {0.1, 1.})
        CHECK(off<optim::Adadelta, OfAdadelta>(
                  optim::AdadeltaOptions{lr, rho, 1e-4, decay, maximize}, dtype) < roundings);
  });
}

TEST_CASE("RMSprop steps as the formulas say") {
  for_all([](DType dtype, double decay, bool maximize) {
    for (const double alpha : {0., 0.5, 0.99})
      for (const double momentum : {0., 0.8})
        for (const bool centered : {false, true}) {
          CAPTURE(alpha);
          CAPTURE(momentum);
          CAPTURE(centered);
          if (centered && alpha == 0) continue;  // s is ḡ², and their difference a rounding
          // In the first steps s − ḡ² cancels, of which the root of a rounding may be left.
          const double eps = centered ? 0.1 : 1e-6;
          CHECK(off<optim::RMSprop, OfRMSprop>(
                    optim::RMSpropOptions{0.01, alpha, eps, decay, momentum, centered, maximize},
                    dtype) < roundings);
        }
  });
}

TEST_CASE("Rprop, ASGD and Lion step as the formulas say") {
  for_all([](DType dtype, double decay, bool maximize) {
    for (const std::array<double, 2> etas : {std::array{0.5, 1.2}, std::array{0.25, 3.}})
      for (const std::array<double, 2> sizes : {std::array{1e-6, 50.}, std::array{0.08, 0.15}})
        CHECK(off<optim::Rprop, OfRprop>(optim::RpropOptions{0.1, etas, sizes, maximize}, dtype,
                                         12) < roundings);
    for (const double lambd : {0., 1e-4, 0.5})
      for (const double alpha : {0., 0.75})
        for (const double t0 : {0., 3., 1e6})
          CHECK(off<optim::ASGD, OfASGD>(optim::ASGDOptions{0.1, lambd, alpha, t0, decay, maximize},
                                         dtype) < roundings);
    for (const Betas& betas : all_betas())
      CHECK(off<optim::Lion, OfLion>(optim::LionOptions{0.01, betas, decay, maximize}, dtype) <
            roundings);
  });
}

TEST_CASE("ASGD's average is that of the weights since t0") {
  const Tensor x = normal({5}).requires_grad_();
  optim::ASGD optimizer({x}, {.lr = 0.1, .lambd = 0.1, .t0 = 2});
  std::vector<OfASGD> numbers;
  for (const double value : values(x.detach())) numbers.push_back({.x = value});
  for (std::uint64_t t = 1; t <= 8; ++t) {
    x.set_grad(normal({5}, t));
    optimizer.step();
    const auto g = values(x.grad());
    for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k].step({0.1, 0.1, 0.75, 2}, g[k]);
  }
  const auto state = optimizer.state_dict();
  REQUIRE(state[1].first == "ax.0.0");
  const auto found = values(state[1].second);
  for (std::size_t k = 0; k < numbers.size(); ++k)
    CHECK(found[k] == doctest::Approx(numbers[k].average).epsilon(1e-13));
  CHECK_FALSE(equal(state[1].second, x.detach()));
}

TEST_CASE("a variance that rounding makes negative is 0 for RMSprop") {
  // Of equal gradients, whose squares' mean and mean's square are the same but for roundings.
  const Tensor x = zeros({1000}, {.requires_grad = true});
  optim::RMSprop optimizer({x}, {.lr = 1e-6, .alpha = 0.5, .eps = 1e-3, .centered = true});
  const Tensor g = normal({1000}).to(float32);
  for (int i = 0; i < 60; ++i) {
    x.set_grad(g);
    optimizer.step();
    REQUIRE(all_finite(x.detach()));
  }
}

TEST_CASE("signs of small gradients count for Rprop, whose product would be 0") {
  const Tensor x = zeros({1}, {.requires_grad = true});
  optim::Rprop optimizer({x}, {.lr = 1});
  for (const double g : {1e-30, 1e-30, -1e-30}) {
    x.set_grad(full({1}, g));
    optimizer.step();
  }
  CHECK(x.item() == doctest::Approx(-2.2));  // 1, then 1.2, then none
}

TEST_CASE("NaN in a gradient is seen in the parameter, whatever the formula") {
  const auto check = [](auto make) {
    const Tensor x = ones({2}, {.requires_grad = true});
    auto optimizer = make(std::vector{x});
    x.set_grad(tensor({1., NAN}));
    optimizer.step();
    CHECK(std::isfinite(x.data<float>()[0]));
    CHECK(std::isnan(x.data<float>()[1]));
  };
  check([](const auto& x) { return optim::Adamax(x); });
  check([](const auto& x) { return optim::NAdam(x); });
  check([](const auto& x) { return optim::RAdam(x); });
  check([](const auto& x) { return optim::Adagrad(x); });
  check([](const auto& x) { return optim::Adadelta(x); });
  check([](const auto& x) { return optim::RMSprop(x); });
  check([](const auto& x) { return optim::RMSprop(x, {.centered = true}); });
  check([](const auto& x) { return optim::Rprop(x); });
  check([](const auto& x) { return optim::ASGD(x); });
  check([](const auto& x) { return optim::Lion(x); });
}
