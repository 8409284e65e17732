// LBFGS: where its minimum is known, and what it says.

#include <functional>

#include "training.hpp"

using namespace training;
using optim::LBFGS;
using optim::LBFGSOptions;
using optim::LineSearch;

namespace {

/// (1 − x)² + 100 (y − x²)², least at (1, 1).
Tensor rosenbrock(const Tensor& p) {
  const Tensor x = p.narrow(0, 0, 1);
  const Tensor y = p.narrow(0, 1, 1);
  return (square(1 - x) + 100 * square(y - x * x)).sum();
}

struct Training {
  Tensor x = tensor({-1.2, 1.}, {.dtype = float64, .requires_grad = true});
  std::function<Tensor(const Tensor&)> loss = rosenbrock;
  int calls = 0;

  template <class Optimizer>
  Tensor step(Optimizer& optimizer) {
    return optimizer.step([&] {
      ++calls;
      optimizer.zero_grad();
      const Tensor now = loss(x);
      now.backward();
      return now;
    });
  }
};

}  // namespace

TEST_CASE("LBFGS finds the minimum of Rosenbrock's function") {
  Training training;
  LBFGS optimizer({training.x}, {.max_iter = 100,
                                 .tolerance_grad = 1e-12,
                                 .tolerance_change = 1e-16,
                                 .line_search_fn = LineSearch::strong_wolfe});
  CHECK(training.step(optimizer).item() == doctest::Approx(24.2));
  CHECK(rosenbrock(training.x.detach()).item() < 1e-10);
  CHECK(allclose(training.x.detach(), ones({2}, {.dtype = float64}), 1e-8, 1e-8));
  CHECK(training.calls < 60);
}

TEST_CASE("a quadratic function's minimum takes as many exact line searches as there are numbers") {
  // ½ xᵀ A x − bᵀ x of a symmetric positive A: the gradient is zero where A x = b.
  const Tensor m = normal({4, 4}, 3);
  const Tensor a = matmul(m, transpose(m, 0, 1)) + eye(4, 4, {.dtype = float64});
  const Tensor b = normal({4}, 5);
  Training training{
      .x = zeros({4}, {.dtype = float64, .requires_grad = true}),
      .loss = [&](const Tensor& x) { return 0.5 * dot(x, matmul(a, x)) - dot(b, x); }};
  LBFGS optimizer({training.x}, {.max_iter = 60,
                                 .tolerance_grad = 1e-11,
                                 .tolerance_change = 1e-18,
                                 .line_search_fn = LineSearch::strong_wolfe});
  training.step(optimizer);
  // Losses of a few differ in their last bits no nearer than √2⁻⁵² to the minimum, where a line
  // search ends that compares them; how far inside of it depends on how products are rounded.
  CHECK(allclose(matmul(a, training.x.detach()), b, 1e-7, 1e-7));
}

TEST_CASE("LBFGS without a line search, two steps worked out by hand") {
  // f = 2 x², x = 3: d = −12, t = 1 / 12; x = 2. Then y = −4, s = −1, H = ys / yy = 1 / 4: d = −2.
  Training training{.x = full({1}, 3., {.dtype = float64}).requires_grad_(),
                    .loss = [](const Tensor& x) { return (2 * square(x)).sum(); }};
  LBFGS optimizer({training.x}, {.max_iter = 1});
  CHECK(training.step(optimizer).item() == 18);
  CHECK(training.x.item() == doctest::Approx(2).epsilon(1e-15));
  CHECK(training.calls == 1);
  training.step(optimizer);
  CHECK(training.x.item() == doctest::Approx(0).epsilon(1e-15));
  training.step(optimizer);  // no gradient is left
  CHECK(training.calls == 3);
  const auto state = optimizer.state_dict();
  CHECK(state.size() == 9);
  CHECK(state[0].first == "n_iter");
  CHECK(state[0].second.item<std::int64_t>() == 2);
  CHECK(state[6].first == "old_dirs.0");
  CHECK(equal(state[6].second, full({1}, -4., {.dtype = float64})));
}

TEST_CASE("LBFGS keeps to its numbers of iterations, evaluations and pairs") {
  for (const LineSearch search : {LineSearch::none, LineSearch::strong_wolfe}) {
    Training training;
    LBFGS optimizer(
        {training.x},
        {.lr = 0.1, .max_iter = 30, .max_eval = 7, .history_size = 2, .line_search_fn = search});
    training.step(optimizer);
    if (search == LineSearch::none) CHECK(training.calls == 7);
    CHECK(training.calls >= 7);
    CHECK(training.calls < 7 + 25);  // the last search ends
    std::size_t pairs = 0;
    for (const auto& [name, value] : optimizer.state_dict()) pairs += name.starts_with("ro.");
    CHECK(pairs == 2);
  }
}

