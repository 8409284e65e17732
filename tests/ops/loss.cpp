#include <cmath>
#include <functional>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {
constexpr double inf = std::numeric_limits<double>::infinity();
}

TEST_CASE("softmax and its logarithm are right for large logits and -inf") {
  for (const DType dtype : {float32, float64}) {
    const Tensor x = tensor({{1e4, 0., -1e4}, {-1e4, -1e4, -inf}}, {.dtype = dtype});
    CHECK(values(softmax(x, 1)) == std::vector<double>{1, 0, 0, 0.5, 0.5, 0});
    const auto y = values(log_softmax(x, 1));
    CHECK(y[0] == 0);
    CHECK(y[1] == -1e4);
    CHECK(y[2] == -2e4);
    CHECK(y[3] == doctest::Approx(-std::log(2)));
    CHECK(y[5] == -inf);
  }
  const Tensor x = tensor({{1e4, -inf, 0.}}, {.requires_grad = true});
  cross_entropy(x, tensor({0})).backward();
  CHECK(values(x.grad()) == std::vector<double>{0, 0, 0});
}

TEST_CASE("cross entropy by hand") {
  // Two examples of equal logits: every class has probability 1/4.
  const Tensor x = zeros({2, 4});
  CHECK(cross_entropy(x, tensor({1, 3})).item() == doctest::Approx(std::log(4)));
  CHECK(cross_entropy(x, tensor({1, 3}), {.reduction = Reduction::sum}).item() ==
        doctest::Approx(2 * std::log(4)));
  const Tensor logits = tensor({{1., 2.}, {2., 4.}, {-1., -2.}}, {.dtype = float64});
  const auto each =
      values(cross_entropy(logits, tensor({0, 1, 0}), {.reduction = Reduction::none}));
  CHECK(each[0] == doctest::Approx(std::log(1 + std::exp(1.0))));
  CHECK(each[1] == doctest::Approx(std::log(1 + std::exp(-2.0))));
  CHECK(each[2] == doctest::Approx(std::log(1 + std::exp(-1.0))));
}

TEST_CASE("weights, ignored targets and smoothing follow their definitions") {
  const Tensor x = normal({3, 4});
  const Tensor lp = log_softmax(x, 1);
  const auto p = [&](std::int64_t i, std::int64_t c) { return lp[i][c].item(); };
  const Tensor w = tensor({1., 2., 3., 4.}, {.dtype = float64});
  CHECK(cross_entropy(x, tensor({0, 1, 3}), {.weight = w}).item() ==
        doctest::Approx(-(p(0, 0) + 2 * p(1, 1) + 4 * p(2, 3)) / 7));
  CHECK(cross_entropy(x, tensor({0, -100, 3})).item() == doctest::Approx(-(p(0, 0) + p(2, 3)) / 2));
  CHECK(cross_entropy(x, tensor({0, 7, 3}), {.ignore_index = 7, .reduction = Reduction::sum})
            .item() == doctest::Approx(-(p(0, 0) + p(2, 3))));
  double smooth = 0;
  double weighted = 0;
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t c = 0; c < 4; ++c) {
      const bool hit = c == std::vector<std::int64_t>{0, 1, 3}[static_cast<std::size_t>(i)];
      smooth -= p(i, c) * ((hit ? 0.9 : 0) + 0.1 / 4);
      weighted -= static_cast<double>(c + 1) * p(i, c) * ((hit ? 0.9 : 0) + 0.1 / 4);
    }
  CHECK(cross_entropy(x, tensor({0, 1, 3}), {.label_smoothing = 0.1}).item() ==
        doctest::Approx(smooth / 3));
  CHECK(cross_entropy(x, tensor({0, 1, 3}), {.weight = w, .label_smoothing = 0.1}).item() ==
        doctest::Approx(weighted / 7));
  const Tensor hot =
      tensor({{1., 0., 0., 0.}, {0., 1., 0., 0.}, {0., 0., 0., 1.}}, {.dtype = float64});
  CHECK(cross_entropy(x, hot, {.label_smoothing = 0.1}).item() == doctest::Approx(smooth / 3));
  CHECK(std::isnan(cross_entropy(x, tensor({-100, -100, -100})).item()));
}

