// Optimisers of a user's own. Lion is the one that README.md shows.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include "support.hpp"

using namespace support;

namespace {

struct LionOptions {
  double lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
};

// Chen et al., arXiv:2302.06675
class Lion : public optim::OptimizerOf<LionOptions> {
 public:
  Lion(std::vector<Tensor> parameters, const LionOptions& options)
      : OptimizerOf("Lion", {{std::move(parameters), options}},
                    {optim::like_parameter("momentum")}) {}

 protected:
  void update(const LionOptions& o, optim::Slot& slot) override {
    slot.each(
        [o]<class T>(T& x, T g, T& m) {
          const T c = T(o.beta1) * m + T(1 - o.beta1) * g;
          const T sign = c > 0 ? T(1) : c < 0 ? T(-1) : T(0);
          x -= T(o.lr) * (sign + T(o.weight_decay) * x);
          m = T(o.beta2) * m + T(1 - o.beta2) * g;
        },
        slot["momentum"]);
  }
};

struct ByRowOptions {
  optim::Required lr;
  double scale = 1;
  friend void require_valid(const ByRowOptions& o) {
    if (o.scale <= 0) throw ValueError("ByRow: scale must be positive");
  }
};

/// Remembers one number for each row, in float64, and steps with tensors.
class ByRow : public optim::OptimizerOf<ByRowOptions> {
 public:
  ByRow(std::vector<Tensor> parameters, const ByRowOptions& options)
      : OptimizerOf(
            "ByRow", {{std::move(parameters), options}},
            {{"rows", [](const Tensor& x) { return zeros({x.size(0)}, {.dtype = float64}); }},
             optim::step_count()}) {}

  const char* wrong = nullptr;
  std::vector<std::int64_t> steps;

 protected:
  void update(const ByRowOptions& o, optim::Slot& slot) override {
    if (wrong != nullptr) slot[wrong];
    steps.push_back(slot.step());
    const Tensor& rows = slot["rows"];
    rows.copy_(rows + sum(slot.gradient().to(float64), -1));
    if (o.scale == 2) slot.each([]<class T>(T&, T, T&) {}, rows);
    const Tensor change = unsqueeze(rows, 1).to(slot.parameter().dtype());
    slot.parameter().copy_(slot.parameter() - change * double(o.lr));
  }
};

}  // namespace

TEST_CASE("an optimiser of one's own is its formula") {
  const Tensor x = tensor({1., -1., 0.5}, {.requires_grad = true});
  Lion optimizer({x}, {.lr = 0.1, .weight_decay = 0.5});
  x.set_grad(tensor({2., -3., 0.}));
  optimizer.step();
  // sign of 0.1 g, and half of x
  CHECK(allclose(x.detach(), tensor({0.85, -0.85, 0.475})));
  x.set_grad(tensor({-0.1, -0.1, -0.1}));
  optimizer.step();  // 0.9 · 0.02 − 0.01 is above 0 still
  CHECK(allclose(x.detach(),
                 tensor({0.85 - 0.1 * 1.425, -0.85 + 0.1 * 1.425, 0.475 + 0.1 * (1 - 0.2375)})));
  REQUIRE(optimizer.state_dict().size() == 1);
  CHECK(optimizer.state_dict()[0].first == "momentum.0.0");
  optimizer.set_lr(0.01);
  optim::StepLR scheduler(optimizer, 1, 0.5);
  scheduler.step();
  CHECK(optimizer.groups()[0].options.lr == doctest::Approx(0.005));
}

TEST_CASE("what it remembers may be of any shape and dtype, and it may step with tensors") {
  const Tensor x = ones({2, 3}, {.requires_grad = true});
  ByRow optimizer({x}, {.lr = 0.5});
  x.set_grad(tensor({{1., 0., 0.}, {0., 0., -1.}}));
  optimizer.step();
  optimizer.step();
  CHECK(allclose(x.detach(), tensor({{-0.5, -0.5, -0.5}, {2.5, 2.5, 2.5}})));
  CHECK(optimizer.steps == std::vector<std::int64_t>{1, 2});
  const auto state = optimizer.state_dict();
  CHECK(state[0].second.dtype() == float64);
  ByRow other({ones({2, 3}, {.requires_grad = true})}, {.lr = 0.5});
  other.load_state_dict(state);
  CHECK(equal(other.state_dict()[0].second, tensor({2., -2.}, {.dtype = float64})));
  CHECK(other.state_dict()[1].second.item<std::int64_t>() == 2);
}

TEST_CASE("what it does wrong is told") {
  const Tensor x = ones({2, 3}, {.requires_grad = true});
  x.sum().backward();
  ByRow optimizer({x}, {.lr = 0.5});
  optimizer.wrong = "row";
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) ==
        "ByRow: it was not made to remember 'row'; name it where OptimizerOf is made");
  optimizer.wrong = nullptr;
  optimizer.groups()[0].options.scale = 2;
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) ==
        "ByRow: each() was given float64 [2] beside a parameter float32 [2, 3]");
  optimizer.groups()[0].options.scale = 0;
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) == "ByRow: scale must be positive");
  CHECK_THROWS_AS(ByRow({x}, {.lr = 1, .scale = 0}), ValueError);
  CHECK(equal(x.detach(), ones({2, 3})));
}
