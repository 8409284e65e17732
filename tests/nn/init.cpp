#include <xgrad/nn/init.hpp>

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
