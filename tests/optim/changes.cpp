// Parameters, gradients and groups that change between steps, and optimisers that were moved from.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>

#include "support.hpp"

using namespace support;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor leaf(const Shape& shape) { return ones(shape, {.requires_grad = true}); }

std::unique_ptr<optim::Optimizer> sgd(const std::vector<Tensor>& parameters) {
  return std::make_unique<optim::SGD>(
      parameters, optim::SGDOptions{.lr = 0.5, .momentum = 0.5, .dampening = 0.5});
}
std::unique_ptr<optim::Optimizer> muon(const std::vector<Tensor>& parameters) {
  return std::make_unique<optim::Muon>(parameters, optim::MuonOptions{.lr = 0.5});
}

}  // namespace

TEST_CASE("a step that cannot be taken changes nothing") {
  for (const auto& make : {sgd, muon}) {
    const Tensor a = leaf({2, 3});
    Tensor b = leaf({2, 3});
    const auto optimizer = make({a, b});
    const auto pass = [&] { (a.square().sum() + b.square().sum()).backward(); };
    pass();
    b.set_data(ones({4, 3}));
    CHECK(message_of<ValueError>([&] { optimizer->step(); })
              .ends_with(": parameter 1 is float32 [4, 3], its gradient float32 [2, 3]; after "
                         "set_data() call zero_grad()"));
    CHECK(equal(a.detach(), ones({2, 3})));
    CHECK(optimizer->state_dict().empty());

    // As if it had not been tried: the first step has no dampening.
    const Tensor c = leaf({2, 3});
    const auto other = make({c});
    c.square().sum().backward();
    other->step();
    optimizer->zero_grad();
    pass();
    optimizer->step();
    CHECK(equal(a.detach(), c.detach()));

    // What is remembered of an old shape.
    b.set_data(ones({2, 3}));
    optimizer->zero_grad();
    pass();
    const Tensor before = a.detach().clone();
    CHECK(message_of<ValueError>([&] { optimizer->step(); })
              .ends_with(": parameter 1 is [2, 3], and was [4, 3] at the step before; make the "
                         "optimiser anew"));
    CHECK(equal(a.detach(), before));
  }
}

TEST_CASE("a gradient of an old dtype, and parameters that nobody else has, are told") {
  for (const auto& make : {sgd, muon}) {
    Tensor x = leaf({2, 2});
    const auto optimizer = make({x});
    x.sum().backward();
    x.set_data(ones({2, 2}, {.dtype = float64}));
    CHECK(message_of<ValueError>([&] { optimizer->step(); })
              .ends_with(": parameter 0 is float64 [2, 2], its gradient float32 [2, 2]; after "
                         "set_data() call zero_grad()"));
    const auto alone = make({leaf({2, 2})});
    CHECK(message_of<GraphError>([&] { alone->step(); })
              .ends_with(": nobody but this optimiser has its 1 parameters any more; where their "
                         "module was replaced, make the optimiser anew, from the new one's "
                         "parameters()"));
  }
}

TEST_CASE("a gradient of an old shape is told by the pass that would add to it") {
  Tensor x = leaf({4});
  x.square().sum().backward();
  for (const Shape& shape : {Shape{2}, Shape{4000}}) {
    x.set_data(ones(shape));
    CHECK(message_of<ValueError>([&] { x.square().sum().backward(); }) ==
          "backward: a leaf is float32 " + to_string(shape) +
              ", the gradient that it has float32 [4]; after set_data() call zero_grad(), or "
              "set_grad({})");
    CHECK(equal(x.grad(), full({4}, 2.)));
  }
  x.set_name("w");
  x.set_data(ones({4}, {.dtype = float64}));
  CHECK(message_of<ValueError>([&] {
          x.square().sum().backward();
        }).starts_with("backward: 'w' is float64 [4], the gradient that it has float32 [4];"));
  x.set_grad({});
  x.square().sum().backward();
  CHECK(values(x.grad()) == std::vector<double>(4, 2));
}

