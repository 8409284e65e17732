// Convolution, pooling and the whole net, as the assignment checks them.

#include "assignment/checks.hpp"

using namespace checks;

namespace {
Tensor d(const NestedList& list) { return tensor(list, {.dtype = float64}); }
}  // namespace

TEST_CASE("convolution: the pinned values") {
  const Tensor x = d({{{{1., 2., 3.}, {4., 5., 6.}, {7., 8., 9.}},
                       {{-1., 2., -3.}, {4., -5., 6.}, {-7., 8., -9.}}}});
  const Tensor w = d(
      {{{{1., 2.}, {3., 4.}}, {{0., 1.}, {0., 1.}}}, {{{0., 1.}, {1., 0.}}, {{1., 1.}, {1., 1.}}}});
  // By hand, first filter, first window: 1·1 + 2·2 + 3·4 + 4·5 = 37, and 2 − 5 = −3: 34.
  CHECK(close(conv2d(x, w), {34, 50, 70, 74, 6, 8, 12, 14}));
  CHECK(close(conv2d(x, w, d({1., -1.})), {35, 51, 71, 75, 5, 7, 11, 13}));
  CHECK(equal(conv2d(x, w, {}, {.padding = 0}), conv2d(x, w)));
  // An impulse gives the filter, reversed: this is cross-correlation.
  Tensor impulse = zeros({1, 1, 3, 3}, {.dtype = float64});
  impulse.mutable_data<double>()[4] = 1;
  CHECK(close(conv2d(impulse, d({{{{1., 2.}, {3., 4.}}}})), {4, 3, 2, 1}));
  CHECK(equal(conv2d(x, d({{{{1.}}, {{0.}}}, {{{0.}}, {{1.}}}})), x));
}

TEST_CASE("convolution: gradients with paddings 0 to 4") {
  for (std::int64_t padding = 0; padding <= 4; ++padding)
    CHECK(gradcheck(
        [padding](auto& x, auto& w, auto& b) {
          return 0.5 * conv2d(x, w, b, {.padding = padding}).square().sum();
        },
        {normal({3, 4, 5, 7}, 1), normal({2, 4, 3, 3}, 2), normal({2}, 3)}));
}

TEST_CASE("max-pooling: gradients, ties to the first, and a chain with convolution") {
  CHECK(gradcheck([](auto& x) { return 0.5 * max_pool2d(x, 2).square().sum(); },
                  {normal({3, 4, 8, 12})}));
  const Tensor x = ones({1, 1, 2, 2}, {.dtype = float64, .requires_grad = true});
  max_pool2d(x, 2).sum().backward();
  CHECK(close(x.grad(), {1, 0, 0, 0}));
  CHECK(gradcheck(
      [](auto& in, auto& w, auto& b) {
        return 0.5 * max_pool2d(relu(conv2d(in, w, b, {.padding = 1})), 2).square().sum();
      },
      {normal({2, 3, 8, 8}, 1), normal({2, 3, 3, 3}, 2), normal({2}, 3)}));
}

TEST_CASE("the whole net: every weight and bias") {
  for (std::uint64_t draw = 0; draw < 3; ++draw) {
    const Tensor x = normal({2, 3, 2}, draw);
    const Tensor labels = tensor({0, 1});
    const Tensor w1 = normal({5, 6}, draw + 10);
    const Tensor b1 = normal({5}, draw + 20);
    const Tensor w2 = normal({3, 5}, draw + 30);
    const Tensor b2 = normal({3}, draw + 40);
    const auto two_layers = [&](const std::vector<Tensor>& p) {
      return cross_entropy(linear(relu(linear(x.flatten(1), p[0], p[1])), p[2], p[3]), labels);
    };
    const auto one_layer = [&](const std::vector<Tensor>& p) {
      return cross_entropy(relu(linear(x.flatten(1), p[0], p[1])), labels);
    };
    CHECK(gradcheck(two_layers, {w1, b1, w2, b2}));
    CHECK(gradcheck(one_layer, {w1, b1}));
  }
}

TEST_CASE("the baseline's network in small: every parameter") {
  const Tensor images = normal({2, 1, 8, 8}, 5);
  const auto net = [&](const std::vector<Tensor>& p) {
    Tensor x = max_pool2d(relu(conv2d(images, p[0], p[1], {.padding = 2})), 2);
    x = max_pool2d(relu(conv2d(x, p[2], p[3], {.padding = 2})), 2);
    return cross_entropy(linear(x.flatten(1), p[4], p[5]), tensor({3, 1}));
  };
  CHECK(
      gradcheck(net, {normal({2, 1, 5, 5}, 1) * 0.3, normal({2}, 2), normal({3, 2, 5, 5}, 3) * 0.2,
                      normal({3}, 4), normal({4, 12}, 6) * 0.1, normal({4}, 7)}));
}
