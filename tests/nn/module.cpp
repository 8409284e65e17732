#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/sgd.hpp>

#include "support.hpp"

using namespace support;

namespace {

struct Block : nn::Module {
  nn::Linear a = add("a", nn::Linear{4, 3});
  nn::Linear b = add("b", nn::Linear{3, 2});
  Tensor forward(const Tensor& x) override { return b(relu(a(x))); }
};

struct Net : nn::Module {
  Block block = add("block", Block{});
  nn::Sequential features = add("features", nn::Sequential{nn::ReLU{}, nn::Linear{2, 5}});
  nn::Parameter scale = add_parameter("scale", ones({5}));
  nn::Buffer steps = add_buffer("steps", zeros({1}));
  Tensor forward(const Tensor& x) override { return features(block(x)) * scale; }
};

}  // namespace

TEST_CASE("a module knows its parts by name, each once") {
  Net net;
  std::vector<std::string> names;
  for (const auto& [name, x] : net.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"scale", "block.a.weight", "block.a.bias",
                                          "block.b.weight", "block.b.bias", "features.1.weight",
                                          "features.1.bias"});
  CHECK(net.named_buffers()[0].first == "steps");
  CHECK(net.parameter_count() == 5 + 4 * 3 + 3 + 3 * 2 + 2 + 2 * 5 + 5);
  CHECK(net.block.a.weight.name() == "block.a.weight");
  CHECK(net.type_name() == "Net");
  CHECK(net(zeros({2, 4})).shape() == Shape{2, 5});
}

TEST_CASE("a copy of a module shares its parameters and has its own mode") {
  Net net;
  Net same = net;
  no_grad([&] { same.block.a.weight.fill_(7); });
  CHECK(net.parameters()[1].data<float>()[0] == 7);
  net.train(false);
  CHECK_FALSE(net.block.b.is_training());
  CHECK(same.is_training());
  CHECK(same.block.b.is_training());
  CHECK_FALSE(Net(net).block.b.is_training());
}

TEST_CASE("training reaches every parameter") {
  Net net;
  optim::SGD optimizer(net.parameters(), {.lr = 0.1});
  net(ones({2, 4})).sum().backward();
  optimizer.step();
  net.zero_grad();
  for (const Tensor& x : net.parameters()) CHECK_FALSE(x.grad().defined());
}

TEST_CASE("errors name the path of the module they come from") {
  Net net;
  CHECK(message_of<ShapeError>([&] {
          net(zeros({2, 7}));
        }) ==
        "net.block.a (Linear): linear: input [2, 7] does not fit weight [3, 4], which takes 4 "
        "features in its last axis");
  nn::Sequential sequence{nn::Sequential{nn::ReLU{}, nn::Linear{3, 2}}, nn::ReLU{}};
  CHECK(message_of<ShapeError>([&] {
          sequence(zeros({2, 7}));
        }).starts_with("net.0.1 (Linear): linear:"));
  CHECK(message_of<ShapeError>([] {
          nn::Linear{2, 3}(zeros({4}));
        }).starts_with("net (Linear): linear:"));
}

TEST_CASE("a part that was not added, or not made, is told") {
  struct Forgot : nn::Module {
    nn::Linear fc{4, 2};
    Tensor forward(const Tensor& x) override { return fc(x); }
  };
  Forgot forgot;
  CHECK(message_of<GraphError>([&] {
          forgot(zeros({1, 4}));
        })
            .find("Linear: called inside Forgot, which does not contain it, so it would never be "
                  "trained") != std::string::npos);
  forgot.fc.requires_grad_(false);
  CHECK(forgot(zeros({1, 4})).shape() == Shape{1, 2});

  struct Unmade : nn::Module {
    nn::Linear fc = add("fc", nn::Linear{});
    Tensor forward(const Tensor& x) override { return fc(x); }
  };
  CHECK(
      message_of<ValueError>([] {
        Unmade{}(zeros({1, 4}));
      }) ==
      "net.fc (Linear): Linear: used before it was made; give it its sizes, as in nn::Linear{784, "
      "10}");
  nn::Conv2d empty;
  CHECK_THROWS_AS(empty(zeros({1, 1, 4, 4})), ValueError);

  struct Silent : nn::Module {};
  CHECK(message_of<GraphError>([] {
          Silent{}(zeros({1}));
        }).ends_with("Silent has no forward(const Tensor&); override it"));
}

