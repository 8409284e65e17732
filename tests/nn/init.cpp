#include <xgrad/nn/conv.hpp>
#include <xgrad/nn/init.hpp>
#include <xgrad/nn/linear.hpp>

#include <cmath>

#include "support.hpp"

using namespace support;
namespace init = xgrad::nn::init;

TEST_CASE("initialisers have their mean and deviation") {
  Generator generator(1);
  const auto deviation = [](const Tensor& x) { return std::sqrt(var(x).item()); };
  const Tensor w = zeros({64, 32, 5, 5});
  CHECK(init::fans(w).in == 800);
  CHECK(init::fans(w).out == 1600);
  CHECK(deviation(init::normal_(w, 2, 0.5, &generator)) == doctest::Approx(0.5).epsilon(0.02));
  CHECK(mean(w).item() == doctest::Approx(2).epsilon(0.01));
  CHECK(deviation(init::kaiming_normal_(w, std::sqrt(2), &generator)) ==
        doctest::Approx(std::sqrt(2.0 / 800)).epsilon(0.02));
  CHECK(deviation(init::kaiming_uniform_(w, std::sqrt(2), &generator)) ==
        doctest::Approx(std::sqrt(2.0 / 800)).epsilon(0.02));
  CHECK(deviation(init::xavier_normal_(w, 1, &generator)) ==
        doctest::Approx(std::sqrt(2.0 / 2400)).epsilon(0.02));
  CHECK(deviation(init::xavier_uniform_(w, 1, &generator)) ==
        doctest::Approx(std::sqrt(2.0 / 2400)).epsilon(0.02));
  CHECK(deviation(init::assignment_(w, 75, 0.1, &generator)) ==
        doctest::Approx(0.1 / std::sqrt(37.5)).epsilon(0.02));
  init::uniform_(w, -1, 3, &generator);
  CHECK(min(w).item() >= -1);
  CHECK(max(w).item() < 3);
  CHECK(max(abs(init::default_(w, 100))).item() <= 0.1);
  CHECK(sum(init::zeros_(w)).item() == 0);
  CHECK(mean(init::ones_(w)).item() == 1);
  CHECK(mean(init::constant_(w, 4)).item() == 4);
}

TEST_CASE("they work on parameters, and say what they cannot fill") {
  Tensor w = zeros({2, 2}, {.requires_grad = true});
  init::normal_(w);
  CHECK(w.is_leaf());
  CHECK(w.requires_grad());
  CHECK_THROWS_AS(init::kaiming_normal_(zeros({3})), ShapeError);
  CHECK_THROWS_AS(init::assignment_(zeros({3, 3}), 0), ValueError);
  CHECK_THROWS_AS(init::normal_(tensor({1})), DTypeError);
}

TEST_CASE("dirac_ passes channels on, through a slice as well") {
  const Tensor x = normal({2, 3, 5, 5});
  const Tensor w = normal({4, 3, 3, 3});
  const Tensor before = w.clone();
  init::dirac_(w.slice(0, 0, 3));
  const Tensor y = conv2d(x, w, {}, {.padding = 1});
  CHECK(equal(y.slice(1, 0, 3), x));
  CHECK(equal(w.slice(0, 3, 4), before.slice(0, 3, 4)));
  const Tensor narrow = conv2d(x, init::dirac_(normal({2, 3, 1, 1})), {});
  CHECK(equal(narrow, x.slice(1, 0, 2)));
  CHECK_THROWS_AS(init::dirac_(zeros({2, 2})), ShapeError);
}

TEST_CASE("whitening_ makes patches uncorrelated, of unit power, and gives both signs") {
  // Neighbours are made alike, as in images.
  const Tensor noise = normal({50, 3, 13, 13});
  const Tensor images = noise.slice(2, 1, 13) + noise.slice(2, 0, 12) + 0.5;
  const Tensor w = init::whitening_(zeros({24, 3, 2, 2}, {.dtype = float64}), images, 0);
  const Tensor y = conv2d(images, w, {});
  const Tensor rows = reshape(permute(y, {1, 0, 2, 3}), {24, -1});
  const Tensor moments = matmul(rows, transpose(rows, 0, 1)) / static_cast<double>(rows.size(1));
  const Tensor unit = eye(12).to(float64);
  CHECK(allclose(moments.slice(0, 0, 12).slice(1, 0, 12), unit, 1e-8, 1e-8));
  CHECK(equal(w.slice(0, 12, 24), -w.slice(0, 0, 12)));
  // The first filter answers to the strongest direction: it is the smallest of all.
  const Tensor norms = sum(square(w), {1, 2, 3});
  CHECK(norms[0].item() == min(norms).item());
  // Patches as large as the images are patches still.
  const Tensor small = images.slice(2, 0, 2).slice(3, 0, 2);
  CHECK(all_finite(init::whitening_(zeros({24, 3, 2, 2}, {.dtype = float64}), small, 0.1)));
  CHECK_THROWS_AS(init::whitening_(zeros({24, 3, 2, 2}, {.dtype = float64}), small.slice(2, 0, 1)),
                  ShapeError);
  CHECK(message_of<ShapeError>([&] {
          init::whitening_(zeros({12, 3, 2, 2}), images);
        }).starts_with("whitening_: weight [12, 3, 2, 2] does not fit images [50, 3, 12, 13]"));
}