TEST_CASE("clipping goes by the gradients, of whatever shape the parameters are by now") {
  Tensor x = leaf({4});
  x.square().sum().backward();
  x.set_data(ones({4000}));
  CHECK(optim::clip_grad_norm_({x}, 1) == 4);
  optim::clip_grad_value_({x}, 0.25);
  CHECK(equal(x.grad(), full({4}, 0.25)));
}

TEST_CASE("groups that no longer fit what is remembered are told") {
  const Tensor a = leaf({2});
  const Tensor b = leaf({2});
  (a + b).sum().backward();
  const std::string message =
      "SGD: parameters were added to its groups or taken out of them; make the optimiser anew";
  using Groups = std::vector<optim::SGD::Group>;
  for (const auto& change : std::vector<std::function<void(Groups&)>>{
           [&](Groups& groups) { groups[0].parameters.push_back(b); },
           [&](Groups& groups) { groups[0].parameters.pop_back(); },
           [&](Groups& groups) {
             groups.push_back({{b}, {.lr = 0.1}});
           },
           [&](Groups& groups) {
             groups.insert(groups.begin(), {{}, {.lr = 0.1}});
           }}) {
    const Tensor c = leaf({2});
    c.sum().backward();
    optim::SGD optimizer({a, c}, {.lr = 0.1, .momentum = 0.9});
    change(optimizer.groups());
    CHECK(message_of<ValueError>([&] { optimizer.step(); }) == message);
    CHECK(message_of<ValueError>([&] { optimizer.state_dict(); }) == message);
  }
  optim::SGD optimizer({a, b}, {.lr = 0.1});
  optimizer.groups()[0].parameters[1] = Tensor();
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) == "SGD: parameter 1 is undefined");
}

TEST_CASE("options that are no numbers to step by are refused") {
  const Tensor x = leaf({2, 2});
  x.sum().backward();
  const auto refused = [&](const optim::SGDOptions& options) {
    return message_of<ValueError>([&] { optim::SGD({x}, options); });
  };
  CHECK(refused({.lr = NAN}) == "SGD: lr is nan, it must be finite and not negative");
  CHECK(refused({.lr = infinity}) == "SGD: lr is inf, it must be finite and not negative");
  CHECK(refused({.lr = -1}) == "SGD: lr is -1, it must be finite and not negative");
  CHECK(refused({.lr = 1, .momentum = 0.5, .dampening = NAN}) ==
        "SGD: dampening is nan, it must be finite");
  CHECK(refused({.lr = 1, .weight_decay = infinity}) ==
        "SGD: weight_decay is inf, it must be finite and not negative");
  CHECK(message_of<ValueError>([&] { optim::Muon({x}, {.lr = infinity}); }) ==
        "Muon: lr is inf, it must be finite and not negative");
  CHECK(message_of<ValueError>([&] { optim::Muon({x}, {.lr = 1, .weight_decay = NAN}); }) ==
        "Muon: weight_decay is nan, it must be finite and not negative");
  for (const auto& make : {sgd, muon}) {
    const auto optimizer = make({x});
    optimizer->set_lr(NAN);
    CHECK_THROWS_AS(optimizer->step(), ValueError);
    CHECK(equal(x.detach(), ones({2, 2})));
  }
}

TEST_CASE("an average does not read beyond what it averages") {
  nn::Linear net{3, 2};
  optim::MovingAverage average(net.state_dict());
  average.state_dict()[0].second.set_data(ones({1}));
  const std::string message =
      "MovingAverage: 'weight' is float32 [2, 3], its average float32 [1]; set_data() changed what "
      "state_dict() gave";
  CHECK(message_of<ValueError>([&] { average.update(0.5); }) == message);
  CHECK(message_of<ValueError>([&] { average.copy_to_tensors(); }) == message);
  CHECK(message_of<ValueError>([&] { average.swap(); }) == message);
}

TEST_CASE("an average of which one does not fit any more leaves all as they are") {
  const Tensor x = ones({2});
  Tensor y = ones({2});
  optim::MovingAverage average({{"x", x}, {"y", y}});
  Tensor(x).fill_(5);
  y.set_data(ones({3}));
  for (const auto& change :
       std::vector<std::function<void()>>{[&] { average.swap(); }, [&] { average.update(0.5); },
                                          [&] { average.copy_to_tensors(); }}) {
    CHECK(message_of<GraphError>(change).starts_with("MovingAverage: 'y' is not what it was"));
    CHECK(values(x) == std::vector<double>{5, 5});
    CHECK(values(average.state_dict()[0].second) == std::vector<double>{1, 1});
  }
}

