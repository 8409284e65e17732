// Convolutions as layers.

#include <xgrad/nn/nn.hpp>

#include <cmath>

#include "nn/layers.hpp"
#include "support.hpp"

using namespace support;

TEST_CASE("convolutions are the operations with weights of their own") {
  check_layer("Conv1d", nn::Conv1d{4, 6, 3, {.stride = 2, .padding = 1, .groups = 2}},
              normal({2, 4, 9}), [](const nn::Conv1d& layer, const Tensor& x) {
                return conv1d(x, layer.weight, layer.bias,
                              {.stride = 2, .padding = 1, .groups = 2});
              });
  check_layer("Conv2d", nn::Conv2d{3, 5, {3, 2}, {.padding = "same", .padding_mode = "reflect"}},
              normal({2, 3, 6, 5}), [](const nn::Conv2d& layer, const Tensor& x) {
                return conv2d(x, layer.weight, layer.bias,
                              {.padding = "same", .padding_mode = "reflect"});
              });
  check_layer("Conv3d", nn::Conv3d{2, 4, {1, 2, 3}, {.dilation = {1, 1, 2}, .bias = false}},
              normal({2, 2, 3, 4, 7}), [](const nn::Conv3d& layer, const Tensor& x) {
                return conv3d(x, layer.weight, {}, {.dilation = {1, 1, 2}});
              });
  check_layer("ConvTranspose1d", nn::ConvTranspose1d{4, 6, 3, {.stride = 3, .groups = 2}},
              normal({2, 4, 5}), [](const nn::ConvTranspose1d& layer, const Tensor& x) {
                return conv_transpose1d(x, layer.weight, layer.bias, {.stride = 3, .groups = 2});
              });
  check_layer("ConvTranspose2d",
              nn::ConvTranspose2d{3, 2, {3, 4}, {.stride = 2, .padding = 1, .output_padding = 1}},
              normal({2, 3, 4, 5}), [](const nn::ConvTranspose2d& layer, const Tensor& x) {
                return conv_transpose2d(x, layer.weight, layer.bias,
                                        {.stride = 2, .padding = 1, .output_padding = 1});
              });
  check_layer("ConvTranspose3d", nn::ConvTranspose3d{2, 3, 2, {.bias = false, .dilation = 2}},
              normal({1, 2, 2, 3, 3}), [](const nn::ConvTranspose3d& layer, const Tensor& x) {
                return conv_transpose3d(x, layer.weight, {}, {.dilation = 2});
              });
}

TEST_CASE("convolutions by hand") {
  nn::Conv1d layer{1, 1, 2};
  const NoGradGuard guard;
  layer.weight.copy_(tensor({{{1.F, -1.F}}}));
  layer.bias.copy_(tensor({10.F}));
  const Tensor x = tensor({{{1.F, 4.F, 9.F}}});
  CHECK(values(layer(x)) == std::vector<double>{7, 5});
  CHECK(layer(x[0]).shape() == Shape{1, 2});
  nn::ConvTranspose1d up{1, 1, 2, {.stride = 2}};
  up.weight.copy_(tensor({{{1.F, -1.F}}}));
  up.bias.copy_(tensor({10.F}));
  CHECK(values(up(x)) == std::vector<double>{11, 9, 14, 6, 19, 1});
}

TEST_CASE("weights of convolutions have PyTorch's names, shapes and bounds") {
  using Names = std::vector<std::string>;
  CHECK(state_of(nn::Conv1d{4, 6, 3, {.groups = 2}}) == Names{"weight [6, 2, 3]", "bias [6]"});
  CHECK(state_of(nn::Conv2d{4, 6, {3, 5}}) == Names{"weight [6, 4, 3, 5]", "bias [6]"});
  CHECK(state_of(nn::Conv3d{4, 6, {1, 2, 3}, {.bias = false}}) == Names{"weight [6, 4, 1, 2, 3]"});
  CHECK(state_of(nn::ConvTranspose1d{4, 6, 3, {.groups = 2}}) ==
        Names{"weight [4, 3, 3]", "bias [6]"});
  CHECK(state_of(nn::ConvTranspose2d{4, 6, {3, 5}}) == Names{"weight [4, 6, 3, 5]", "bias [6]"});
  CHECK(state_of(nn::ConvTranspose3d{4, 6, 2, {.bias = false}}) == Names{"weight [4, 6, 2, 2, 2]"});
  // Within 1 / √(weight.size(1) · places): 1/6 and 1/12, and near it, as 4000 values and more are.
  const auto largest = [](const Tensor& x) { return amax(abs(x)).item(); };
  const nn::Conv1d down{12, 200, 3};
  CHECK(largest(down.weight) <= 1. / 6);
  CHECK(largest(down.weight) > 0.99 / 6);
  CHECK(largest(down.bias) <= 1. / 6);
  CHECK(largest(down.bias) > 0.95 / 6);
  const nn::ConvTranspose2d up{200, 16, 3};
  CHECK(largest(up.weight) <= 1. / 12);
  CHECK(largest(up.weight) > 0.99 / 12);
  CHECK(largest(up.bias) <= 1. / 12);
}