TEST_CASE("an ignored target counts for nothing even where its loss is infinite") {
  const Tensor x = tensor({{0., -inf}, {0., 0.}}, {.requires_grad = true});
  const Tensor loss = cross_entropy(x, tensor({-100, 1}));
  CHECK(loss.item() == doctest::Approx(std::log(2)));
}

TEST_CASE("more axes count every position") {
  const Tensor x = normal({2, 3, 4, 5});
  const Tensor target = randint(0, 3, {2, 4, 5});
  const Tensor flat = permute(x, {0, 2, 3, 1}).reshape({40, 3});
  CHECK(cross_entropy(x, target).item() ==
        doctest::Approx(cross_entropy(flat, target.reshape({40})).item()));
}

TEST_CASE("mse by hand") {
  CHECK(mse_loss(tensor({1., 2.}), tensor({3., 5.})).item() == 6.5);
  CHECK(mse_loss(tensor({1., 2.}), tensor({3., 5.}), {.reduction = Reduction::sum}).item() == 13);
}

TEST_CASE("wrong targets are told") {
  const Tensor x = zeros({2, 10});
  CHECK(message_of<ValueError>([&] {
          cross_entropy(x, tensor({3, 10}));
        }) == "cross_entropy: target 10 at position 1 is no class; there are 10 (0 to 9)");
  CHECK(message_of<ShapeError>([&] {
          cross_entropy(x, tensor({1, 2, 3}));
        }) == "cross_entropy: target [3] does not fit input [2, 10]; it must be [2]");
  CHECK(message_of<DTypeError>([&] {
          nll_loss(x, tensor({1., 2.}));
        }).starts_with("nll_loss: target classes are float32"));
  CHECK(message_of<ShapeError>([&] {
          cross_entropy(x, zeros({2, 9}));
        }).starts_with("cross_entropy: target probabilities [2, 9] do not fit logits [2, 10]"));
  CHECK(message_of<ShapeError>([&] {
          cross_entropy(x, tensor({1, 2}), {.weight = ones({9})});
        }) == "cross_entropy: weight [9] for 10 classes; it must be [10]");
  CHECK(message_of<ValueError>([&] {
          cross_entropy(x, tensor({1, 2}), {.label_smoothing = 2});
        }) == "cross_entropy: label_smoothing 2 is not in [0, 1]");
  CHECK(message_of<ShapeError>([] {
          mse_loss(zeros({2, 1}), zeros({2}));
        }).starts_with("mse_loss: input [2, 1] and target [2] differ"));
}

TEST_CASE("targets and weights that change later are told, or do not matter") {
  const Tensor x = normal({3, 4}).requires_grad_();
  struct Case {
    const char* name;
    std::function<Tensor(const Tensor& target, const Tensor& weight)> f;
  };
  const std::vector<Case> cases{
      {"plain", [&](const Tensor& t, const Tensor&) { return cross_entropy(x, t); }},
      {"smoothed", [&](const Tensor& t,
                       const Tensor&) { return cross_entropy(x, t, {.label_smoothing = 0.1}); }},
      {"weighted",
       [&](const Tensor& t, const Tensor& w) { return cross_entropy(x, t, {.weight = w}); }},
      {"ignored",
       [&](const Tensor& t, const Tensor&) { return cross_entropy(x, t, {.ignore_index = 2}); }},
      {"nll", [&](const Tensor& t, const Tensor& w) { return nll_loss(x, t, {.weight = w}); }}};
  for (const Case& c : cases)
    for (const int changed : {0, 1}) {
      CAPTURE(c.name);
      CAPTURE(changed);
      const auto gradient = [&](int change) {
        Tensor target = tensor({2, 0, 1});
        Tensor weight = tensor({0.5, 2., 1.5, 1.}, {.dtype = float64});
        const Tensor loss = c.f(target, weight);
        if (change == 0) target.fill_(3);
        if (change == 1) weight.fill_(9);
        return grad(loss, x);
      };
      const Tensor right = gradient(-1);
      Tensor later;
      try {
        later = gradient(changed);
      } catch (const GraphError&) {
        continue;
      }
      CHECK(equal(later, right));
    }
}