TEST_CASE("maximize climbs as the negated loss falls") {
  for (const LineSearch search : {LineSearch::none, LineSearch::strong_wolfe}) {
    Training falling;
    Training climbing{.loss = [](const Tensor& p) { return -rosenbrock(p); }};
    const LBFGSOptions options{.lr = 0.01, .max_iter = 10, .line_search_fn = search};
    LBFGSOptions turned = options;
    turned.maximize = true;
    LBFGS first({falling.x}, options);
    LBFGS second({climbing.x}, turned);
    falling.step(first);
    climbing.step(second);
    CHECK(equal(falling.x.detach(), climbing.x.detach()));
  }
}

TEST_CASE("several parameters are one vector, and one without a gradient stays") {
  Training together;
  Tensor x = tensor({-1.2}, {.dtype = float64, .requires_grad = true});
  Tensor y = tensor({{1.}}, {.dtype = float64, .requires_grad = true});
  Tensor idle = tensor({5.}, {.dtype = float64, .requires_grad = true});
  const LBFGSOptions options{.max_iter = 15, .line_search_fn = LineSearch::strong_wolfe};
  LBFGS one({together.x}, options);
  LBFGS many({x, y, idle}, options);
  together.step(one);
  Training apart{.x = x, .loss = [&](const Tensor& p) { return rosenbrock(cat({p, flatten(y)})); }};
  apart.step(many);
  CHECK(x.item() == together.x.detach().to_vector<double>()[0]);
  CHECK(y.item() == together.x.detach().to_vector<double>()[1]);
  CHECK(idle.item() == 5);
}

TEST_CASE("a loss that is not finite turns a line search back") {
  // log x, of which the first step would be far below 0.
  Training training{.x = full({1}, 3., {.dtype = float64}).requires_grad_(),
                    .loss = [](const Tensor& x) { return (10 * (x - log(x))).sum(); }};
  LBFGS optimizer({training.x}, {.lr = 20, .line_search_fn = LineSearch::strong_wolfe});
  training.step(optimizer);
  CHECK(training.x.item() == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("a gradient that is not finite turns a line search back") {
  // x², whose slope gets lost near 0, where the first step leads.
  Tensor x = full({1}, 1., {.dtype = float64}).requires_grad_();
  LBFGS optimizer({x}, {.lr = 2, .line_search_fn = LineSearch::strong_wolfe});
  const Tensor first = optimizer.step([&] {
    const double now = x.item();
    x.set_grad(full({1}, std::abs(now) < 0.25 ? NAN : 2 * now, {.dtype = float64}));
    return square(x).sum();
  });
  CHECK(first.item() == 1);
  CHECK(std::abs(x.item()) >= 0.25);
  CHECK(std::abs(x.item()) < 1);
}

TEST_CASE("as many iterations as there are numbers for") {
  Training training;
  LBFGS optimizer({training.x}, {.max_iter = 3'000'000'000'000'000'000,
                                 .line_search_fn = LineSearch::strong_wolfe});
  training.step(optimizer);
  CHECK(rosenbrock(training.x.detach()).item() < 1e-8);
}

TEST_CASE("what LBFGS cannot do is told, and leaves the parameters as they were") {
  Training training;
  LBFGS optimizer({training.x}, {.line_search_fn = LineSearch::strong_wolfe});
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) ==
        "LBFGS: a step computes the loss more than once; call step(closure), with a function that "
        "calls zero_grad(), computes the loss, calls its backward() and returns it");
  CHECK(message_of<GraphError>([&] { optimizer.step([] { return ones({}); }); }) ==
        "LBFGS: none of the 1 parameters has a gradient; call loss.backward() before step(), on a "
        "loss computed from them");
  int calls = 0;
  const Tensor before = training.x.detach().clone();
  training.loss = [&](const Tensor& p) {
    if (++calls == 2) throw ValueError("enough");
    return rosenbrock(p);
  };
  CHECK(message_of<ValueError>([&] { training.step(optimizer); }) == "enough");
  CHECK(equal(training.x.detach(), before));
  CHECK(optimizer.state_dict().empty());
  training.loss = [](const Tensor& p) { return (p * NAN).sum(); };
  CHECK(message_of<ValueError>([&] { training.step(optimizer); }) ==
        "LBFGS: the loss is nan, the largest number of its gradient nan: there is no direction to "
        "go");
  const Tensor other = ones({2}, {.requires_grad = true});
  CHECK(message_of<ValueError>([&] {
          LBFGS({training.x, other});
        }) == "LBFGS: parameter 0 is float64, and parameter 1 float32; all must be of one dtype");
  training.loss = rosenbrock;
  training.step(optimizer);
  NamedTensors part = optimizer.state_dict();
  part.erase(part.begin());
  optimizer.load_state_dict(part);
  CHECK(message_of<ValueError>([&] { training.step(optimizer); }) ==
        "LBFGS: the state that was loaded is not whole; load all that state_dict() gave");
}
