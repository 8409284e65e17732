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