TEST_CASE("layers of sizes that overflow are told") {
  const std::int64_t half = std::int64_t{1} << 62;
  CHECK(message_of<ShapeError>([&] {
          nn::Conv2d(half, 1, {4, 1});
        }) == "Conv2d: shape [1, 4611686018427387904, 4, 1] has more elements than 63 bits count");
  CHECK(message_of<ShapeError>([&] { nn::Linear(half, 4); }) ==
        "Linear: shape [4, 4611686018427387904] has more elements than 63 bits count");
}

TEST_CASE("gains are PyTorch's") {
  CHECK(init::calculate_gain("linear") == 1);
  CHECK(init::calculate_gain("conv_transpose3d") == 1);
  CHECK(init::calculate_gain("sigmoid") == 1);
  CHECK(init::calculate_gain("tanh") == 5.0 / 3);
  CHECK(init::calculate_gain("relu") == std::sqrt(2.0));
  CHECK(init::calculate_gain("selu") == 0.75);
  CHECK(init::calculate_gain("leaky_relu") == std::sqrt(2 / (1 + 0.01 * 0.01)));
  CHECK(init::calculate_gain("leaky_relu", 0.5) == std::sqrt(2 / 1.25));
  CHECK(
      message_of<ValueError>([] { init::calculate_gain("gelu"); }) ==
      "calculate_gain: there is no gain for 'gelu'; linear, sigmoid, tanh, relu, leaky_relu, selu "
      "or a convolution");
  CHECK(message_of<ValueError>([] { init::calculate_gain("tanh", 1); }) ==
        "calculate_gain: tanh has no parameter; leaky_relu has its slope");
  CHECK(message_of<ValueError>([] { init::calculate_gain("leaky_relu", NAN); }) ==
        "calculate_gain: a slope of nan; it must be finite");
}

TEST_CASE("kaiming with PyTorch's options") {
  const auto deviation = [](const Tensor& x) { return std::sqrt(var(x).item()); };
  Generator generator(2);
  const Tensor w = zeros({64, 32, 5, 5}, {.dtype = float64});
  // Fans of 800 and 1600; the error of a deviation of 51200 values is 0.3 %.
  CHECK(deviation(
            init::kaiming_normal_(w, {.mode = "fan_out", .nonlinearity = "relu"}, &generator)) ==
        doctest::Approx(std::sqrt(2.0 / 1600)).epsilon(0.02));
  CHECK(deviation(init::kaiming_uniform_(w, {.a = std::sqrt(5)}, &generator)) ==
        doctest::Approx(std::sqrt(2.0 / 6 / 800)).epsilon(0.02));
  CHECK(max(abs(w)).item() <= 1 / std::sqrt(800.0));
  CHECK(deviation(init::kaiming_normal_(w, {.nonlinearity = "tanh"}, &generator)) ==
        doctest::Approx(5.0 / 3 / std::sqrt(800.0)).epsilon(0.02));
  CHECK(message_of<ValueError>([&] { init::kaiming_normal_(w, {.mode = "in"}); }) ==
        "kaiming_normal_: there is no mode 'in'; fan_in or fan_out");
  // The same as with the gain.
  manual_seed(5);
  const Tensor a = init::kaiming_normal_(zeros({3, 4})).clone();
  manual_seed(5);
  CHECK(equal(init::kaiming_normal_(zeros({3, 4}), {.nonlinearity = "relu"}), a));
}

