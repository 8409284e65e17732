// Handles that outlive what they were made for are told, never silently without effect.

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <string>
#include <utility>

#include "support.hpp"

using namespace support;

namespace {

struct Net : nn::Module {
  nn::Linear fc = add("fc", nn::Linear{3, 2});
  nn::Dropout drop = add("drop", nn::Dropout{0.5});
  Tensor forward(const Tensor& x) override { return drop(fc(x)); }
};

/// A layer with an option of its own.
struct Scale : nn::Module {
  explicit Scale(double by) : factor(by) {}
  double factor;
  Tensor forward(const Tensor& x) override { return x * factor; }
};

struct Scaled : nn::Module {
  nn::Linear fc = add("fc", nn::Linear{3, 2});
  Scale scale = add("scale", Scale{2});
  Tensor forward(const Tensor& x) override { return scale(fc(x)); }
};

void train_once(nn::Module& net, optim::Optimizer& optimizer, DType dtype = float32) {
  optimizer.zero_grad();
  net(ones({4, 3}, {.dtype = dtype})).square().sum().backward();
  optimizer.step();
}

}  // namespace

TEST_CASE("a parameter that is assigned is its module's") {
  nn::Linear a{3, 2};
  Net net;
  net.fc.weight = a.weight;
  CHECK(net.parameters()[0].impl() == a.weight.impl());
  CHECK(net.state_dict()[0].second.data<float>() == a.weight.data<float>());
  net.to(float64);
  CHECK(a.weight.dtype() == float64);
  net.fc.bias = nn::Parameter();
  CHECK(net.named_parameters().size() == 1);
  const Tensor before = a.weight;
  net.fc.weight = nn::Linear{3, 2}.weight;
  CHECK(net.parameters()[0].impl() != before.impl());
  CHECK(net.parameters()[0].impl() == net.fc.weight.impl());
}

TEST_CASE("modules are assigned as a whole") {
  Net net;
  Net other;
  const Net kept = net;
  const Tensor old_weight = net.fc.weight;
  net = other;
  CHECK(net.fc.weight.impl() == other.fc.weight.impl());
  CHECK(net.parameters()[0].impl() == other.fc.weight.impl());
  CHECK(kept.fc.weight.impl() == old_weight.impl());
  net = Net();
  CHECK(net.fc.weight.impl() == net.parameters()[0].impl());
  net = nn::clone(kept);
  CHECK(equal(net.fc.weight.detach(), kept.fc.weight.detach()));
  CHECK(net.parameters()[0].impl() != kept.fc.weight.impl());
  nn::Linear with_bias{3, 2};
  with_bias = nn::Linear{3, 2, {.bias = false}};
  CHECK_FALSE(with_bias.bias.defined());
  CHECK(with_bias.parameters().size() == 1);
  std::swap(net, other);
  CHECK(net.fc.weight.impl() == net.parameters()[0].impl());
  CHECK(net(ones({1, 3})).shape() == Shape{1, 2});
}

TEST_CASE("forward hooks see what is assigned to their module") {
  Net net;
  int calls = 0;
  HookHandle handle =
      net.fc.register_forward_hook([&](const auto&, const auto&, const auto&) { ++calls; });
  net.fc = nn::Linear{3, 2};
  net(ones({1, 3}));
  CHECK(calls == 1);
  net = Net();
  net(ones({1, 3}));
  CHECK(calls == 2);
  handle.remove();
  net(ones({1, 3}));
  CHECK(calls == 2);
}

TEST_CASE("apply() changes the fields that forward() reads") {
  Scaled net;
  const auto widen = [](nn::Module& module) {
    if (auto* scale = dynamic_cast<Scale*>(&module)) scale->factor = 5;
  };
  net.apply(widen);
  CHECK(net.scale.factor == 5);
  nn::Sequential list;
  list.push_back(Scaled{}).push_back(Scale{2});
  const Tensor x = ones({1, 3});
  const Tensor before = list(x).detach();  // times 2, twice
  list.apply(widen);
  CHECK(allclose(list(x).detach(), before * (25. / 4)));
  net.apply([](nn::Module& module) {
    for (const Tensor& p : module.parameters()) p.detach().fill_(1);
    module.eval().to(float64).train();
  });
  CHECK(net.fc.weight.dtype() == float64);
}

TEST_CASE("an optimiser goes on with what it remembers after its module was converted") {
  manual_seed(1);
  nn::Linear net{3, 2};
  nn::Linear wide = nn::clone(net);
  wide.to(float64);
  optim::SGD a(net.parameters(), {.lr = 0.01, .momentum = 0.9});
  optim::SGD b(wide.parameters(), {.lr = 0.01, .momentum = 0.9});
  train_once(net, a);
  train_once(wide, b, float64);
  net.to(float64);
  train_once(net, a, float64);
  train_once(wide, b, float64);
  // float32's rounding in the first of two steps; without the momentum it would be off by 1e-2.
  CHECK(allclose(net.weight.detach(), wide.weight.detach(), 1e-6, 1e-6));
}

