#include <xgrad/nn/nn.hpp>

#include "support.hpp"

using namespace support;

TEST_CASE("the summary is a table of layers, shapes and parameters") {
  nn::Sequential net{nn::Conv2d{1, 16, 5, {.padding = 2}},
                     nn::ReLU{},
                     nn::MaxPool2d{2},
                     nn::Flatten{},
                     nn::Dropout{},
                     nn::Linear{16 * 14 * 14, 10}};
  net.children()[1].second->eval();
  const auto table = nn::summary(net, {4, 1, 28, 28});
  CHECK(table.layers.size() == 6);
  CHECK(table.layers[0].output == Shape{4, 16, 28, 28});
  CHECK(table.output == Shape{4, 10});
  CHECK(table.parameters == 416 + 31370);
  CHECK(nn::to_string(table) ==
        "layer  type       output           parameters\n"
        "---------------------------------------------\n"
        "input             [4, 1, 28, 28]             \n"
        "0      Conv2d     [4, 16, 28, 28]         416\n"
        "1      ReLU       [4, 16, 28, 28]           0\n"
        "2      MaxPool2d  [4, 16, 14, 14]           0\n"
        "3      Flatten    [4, 3136]                 0\n"
        "4      Dropout    [4, 3136]                 0\n"
        "5      Linear     [4, 10]              31,370\n"
        "---------------------------------------------\n"
        "31,786 parameters\n");
  // The network is as it was: training flags, and no hooks.
  CHECK(net.is_training());
  CHECK_FALSE(net.children()[1].second->is_training());
  CHECK(net.children()[4].second->is_training());
}

TEST_CASE("frozen parameters are told apart; a wrong input shape names the layer") {
  nn::Sequential net{nn::Linear{4, 3}, nn::Linear{3, 2}};
  net.children()[0].second->requires_grad_(false);
  CHECK(nn::to_string(nn::summary(net, {1, 4})).ends_with("23 parameters, 8 of them trained\n"));
  CHECK(message_of<ShapeError>([&] {
          nn::summary(net, {1, 5});
        }).starts_with("net.0 (Linear): linear:"));
}

TEST_CASE("parameters of a module that has children too are listed") {
  struct Scaled : nn::Module {
    nn::Linear fc = add("fc", nn::Linear{4, 3});
    nn::Parameter scale = add_parameter("scale", ones({3}));
    Tensor forward(const Tensor& x) override { return fc(x) * scale; }
  };
  Scaled net;
  const auto table = nn::summary(net, {1, 4});
  REQUIRE(table.layers.size() == 2);
  CHECK(table.layers[0].parameters == 15);
  CHECK(table.layers[1].path == "net");
  CHECK(table.layers[1].parameters == 3);
  CHECK(table.parameters == 18);
}