TEST_CASE("orthogonal_ has orthonormal rows or columns, each direction alike") {
  for (const DType dtype : {float64, float32})
    for (const Shape& shape :
         {Shape{5, 5}, Shape{3, 7}, Shape{7, 3}, Shape{4, 2, 3}, Shape{1, 1}}) {
      CAPTURE(shape.size());
      manual_seed(4);
      const Tensor w = init::orthogonal_(zeros(shape, {.dtype = dtype}), 3);
      const Tensor m = reshape(w, {shape[0], -1});
      const Tensor q = m.size(0) < m.size(1) ? m.t() : m;
      // A few roundings of values up to 9 in each entry.
      CHECK(allclose(matmul(q.t(), q), 9 * eye(q.size(1)).to(dtype), 0,
                     dtype == float64 ? 1e-13 : 1e-5));
      manual_seed(4);
      CHECK(equal(init::orthogonal_(zeros(shape, {.dtype = dtype}), 3), w));
    }
  // R's diagonal would be negative as often as not: with it positive, signs are free.
  Generator generator(1);
  int positive = 0;
  for (int i = 0; i < 200; ++i)
    positive += init::orthogonal_(zeros({1, 1}), 1, &generator).item() > 0 ? 1 : 0;
  CHECK(positive > 60);
  CHECK(positive < 140);
  CHECK(init::orthogonal_(zeros({0, 3})).numel() == 0);
  CHECK(message_of<ShapeError>([] { init::orthogonal_(zeros({3})); }) ==
        "orthogonal_: [3] is no matrix; it needs 2 axes or more");
  CHECK_THROWS_AS(init::orthogonal_(zeros({3, 3}), NAN), ValueError);
  CHECK_THROWS_AS(init::orthogonal_(zeros({3, 3}, {.dtype = int64})), DTypeError);
}

TEST_CASE("trunc_normal_ is a normal distribution between its ends") {
  Generator generator(3);
  const Tensor x = zeros({200000}, {.dtype = float64});
  init::trunc_normal_(x, 0, 1, -2, 2, &generator);
  CHECK(min(x).item() >= -2);
  CHECK(max(x).item() <= 2);
  CHECK(mean(x).item() == doctest::Approx(0).scale(1).epsilon(0.01));
  // 1 − 4 φ(2) / (2 Φ(2) − 1) = 0.7737
  CHECK(var(x).item() == doctest::Approx(0.7737).epsilon(0.01));
  init::trunc_normal_(x, 1, 2, 1, 100, &generator);
  CHECK(min(x).item() >= 1);
  // Half of it: 1 + 2 √(2 / π)
  CHECK(mean(x).item() == doctest::Approx(1 + 2 * std::sqrt(2 / M_PI)).epsilon(0.01));
  const Tensor small = zeros({5});
  Generator first(9);
  Generator second(9);
  const Tensor before = init::trunc_normal_(small, 0, 0.02, -2, 2, &first).clone();
  CHECK(equal(init::trunc_normal_(small, 0, 0.02, -2, 2, &second), before));
  CHECK(message_of<ValueError>([&] { init::trunc_normal_(small, 0, 0); }) ==
        "trunc_normal_: a deviation of 0; it must be positive and finite");
  CHECK(message_of<ValueError>([&] { init::trunc_normal_(small, 0, 1, 2, 2); }) ==
        "trunc_normal_: from 2 to 2; both must be finite and the first smaller");
  CHECK(message_of<ValueError>([&] { init::trunc_normal_(small, 0, 0.01, 5, 6); }) ==
        "trunc_normal_: of mean 0 and deviation 0.01 nothing lies between 5 and 6");
  CHECK_THROWS_AS(init::trunc_normal_(small, NAN), ValueError);
}

TEST_CASE("sparse_ leaves so many of each column 0, eye_ is the identity") {
  const Tensor w = init::sparse_(zeros({10, 40}), 0.25, 2);
  const Tensor zero = (w == 0).to(float64);
  CHECK(values(sum(zero, {0})) == std::vector<double>(40, 3));  // ⌈2.5⌉
  const Tensor by_row = sum(zero, {1});
  CHECK(max(by_row).item() > min(by_row).item());
  CHECK(min(by_row).item() > 0);
  CHECK(std::sqrt(sum(square(w)).item() / 280) == doctest::Approx(2).epsilon(0.2));
  CHECK(sum(abs(init::sparse_(zeros({3, 2}), 1))).item() == 0);
  CHECK(init::sparse_(zeros({0, 2}), 0.5).numel() == 0);
  CHECK_THROWS_AS(init::sparse_(zeros({3}), 0.5), ShapeError);
  CHECK(message_of<ValueError>([] {
          init::sparse_(zeros({3, 2}), 1.5);
        }) == "sparse_: a sparsity of 1.5; it must lie in [0, 1]");
  CHECK(values(init::eye_(normal({2, 3}))) == std::vector<double>{1, 0, 0, 0, 1, 0});
  CHECK_THROWS_AS(init::eye_(zeros({2})), ShapeError);
}