TEST_CASE("an optimiser says where a parameter is not what it was made for") {
  nn::Linear net{3, 2};
  optim::SGD optimizer(net.parameters(), {.lr = 0.1, .momentum = 0.9});
  train_once(net, optimizer);
  net.weight.set_data(ones({5, 3}));
  CHECK(message_of<ValueError>([&] { optimizer.step(); }) ==
        "SGD: 'weight' is float32 [5, 3], its gradient float32 [2, 3]; after set_data() call "
        "zero_grad()");
  net.bias.set_data(ones({5}));
  CHECK(message_of<ValueError>([&] { train_once(net, optimizer); }) ==
        "SGD: 'weight' is [5, 3], and was [2, 3] at the step before; make the optimiser anew");

  nn::Linear other{3, 2};
  optim::SGD sgd(other.parameters(), {.lr = 0.1});
  optim::Muon muon({other.weight}, {.lr = 0.1});
  other(ones({1, 3})).sum().backward();
  other = nn::Linear{3, 2};
  CHECK_THROWS_WITH_AS(sgd.step(), doctest::Contains("SGD: nobody but this optimiser has"),
                       GraphError);
  sgd.zero_grad();
  CHECK_THROWS_AS(sgd.step(), GraphError);

  nn::Linear last{3, 2};
  optim::SGD alone(last.parameters(), {.lr = 0.1});
  alone.zero_grad();
  last = nn::Linear{3, 2};
  last(ones({1, 3})).sum().backward();
  CHECK(message_of<GraphError>([&] { alone.step(); }) ==
        "SGD: nobody but this optimiser has its 2 parameters any more; where their module was "
        "replaced, make the optimiser anew, from the new one's parameters()");
}

TEST_CASE("a parameter without a name is told by its number") {
  const Tensor x = ones({3}, {.requires_grad = true});
  CHECK(message_of<ValueError>([&] {
          optim::SGD({x, x}, {.lr = 1});
        }) == "SGD: parameter 1 [3] is given twice");
  CHECK(message_of<GraphError>([&] {
          optim::SGD({x, x * 2}, {.lr = 1});
        }) ==
        "SGD: parameter 1 [3] is a result of mul, not a leaf; its gradient would not be kept");
  CHECK(message_of<ShapeError>([&] { optim::Muon({x}, {.lr = 1}); }) ==
        "Muon: parameter 0 [3] is not a matrix; leave biases and gains to SGD");
}

TEST_CASE("an average and a saved dict that no longer follow their module are told") {
  nn::Linear net{3, 2};
  optim::MovingAverage average(net.state_dict());
  average.update(0.9);
  const nn::StateDict dict = net.state_dict();
  const nn::StateDict copies{{"weight", net.weight.detach().clone()}};
  net.to(float32);  // nothing to convert
  average.update(0.9);
  net.to(float64);
  CHECK(message_of<GraphError>([&] { average.update(0.9); }) ==
        "MovingAverage: 'weight' is not what it was: its module was converted or replaced; make "
        "the average after that");
  CHECK_THROWS_AS(average.copy_to_tensors(), GraphError);
  const TemporaryDirectory directory;
  CHECK(message_of<GraphError>([&] { nn::save(dict, directory.file("w")); }) ==
        "save: 'weight' follows its module no more, which was converted after this state_dict(); "
        "take it again, or clone() values that are to stay");
  nn::save(copies, directory.file("w"));
  nn::save(net.state_dict(), directory.file("w"));

  nn::Linear gone{3, 2};
  optim::MovingAverage of_gone(gone.state_dict());
  gone = nn::Linear{3, 2};
  CHECK_THROWS_AS(of_gone.update(0.9), GraphError);
}

TEST_CASE("an optimiser, hooks and averages go with a module that is moved") {
  Net net;
  optim::SGD optimizer(net.parameters(), {.lr = 0.1});
  optim::MovingAverage average(net.state_dict());
  int calls = 0;
  net.register_forward_hook([&](const auto&, const auto&, const auto&) { ++calls; });
  Net moved = std::move(net);
  const Tensor before = moved.fc.weight.detach().clone();
  moved.eval();
  train_once(moved, optimizer);
  average.update(0);
  CHECK_FALSE(equal(moved.fc.weight.detach(), before));
  CHECK(calls == 1);
  CHECK(allclose(average.state_dict()[0].second, moved.fc.weight.detach()));
  CHECK(message_of<ValueError>([&] { net.parameters(); }) ==
        "module: used after it was moved from");
}

TEST_CASE("to() drops the gradients, also where nothing is converted") {
  for (const DType dtype : {float32, float64}) {
    Net net;
    net(ones({4, 3})).square().sum().backward();
    REQUIRE(net.fc.weight.grad().defined());
    net.to(dtype);
    for (const Tensor& x : net.parameters()) CHECK_FALSE(x.grad().defined());
    // The next pass begins anew, in the new dtype.
    net.eval()(ones({4, 3}, {.dtype = dtype})).sum().backward();
    CHECK(equal(net.fc.bias.grad(), full({2}, 4., {.dtype = dtype})));
  }
}