TEST_CASE("no optimiser takes numbers of 16 bits, which its steps would be lost in") {
  for (const DType dtype : {float16, bfloat16}) {
    Tensor x = leaf({2, 2});
    const std::string message = "SGD: parameter 0 is " + std::string(name(dtype)) +
                                "; optimisers take float32 and float64, in which steps are not "
                                "lost";
    const Tensor small = ones({2, 2}, {.dtype = dtype, .requires_grad = true});
    CHECK(message_of<DTypeError>([&] { optim::SGD({small}, {.lr = 1}); }) == message);
    CHECK_THROWS_AS(optim::Adafactor({small}), DTypeError);
    CHECK_THROWS_AS(optim::LBFGS({small}), DTypeError);
    optim::SGD optimizer({x}, {.lr = 1});
    x.set_data(ones({2, 2}, {.dtype = dtype}));
    x.set_grad(ones({2, 2}, {.dtype = dtype}));
    CHECK(message_of<DTypeError>([&] { optimizer.step(); }) == message);
  }
}

// A copy would have options of its own, and what is remembered with the other.
static_assert(!std::is_copy_constructible_v<optim::SGD> && !std::is_copy_assignable_v<optim::SGD>);
static_assert(std::is_move_constructible_v<optim::SGD> && std::is_move_assignable_v<optim::SGD>);
static_assert(!std::is_copy_constructible_v<optim::LBFGS> &&
              !std::is_copy_constructible_v<optim::MuonWithAdamW>);
static_assert(!std::is_copy_constructible_v<optim::EMA> &&
              std::is_move_constructible_v<optim::EMA>);

TEST_CASE("what was moved from says so") {
  const Tensor x = leaf({2, 2});
  x.sum().backward();
  const std::string moved =
      ": this optimiser has no parameters; it was moved from, or they were taken out of its groups";
  optim::SGD first({x}, {.lr = 0.1});
  optim::Muon second({x}, {.lr = 0.1});
  const optim::SGD taken = std::move(first);
  const optim::Muon taken_too = std::move(second);
  for (optim::Optimizer* left : std::vector<optim::Optimizer*>{&first, &second}) {
    CHECK(message_of<ValueError>([&] { left->step(); }).ends_with(moved));
    CHECK(message_of<ValueError>([&] { left->zero_grad(); }) == "zero_grad" + moved);
    CHECK(message_of<ValueError>([&] { left->set_lr(1); }) == "set_lr" + moved);
    CHECK(message_of<ValueError>([&] { left->set_learning_rates({}); }) ==
          "set_learning_rates" + moved);
    CHECK(message_of<ValueError>([&] { left->load_state_dict({}); }) == "load_state_dict" + moved);
  }
  optim::MovingAverage average({{"x", x}});
  const optim::MovingAverage kept = std::move(average);
  CHECK(message_of<ValueError>([&] { average.update(0.5); }) ==
        "MovingAverage: used after it was moved from");
  optim::EMA ema({{"x", x}});
  const optim::EMA ema_kept = std::move(ema);
  CHECK(message_of<ValueError>([&] { ema.update(); }) ==
        "MovingAverage: used after it was moved from");
}

TEST_CASE("two optimisers may train one parameter") {
  const Tensor x = leaf({2});
  optim::SGD a({x}, {.lr = 0.25});
  optim::SGD b({x}, {.lr = 0.5});
  x.sum().backward();
  a.step();
  b.step();
  CHECK(equal(x.detach(), full({2}, 0.25)));
}

TEST_CASE("an empty schedule is refused") {
  optim::SGD optimizer({leaf({1})}, {.lr = 1});
  CHECK(message_of<ValueError>([&] { optim::Scheduler(optimizer, {}); }) ==
        "Scheduler: the schedule is empty");
}