TEST_CASE("a transposed convolution is told which size is meant") {
  nn::ConvTranspose2d up{3, 2, 3, {.stride = {2, 3}, .padding = 1}};
  const Tensor x = normal({2, 3, 4, 5}).to(float32);
  CHECK(up(x).shape() == Shape{2, 2, 7, 13});
  CHECK(up(x, {8, 15}).shape() == Shape{2, 2, 8, 15});
  CHECK(equal(up(x, {8, 14}),
              conv_transpose2d(x, up.weight, up.bias,
                               {.stride = {2, 3}, .padding = 1, .output_padding = {1, 1}})));
  CHECK(up(x, {2, 2, 7, 14}).shape() == Shape{2, 2, 7, 14});
  CHECK(up(x[0], {8, 13}).shape() == Shape{2, 8, 13});
  CHECK(message_of<ShapeError>([&] {
          up(x, {9, 13});
        }) ==
        "net (ConvTranspose2d): ConvTranspose2d: output_size [9, 13] for input [2, 3, 4, 5]; axis "
        "0 can have 7 to 8");
  CHECK(message_of<ShapeError>([&] {
          up(x, {7, 12});
        }) ==
        "net (ConvTranspose2d): ConvTranspose2d: output_size [7, 12] for input [2, 3, 4, 5]; axis "
        "1 can have 13 to 15");
  CHECK(message_of<ShapeError>([&] { up(x, {7}); }) ==
        "net (ConvTranspose2d): ConvTranspose2d: output_size [7] for input [2, 3, 4, 5]; it names "
        "the last 2 axes or all of them");
}

TEST_CASE("convolutions refuse sizes and options when they are made") {
  CHECK(message_of<ValueError>([] {
          nn::Conv1d{0, 2, 3};
        }) == "Conv1d: 0 input and 2 output channels, kernel [3]; all must be positive");
  CHECK(message_of<ValueError>([] {
          nn::ConvTranspose3d{2, 2, {1, 0, 1}};
        }) ==
        "ConvTranspose3d: 2 input and 2 output channels, kernel [1, 0, 1]; all must be positive");
  CHECK(message_of<ValueError>([] {
          nn::ConvTranspose2d{4, 6, 3, {.groups = 4}};
        }) == "ConvTranspose2d: 4 groups must divide 4 input and 6 output channels");
  CHECK(message_of<ValueError>([] {
          nn::Conv3d{1, 1, 3, {.stride = 0}};
        }) ==
        "Conv3d: stride [0, 0, 0], dilation [1, 1, 1] and groups 1 must be positive, padding "
        "[0, 0, 0] not negative");
  CHECK(message_of<ValueError>([] {
          nn::Conv2d{1, 1, 3, {.stride = 2, .padding = "same"}};
        }) == "Conv2d: padding same keeps the extents, which stride [2, 2] does not");
  CHECK(message_of<ValueError>([] {
          nn::Conv2d{1, 1, 3, {.padding_mode = "mirror"}};
        }) == "Conv2d: padding_mode 'mirror' is none of zeros, reflect, replicate and circular");
  CHECK(message_of<ValueError>([] {
          nn::ConvTranspose1d{1, 1, 3, {.output_padding = 1}};
        }) == "ConvTranspose1d: output_padding [1] must be less than stride [1] or dilation [1]");
  nn::Conv3d empty;
  CHECK(message_of<ValueError>([&] {
          empty(zeros({1, 1, 1, 1, 1}));
        }) ==
        "net (Conv3d): Conv3d: used before it was made; give it its sizes, as in "
        "nn::Conv3d{1, 16, 5}");
  nn::ConvTranspose1d none;
  CHECK(message_of<ValueError>([&] {
          none(zeros({1, 1, 1}));
        }) ==
        "net (ConvTranspose1d): ConvTranspose1d: used before it was made; give it its sizes, as in "
        "nn::ConvTranspose1d{16, 1, 5}");
}
