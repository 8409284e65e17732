// SAM and Lookahead round other optimisers.

#include <functional>

#include "training.hpp"

using namespace training;

namespace {

const optim::SGDOptions sgd_options{.lr = 0.1, .momentum = 0.9};

/// ½ Σ a x², whose gradient is a x.
Tensor bowl(const Tensor& x) {
  return (tensor({1., 4., 0.5}, {.dtype = float64}) * square(x)).sum() / 2;
}

optim::Closure closure_of(optim::Optimizer& optimizer, const std::vector<Tensor>& x) {
  return [&optimizer, x] {
    optimizer.zero_grad();
    Tensor loss = zeros({}, {.dtype = float64});
    for (const Tensor& one : x) loss = loss + bowl(one);
    loss.backward();
    return loss;
  };
}

}  // namespace

TEST_CASE("SAM steps by the gradient of where the loss is larger, as the formulas say") {
  for (const bool adaptive : {false, true}) {
    CAPTURE(adaptive);
    const Tensor x = tensor({1., -2., 3.}, {.dtype = float64, .requires_grad = true});
    const Tensor y = tensor({0.5, 1., -1.}, {.dtype = float64, .requires_grad = true});
    optim::SGD base({x, y}, sgd_options);
    optim::SAM sam(base, {.rho = 0.3, .adaptive = adaptive});
    std::vector<double> numbers{1, -2, 3, 0.5, 1, -1};
    std::vector<double> velocity(6);
    const std::vector<double> a{1, 4, 0.5, 1, 4, 0.5};
    for (int step = 0; step < 4; ++step) {
      const double loss = sam.step(closure_of(sam, {x, y})).item();
      double expected = 0;
      double squares = 0;
      for (std::size_t i = 0; i < 6; ++i) {
        const double g = a[i] * numbers[i];
        expected += a[i] * numbers[i] * numbers[i] / 2;
        squares += adaptive ? g * g * numbers[i] * numbers[i] : g * g;
      }
      for (std::size_t i = 0; i < 6; ++i) {
        const double g = a[i] * numbers[i];
        const double away = adaptive ? numbers[i] * numbers[i] * g : g;
        const double there = a[i] * (numbers[i] + 0.3 * away / std::sqrt(squares));
        velocity[i] = 0.9 * velocity[i] + there;
        numbers[i] -= 0.1 * velocity[i];
      }
      CHECK(loss == doctest::Approx(expected).epsilon(1e-11));
    }
    for (std::size_t i = 0; i < 6; ++i)
      CHECK(values((i < 3 ? x : y).detach())[i % 3] == doctest::Approx(numbers[i]).epsilon(1e-11));
  }
}

TEST_CASE("SAM puts the parameters back bit for bit, also where the closure throws") {
  const Tensor x = normal({3}).requires_grad_();
  const Tensor before = x.detach().clone();
  optim::SGD base({x}, {.lr = 0});
  optim::SAM sam(base, {.rho = 7});
  std::vector<double> losses;
  sam.step([&] {
    const Tensor loss = closure_of(sam, {x})();
    losses.push_back(loss.item());
    return loss;
  });
  CHECK(equal(x.detach(), before));
  REQUIRE(losses.size() == 2);
  CHECK(losses[1] > losses[0]);
  int calls = 0;
  base.set_lr(1);
  CHECK(message_of<ValueError>([&] {
          sam.step([&] {
            if (++calls == 2) throw ValueError("enough");
            return closure_of(sam, {x})();
          });
        }) == "enough");
  CHECK(equal(x.detach(), before));
}

TEST_CASE("SAM with maximize goes the other way for what climbs") {
  const Tensor x = normal({3}).requires_grad_();
  const Tensor y = x.detach().clone().requires_grad_();
  optim::SGD falling({x}, {.lr = 0.1});
  optim::SGD climbing({y}, {.lr = 0.1, .maximize = true});
  optim::SAM first(falling);
  optim::SAM second(climbing, {.maximize = true});
  for (int i = 0; i < 3; ++i) {
    first.step(closure_of(first, {x}));
    second.step([&] {
      second.zero_grad();
      const Tensor loss = -bowl(y);
      loss.backward();
      return loss;
    });
  }
  CHECK(equal(x.detach(), y.detach()));
}

TEST_CASE("SAM has the rates and the state of the optimiser inside, and says what it needs") {
  const Tensor x = ones({3}, {.dtype = float64, .requires_grad = true});
  optim::SGD base({x}, sgd_options);
  optim::SAM sam(base);
  sam.set_lr(0.25);
  CHECK(base.learning_rates() == std::vector<double>{0.25});
  CHECK(message_of<ValueError>([&] {
          sam.step();
        }).starts_with("SAM: a step computes the loss more than once; call step(closure)"));
  CHECK(message_of<GraphError>([&] {
          sam.step([] { return ones({}); });
        }).starts_with("SAM: none of the 1 parameters has a gradient"));
  CHECK(message_of<ValueError>([&] {
          sam.step([&] {
            x.set_grad(full({3}, NAN, {.dtype = float64}));
            return ones({});
          });
        }) == "SAM: the norm of the gradients is nan; there is no direction to go");
  CHECK(equal(x.detach(), ones({3}, {.dtype = float64})));
  sam.step(closure_of(sam, {x}));
  CHECK(sam.state_dict()[0].first == "velocity.0.0");
  CHECK(equal(sam.state_dict()[0].second, base.state_dict()[0].second));
}

