// Dropouts as layers.

#include <xgrad/nn/nn.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include "nn/layers.hpp"
#include "support.hpp"

using namespace support;

TEST_CASE("dropouts pass their input on in evaluation, and for p = 0") {
  const Tensor x = normal({2, 3, 4}).to(float32);
  const auto check = [&](auto layer, auto never, const Tensor& input) {
    CHECK_FALSE(equal(layer(input), input));
    layer.eval();
    CHECK(equal(layer(input), input));
    CHECK(equal(never(input), input));
  };
  check(nn::Dropout{}, nn::Dropout{0}, x);
  check(nn::Dropout1d{}, nn::Dropout1d{0}, x);
  check(nn::Dropout2d{0.9}, nn::Dropout2d{0}, unsqueeze(x, 3));
  check(nn::Dropout3d{0.9}, nn::Dropout3d{0}, x.unsqueeze(3).unsqueeze(4));
  check(nn::AlphaDropout{}, nn::AlphaDropout{0}, x);
  check(nn::FeatureAlphaDropout{}, nn::FeatureAlphaDropout{0}, x);
}

TEST_CASE("dropouts of channels drop all of a channel or nothing") {
  const auto check = [](auto layer, const Shape& shape, std::int64_t channels) {
    CAPTURE(shape);
    manual_seed(1);
    const Tensor y = layer(ones(shape));
    const Tensor rows = reshape(y, {channels, -1});
    CHECK(equal(amax(rows, 1), amin(rows, 1)));
    const auto each = values(amax(rows, 1));
    const std::set<double> found(each.begin(), each.end());
    CHECK(found == std::set<double>{0, 4.F / 3});
    const auto dropped = static_cast<double>(std::count(each.begin(), each.end(), 0.));
    // 4 deviations of √(¼ · ¾ / 1000).
    CHECK(std::abs(dropped / static_cast<double>(channels) - 0.25) < 0.055);
  };
  check(nn::Dropout1d{0.25}, {10, 100, 5}, 1000);
  check(nn::Dropout1d{0.25}, {1000, 5}, 1000);
  check(nn::Dropout2d{0.25}, {10, 100, 2, 3}, 1000);
  check(nn::Dropout2d{0.25}, {1000, 2, 3}, 1000);
  check(nn::Dropout3d{0.25}, {10, 100, 2, 1, 3}, 1000);
  check(nn::Dropout3d{0.25}, {1000, 2, 1, 3}, 1000);
}

TEST_CASE("alpha dropout keeps mean and variance, and drops to what selu ends in") {
  const double p = 0.3, alpha = -1.7580993408473766;
  const double a = 1 / std::sqrt(p * (1 - p) * alpha * alpha + (1 - p)), b = -a * p * alpha;
  manual_seed(2);
  const Tensor x = normal({200'000});
  Tensor given = x.clone().requires_grad_();
  nn::AlphaDropout layer{p};
  const Tensor y = layer(given);
  // Both of 200000 values: within 4 deviations.
  CHECK(std::abs(y.mean().item()) < 4 / std::sqrt(200'000.));
  CHECK(std::abs(y.var().item() - 1) < 4 * std::sqrt(3 / 200'000.));
  y.sum().backward();
  const auto before = values(x), after = values(y), slopes = values(given.grad());
  std::size_t dropped = 0, wrong = 0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    const bool kept = slopes[i] != 0;
    dropped += !kept;
    wrong += std::abs(after[i] - (kept ? a * before[i] + b : a * alpha + b)) > 1e-12;
    wrong += kept && std::abs(slopes[i] - a) > 1e-12;
  }
  CHECK(wrong == 0);
  CHECK(std::abs(static_cast<double>(dropped) / 200'000 - p) <
        4 * std::sqrt(p * (1 - p) / 200'000));
  CHECK(values(nn::AlphaDropout{1}(ones({2}))) == std::vector<double>{0, 0});
}

TEST_CASE("feature alpha dropout drops channels") {
  manual_seed(1);
  nn::FeatureAlphaDropout layer;
  const Tensor y = layer(zeros({10, 50, 3}));
  CHECK(equal(amax(y, 2), amin(y, 2)));
  const auto each = values(y);
  CHECK(std::set<double>(each.begin(), each.end()).size() == 2);
}

TEST_CASE("the same seed drops the same in any dtype; dropouts stand in a Sequential") {
  const Tensor x = uniform({4, 5, 6}, 1, 2);
  const auto check = [&](const char* name, auto layer) {
    check_layer(name, layer, x, [](auto& other, const Tensor& v) { return other(v); });
    manual_seed(1);
    const Tensor wide = layer(x) == 0;
    manual_seed(1);
    CHECK(equal(layer(x.to(float32)) == 0, wide));
  };
  check("Dropout", nn::Dropout{});
  check("Dropout1d", nn::Dropout1d{});
  check("Dropout2d", nn::Dropout2d{});
  check("AlphaDropout", nn::AlphaDropout{});
  check("FeatureAlphaDropout", nn::FeatureAlphaDropout{});
}

TEST_CASE("dropouts refuse what is no probability, and other axes") {
  CHECK(message_of<ValueError>([] { nn::Dropout{-0.5}; }) ==
        "Dropout: p is -0.5, it must lie in [0, 1]");
  CHECK(message_of<ValueError>([] { nn::Dropout2d{1.5}; }) ==
        "Dropout2d: p is 1.5, it must lie in [0, 1]");
  CHECK(message_of<ValueError>([] { nn::AlphaDropout{std::nan("")}; }) ==
        "AlphaDropout: p is nan, it must lie in [0, 1]");
  CHECK(message_of<ValueError>([] { nn::FeatureAlphaDropout{2}; }) ==
        "FeatureAlphaDropout: p is 2, it must lie in [0, 1]");
  CHECK(message_of<ShapeError>([] {
          nn::Dropout2d{}(zeros({2, 3}));
        }) ==
        "net (Dropout2d): Dropout2d: input [2, 3] must be [batch, channels] and 2 axes more, or "
        "[channels] and those");
  CHECK(message_of<ShapeError>([] { nn::FeatureAlphaDropout{}(zeros({2})); }) ==
        "net (FeatureAlphaDropout): FeatureAlphaDropout: input [2] must be [batch, channels, …]");
  CHECK(message_of<DTypeError>([] {
          nn::AlphaDropout{}(tensor({1, 2}));
        }) == "net (AlphaDropout): AlphaDropout: takes floating tensors, got int64");
}
