#include <xgrad/optim/sgd.hpp>

#include "support.hpp"

using namespace support;
using optim::Momentum;
using optim::SGD;

namespace {

/// The parameter after each step, starting at 1, with the given gradients.
std::vector<double> trace(const optim::SGDOptions& options, const std::vector<double>& gradients) {
  Tensor x = tensor({1.}, {.dtype = float64, .requires_grad = true});
  SGD optimizer({x}, options);
  std::vector<double> result;
  for (double g : gradients) {
    x.set_grad(full({1}, g, {.dtype = float64}));
    optimizer.step();
    result.push_back(x.item());
  }
  return result;
}

void check(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == doctest::Approx(expected[i]).epsilon(1e-12));
}

}  // namespace

TEST_CASE("traces worked out by hand") {
  SUBCASE("plain") { check(trace({.lr = 0.1}, {1, 2}), {0.9, 0.7}); }
  SUBCASE("weight decay: g + 0.5 x") {
    check(trace({.lr = 0.1, .weight_decay = 0.5}, {1, 2}), {0.85, 0.85 - 0.1 * (2 + 0.425)});
  }
  SUBCASE("momentum: v = 1, then 0.5 + 2, then 1.25 + 4") {
    check(trace({.lr = 0.1, .momentum = 0.5}, {1, 2, 4}), {0.9, 0.65, 0.125});
  }
  SUBCASE("dampening: v = 1 undamped, then 0.5 + 0.75 · 2") {
    check(trace({.lr = 0.1, .momentum = 0.5, .dampening = 0.25}, {1, 2}), {0.9, 0.7});
  }
  SUBCASE("Nesterov: g + 0.5 v with v = 1, then 2.5") {
    check(trace({.lr = 0.1, .momentum = 0.5, .nesterov = true}, {1, 2}), {0.85, 0.85 - 0.325});
  }
  SUBCASE("momentum and decay together") {
    // v = 1 + 0.1; x = 0.89; v = 0.55 + 2 + 0.089
    check(trace({.lr = 0.1, .momentum = 0.5, .weight_decay = 0.1}, {1, 2}), {0.89, 0.89 - 0.2639});
  }
  SUBCASE("the assignment's: m = 0.1, then 0.09 + 0.2; decay outside of it") {
    const double first = 1 - 0.1 * (0.1 + 0.005);
    check(trace({.lr = 0.1, .momentum = 0.9, .weight_decay = 0.005, .kind = Momentum::averaged},
                {1, 2}),
          {first, first - 0.1 * (0.29 + 0.005 * first)});
  }
}

TEST_CASE("groups have options of their own, which can change between steps") {
  Tensor a = tensor({1.}, {.requires_grad = true});
  Tensor b = tensor({1.}, {.requires_grad = true});
  SGD optimizer(std::vector<SGD::Group>{{{a}, {.lr = 0.1}}, {{b}, {.lr = 1}}});
  (a + b).backward();
  optimizer.step();
  CHECK(a.item() == doctest::Approx(0.9));
  CHECK(b.item() == doctest::Approx(0));
  optimizer.set_lr(0.5);
  optimizer.step();
  CHECK(a.item() == doctest::Approx(0.4));
  optimizer.groups()[0].options.lr = 0;
  optimizer.step();
  CHECK(a.item() == doctest::Approx(0.4));
  optimizer.zero_grad();
  CHECK_FALSE(a.grad().defined());
}

TEST_CASE("a parameter without a gradient stays as it is") {
  Tensor a = tensor({1.}, {.requires_grad = true});
  Tensor b = tensor({1.}, {.requires_grad = true});
  SGD optimizer({a, b}, {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1});
  (a * 2).backward();
  optimizer.step();
  CHECK(b.item() == 1);
}

TEST_CASE("large parameters are updated on several threads alike") {
  Tensor x = normal({100'003}).requires_grad_();
  const Tensor before = x.detach().clone();
  const Tensor g = normal({100'003}, 2);
  SGD optimizer({x}, {.lr = 0.5, .momentum = 0.9});
  x.set_grad(g);
  optimizer.step();
  CHECK(equal(x.detach(), before - g * 0.5));
}

TEST_CASE("what would silently train nothing is an error") {
  CHECK(message_of<ValueError>([] {
          SGD(std::vector<Tensor>{}, {.lr = 0.1});
        }).starts_with("SGD: no parameters to train"));
  Tensor x = tensor({1.}, {.requires_grad = true});
  SGD optimizer({x}, {.lr = 0.1});
  CHECK(
      message_of<GraphError>([&] { optimizer.step(); })
          .starts_with(
              "SGD: none of the 1 parameters has a gradient; call loss.backward() before step()"));
  CHECK(message_of<GraphError>([&] { SGD({x * 2}, {.lr = 0.1}); }).find("is a result of mul") !=
        std::string::npos);
  CHECK_THROWS_AS(SGD({x, x}, {.lr = 0.1}), ValueError);
  CHECK_THROWS_AS(SGD({Tensor()}, {.lr = 0.1}), ValueError);
  CHECK_THROWS_AS(SGD({x}, {.lr = -1}), ValueError);
  CHECK_THROWS_AS(SGD({x}, {.lr = 1, .momentum = 1}), ValueError);
  CHECK_THROWS_AS(SGD({x}, {.lr = 1, .weight_decay = -1}), ValueError);
  CHECK_THROWS_AS(SGD({x}, {.lr = 1, .nesterov = true}), ValueError);
  CHECK_THROWS_AS(SGD({x}, {.lr = 1, .dampening = 0.5, .kind = Momentum::averaged}), ValueError);
}

TEST_CASE("a step counts as a change of what the tape saved") {
  Tensor x = tensor({1.}, {.requires_grad = true});
  SGD optimizer({x}, {.lr = 0.1});
  const Tensor y = x * x;
  x.set_grad(ones({1}));
  optimizer.step();
  CHECK_THROWS_AS(y.backward(), GraphError);
}