TEST_CASE("Lookahead's slow weights follow after every k steps, as the formulas say") {
  const Tensor x = tensor({1., -2., 3.}, {.dtype = float64, .requires_grad = true});
  optim::SGD base({x}, sgd_options);
  optim::Lookahead optimizer(base, {.k = 3, .alpha = 0.25});
  const std::vector<double> a{1, 4, 0.5};
  std::vector<double> fast{1, -2, 3};
  std::vector<double> slow = fast;
  std::vector<double> velocity(3);
  for (int step = 1; step <= 8; ++step) {
    if (step % 2 == 0) {
      optimizer.step(closure_of(optimizer, {x}));
    } else {
      closure_of(optimizer, {x})();
      optimizer.step();
    }
    for (std::size_t i = 0; i < 3; ++i) {
      velocity[i] = 0.9 * velocity[i] + a[i] * fast[i];
      fast[i] -= 0.1 * velocity[i];
      if (step % 3 != 0) continue;
      slow[i] += 0.25 * (fast[i] - slow[i]);
      fast[i] = slow[i];
    }
    const auto found = values(x.detach());
    for (std::size_t i = 0; i < 3; ++i) CHECK(found[i] == doctest::Approx(fast[i]).epsilon(1e-13));
  }
  std::vector<std::string> names;
  for (const auto& [name, value] : optimizer.state_dict()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"velocity.0.0", "steps", "slow.0"});
}

TEST_CASE("Lookahead tells what does not fit any more") {
  const Tensor x = ones({3}, {.dtype = float64, .requires_grad = true});
  const Tensor y = ones({3}, {.dtype = float64, .requires_grad = true});
  optim::SGD base({x}, sgd_options);
  optim::Lookahead optimizer(base);
  closure_of(optimizer, {x})();
  NamedTensors state = optimizer.state_dict();
  state.pop_back();
  optimizer.load_state_dict(state);
  const std::string message =
      "Lookahead: the state that was loaded is not whole; load all that state_dict() gave";
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) == message);
  CHECK(message_of<ValueError>([&] { optimizer.step(closure_of(optimizer, {x})); }) == message);
  optim::Lookahead another(base);
  base.add_group({y});
  CHECK(message_of<ValueError>([&] { another.step(); }) ==
        "Lookahead: the optimiser inside has 2 parameters, and had 1; make this anew");
  CHECK(equal(x.detach(), ones({3}, {.dtype = float64})));
}

TEST_CASE("wrappers stand round one another") {
  const Tensor x = tensor({1., -2., 3.}, {.dtype = float64, .requires_grad = true});
  optim::AdamW base({x}, {.lr = 0.1});
  optim::SAM sam(base);
  optim::Lookahead optimizer(sam);
  double loss = 0;
  for (int i = 0; i < 100; ++i) loss = optimizer.step(closure_of(optimizer, {x})).item();
  CHECK(loss < 0.01);
  CHECK(message_of<ValueError>([&] { optimizer.step(); }).starts_with("SAM: a step computes"));
}

TEST_CASE("a cycle of rates and momenta reaches the optimisers inside") {
  const Tensor x = ones({2, 2}, {.dtype = float64, .requires_grad = true});
  const Tensor y = ones({3}, {.dtype = float64, .requires_grad = true});
  optim::MuonWithAdamW base({x}, {y}, {.muon = {.lr = 1}});
  optim::SAM sam(base);
  optim::Lookahead optimizer(sam);
  CHECK(optimizer.momenta() == std::vector<double>{0.95, 0.9});
  optim::OneCycleLR cycle(optimizer, {.max_lr = 0.5, .total_steps = 10, .max_momentum = 0.875});
  CHECK(base.muon().options().momentum == 0.875);
  CHECK(base.adamw().groups()[0].options.betas[0] == 0.875);
  CHECK(base.muon().lr() == doctest::Approx(0.5 / 25));
  for (int i = 0; i < 9; ++i) cycle.step();
  optimizer.set_momenta({0.25, 0.5});
  CHECK(base.muon().momenta() == std::vector<double>{0.25});
  CHECK(base.adamw().momenta() == std::vector<double>{0.5});
}

TEST_CASE("Lookahead round parameters that were converted says so before its first step") {
  Tensor x = ones({3}, {.requires_grad = true});
  optim::SGD base({x}, sgd_options);
  optim::Lookahead optimizer(base, {.k = 1});
  x.set_data(ones({3}, {.dtype = float64}));
  closure_of(optimizer, {x})();
  CHECK(
      message_of<GraphError>([&] { optimizer.step(); }).starts_with("MovingAverage: 'slow.0' is"));
  CHECK(equal(x.detach(), ones({3}, {.dtype = float64})));
}