TEST_CASE("names are unique, not empty, without dots") {
  struct Plain : nn::Module {};
  Plain module;
  const auto add = [&](const std::string& name) {
    return message_of<ValueError>([&] { const auto part = module.add(name, nn::ReLU{}); });
  };
  const nn::ReLU part = module.add("a", nn::ReLU{});
  CHECK(add("a") == "add: Plain has a part named 'a' already");
  CHECK(add("a.b") ==
        "add: 'a.b' cannot name a part of Plain: names are not empty and have no dot");
  CHECK_THROWS_AS((void)module.add_parameter("", zeros({1})), ValueError);
  CHECK_THROWS_AS((void)module.add_parameter("a", zeros({1})), ValueError);
  CHECK(module.child_count() == 1);
}

TEST_CASE("layers check their sizes") {
  CHECK_THROWS_AS((nn::Linear{0, 3}), ValueError);
  CHECK(message_of<ValueError>([] {
          nn::Conv2d{3, 4, 3, {.groups = 2}};
        }) == "Conv2d: 2 groups must divide 3 input and 4 output channels");
  for (const Extents<2> kernel : {Extents<2>(0, 3), Extents<2>(3, 0), Extents<2>(-1, 1)})
    CHECK(message_of<ValueError>([&] {
            nn::Conv2d{1, 1, kernel};
          }).starts_with("Conv2d: 1 input and 1 output channels, kernel ["));
  CHECK_THROWS_AS(nn::Dropout{1.5}, ValueError);
}

TEST_CASE("layers compute what their functions do") {
  const Tensor x = normal({2, 4, 6, 6}).to(float32);
  nn::Conv2d conv(4, 6, 3, {.stride = 2, .padding = 1, .groups = 2});
  CHECK(
      equal(conv(x), conv2d(x, conv.weight, conv.bias, {.stride = 2, .padding = 1, .groups = 2})));
  CHECK(equal(nn::MaxPool2d(2)(x), max_pool2d(x, 2)));
  CHECK(equal(nn::AvgPool2d(3, {.stride = 1})(x), avg_pool2d(x, 3, {.stride = 1})));
  CHECK(nn::Flatten{}(x).shape() == Shape{2, 144});
  CHECK(equal(nn::ReLU{}(x), relu(x)));
  CHECK(equal(nn::GELU{}(x), gelu(x)));
  CHECK(equal(nn::Sigmoid{}(x), sigmoid(x)));
  CHECK(equal(nn::Tanh{}(x), tanh(x)));
  CHECK(equal(nn::Softmax{1}(x), softmax(x, 1)));
  CHECK(equal(nn::LogSoftmax{-1}(x), log_softmax(x, -1)));
  CHECK(equal(nn::Identity{}(x), x));
  nn::Linear no_bias(144, 3, {.bias = false});
  CHECK(no_bias(x.flatten(1)).shape() == Shape{2, 3});
  CHECK(no_bias.parameters().size() == 1);
  nn::Dropout dropout(0.5);
  CHECK_FALSE(equal(dropout(x), x));
  dropout.eval();
  CHECK(equal(dropout(x), x));
}

TEST_CASE("a convolution without a bias has none, and takes the one that it is given later") {
  const Tensor x = normal({2, 4, 6, 6}).to(float32);
  nn::Conv2d conv{4, 6, 3, {.padding = {1, 0}, .bias = false}};
  CHECK(conv.parameters().size() == 1);
  CHECK_FALSE(conv.bias.defined());
  CHECK(equal(conv(x), conv2d(x, conv.weight, {}, {.padding = {1, 0}})));
  conv.bias = conv.add_parameter("bias", ones({6}));
  CHECK(equal(conv(x), conv2d(x, conv.weight, ones({6}), {.padding = {1, 0}})));
}

TEST_CASE("a network in float64 is a network in float64") {
  Net net;
  net.to(float64);
  CHECK(net.block.a.weight.dtype() == float64);
  CHECK(net.steps.dtype() == float64);
  CHECK(gradcheck([&](const Tensor& x) { return net(x); }, {normal({2, 4})}));
  CHECK_THROWS_AS(net.to(int64), DTypeError);
}

TEST_CASE("apply visits every module, hooks see every call") {
  Net net;
  int modules = 0;
  net.apply([&](nn::Module&) { ++modules; });
  CHECK(modules == 7);
  Shape seen;
  HookHandle handle = net.block.register_forward_hook(
      [&](const nn::Module&, const Tensor&, const Tensor& y) { seen = y.shape(); });
  net(zeros({3, 4}));
  CHECK(seen == Shape{3, 2});
  handle.remove();
}

TEST_CASE("shared parts count once") {
  struct Tied : nn::Module {
    nn::Linear a = add("a", nn::Linear{3, 3});
    nn::Linear b = add("b", a);
    Tensor forward(const Tensor& x) override { return b(a(x)); }
  };
  Tied tied;
  CHECK(tied.parameters().size() == 2);
  CHECK(tied.a.weight.name() == "b.weight");  // where it was added last
  tied(ones({1, 3})).sum().backward();
  CHECK(tied.a.weight.grad().defined());
}
