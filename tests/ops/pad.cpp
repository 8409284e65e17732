#include "support.hpp"

using namespace support;

TEST_CASE("every mode of padding by hand") {
  const Tensor x = tensor({{1., 2., 3., 4.}});
  using Values = std::vector<double>;
  CHECK(values(pad(x, {2, 1}, "constant", 9)) == Values{9, 9, 1, 2, 3, 4, 9});
  CHECK(values(pad(x, {2, 3}, "reflect")) == Values{3, 2, 1, 2, 3, 4, 3, 2, 1});
  CHECK(values(pad(x, {2, 1}, "replicate")) == Values{1, 1, 1, 2, 3, 4, 4});
  CHECK(values(pad(x, {2, 4}, "circular")) == Values{3, 4, 1, 2, 3, 4, 1, 2, 3, 4});
  const Tensor square = tensor({{{1., 2.}, {3., 4.}}});
  CHECK(values(pad(square, {1, 0, 0, 1}, "reflect")) == Values{2, 1, 2, 4, 3, 4, 2, 1, 2});
  CHECK(values(pad(square, {1, 0, 0, 1}, "replicate")) == Values{1, 1, 2, 3, 3, 4, 3, 3, 4});
  CHECK(values(pad(square, {1, 0, 0, 1}, "circular")) == Values{2, 1, 2, 4, 3, 4, 2, 1, 2});
  const std::string mode = "replicate";
  CHECK(values(pad(tensor({{7}}), {1, 1}, mode)) == Values{7, 7, 7});
  CHECK(pad(tensor({{7}}), {1, 1}, mode).dtype() == int64);
}

TEST_CASE("negative widths cut") {
  const Tensor x = tensor({{1., 2., 3., 4.}});
  using Values = std::vector<double>;
  CHECK(values(pad(x, {-1, 2}, 9)) == Values{2, 3, 4, 9, 9});
  CHECK(values(pad(x, {-1, -3})).empty());
  CHECK(pad(x, {-1, -3}).shape() == Shape{1, 0});
  CHECK(pad(x, {-4, 1}).shape() == Shape{1, 1});
  CHECK(values(pad(x, {1, -1, -1, 1}, 5)) == Values{5, 5, 5, 5});
  CHECK(values(pad(x, {-1, 2}, "reflect")) == Values{2, 3, 4, 3, 2});
  // What is cut is still there to be reflected, as in PyTorch ...
  CHECK(values(pad(x, {3, -2}, "reflect")) == Values{4, 3, 2, 1, 2});
  CHECK(values(pad(x, {2, -1}, "replicate")) == Values{1, 1, 1, 2, 3});
  // ... but not to come round.
  CHECK(values(pad(x, {2, -1}, "circular")) == Values{2, 3, 1, 2, 3});
  Tensor y = pad(x, {-1, -1});
  y.fill_(0);
  CHECK(values(x) == Values{1, 2, 3, 4});
}

TEST_CASE("gradients of repeated values add up") {
  const Tensor x = tensor({{1., 2., 3.}}).requires_grad_();
  pad(x, {2, 1}, "reflect").backward(tensor({{1., 2., 4., 8., 16., 32.}}));
  CHECK(values(x.grad()) == std::vector<double>{4, 8 + 2 + 32, 16 + 1});
}

TEST_CASE("pads that cannot be are told") {
  const Tensor x = zeros({2, 3, 4});
  CHECK(message_of<ShapeError>([&] { pad(x, {1}); }) ==
        "pad: 1 widths for shape [2, 3, 4]; give a pair for each axis, from the last one");
  CHECK(message_of<ShapeError>([&] {
          pad(x, {-2, -3});
        }) ==
        "pad: widths -2 and -3 cut more of axis 2 than the 4 elements that it has in shape [2, 3, "
        "4]");
  CHECK(message_of<ValueError>([&] {
          pad(x, {1, 1}, "mirror");
        }) == "pad: mode 'mirror' is none of constant, reflect, replicate and circular");
  CHECK(message_of<ValueError>([&] {
          pad(x, {1, 1}, "reflect", 2);
        }) == "pad: value 2 where the mode is reflect; leave one out");
  CHECK(message_of<ShapeError>([&] {
          pad(x, {1, 1, 1, 1, 1, 1}, "reflect");
        }) ==
        "pad: 6 widths for shape [2, 3, 4]: reflect takes a pair for each axis but the first one "
        "or two, for three axes at most");
  CHECK(message_of<ShapeError>([&] {
          pad(zeros({4}), {1, 1}, "replicate");
        }) ==
        "pad: 2 widths for shape [4]: replicate takes a pair for each axis but the first one or "
        "two, for three axes at most");
  CHECK(message_of<ShapeError>([&] {
          pad(x, {0, 4}, "reflect");
        }) ==
        "pad: widths 0 and 4 of axis 2 must be less than its 4 elements to reflect them (shape [2, "
        "3, 4])");
  CHECK(message_of<ShapeError>([&] {
          pad(x, {5, 0}, "circular");
        }) ==
        "pad: widths 5 and 0 of axis 2 must not be more than its 4 elements to go round once "
        "(shape [2, 3, 4])");
  CHECK(message_of<ShapeError>([&] {
          pad(zeros({2, 3, 0}), {1, 0}, "replicate");
        }) == "pad: axis 2 of shape [2, 3, 0] has no elements to replicate");
  CHECK(message_of<ShapeError>([&] {
          pad(x, {-2, -3}, "circular");
        }).starts_with("pad: widths -2 and -3 cut more of axis 2"));
}
