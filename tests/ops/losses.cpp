// Losses of each element and of distances, by hand; those of classes are in loss.cpp.

#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "support.hpp"

using namespace support;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double NaN = std::numeric_limits<double>::quiet_NaN();

Tensor wide(const NestedList& list) { return tensor(list, {.dtype = float64}); }

using Numbers = std::vector<double>;

void check_close(const Tensor& found, const Numbers& expected) {
  const auto all = values(found.detach());
  REQUIRE(all.size() == expected.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(i);
    // A dozen roundings of float64; the small ones count as much as the large.
    CHECK(
        (all[i] == expected[i] || std::abs(all[i] - expected[i]) <= 1e-14 * std::abs(expected[i])));
  }
}

/// Of a loss in its first argument.
Tensor slopes(const std::function<Tensor(const Tensor&)>& loss, const Tensor& x) {
  const Tensor leaf = x.detach().requires_grad_();
  const Tensor y = loss(leaf);
  return grad(y, leaf, {.grad_outputs = {ones_like(y)}});
}

constexpr auto none = Reduction::none;
constexpr auto total = Reduction::sum;

}  // namespace

TEST_CASE("l1, smooth l1 and huber by hand") {
  const Tensor x = wide({0., 0.5, -1., 3., inf}), t = wide({0., 0., 0., 1., 0.});
  check_close(l1_loss(x, t, {.reduction = none}), {0, 0.5, 1, 2, inf});
  check_close(slopes([&](auto& v) { return l1_loss(v, t, {.reduction = none}); }, x),
              {0, 1, -1, 1, 1});
  const auto smooth = [&](const Tensor& v) {
    return smooth_l1_loss(v, t, {.reduction = none, .beta = 2});
  };
  check_close(smooth(x), {0, 0.0625, 0.25, 1, inf});
  check_close(slopes(smooth, x), {0, 0.25, -0.5, 1, 1});
  const auto huber = [&](const Tensor& v) {
    return huber_loss(v, t, {.reduction = none, .delta = 0.5});
  };
  check_close(huber(x), {0, 0.125, 0.375, 0.875, inf});
  check_close(slopes(huber, x), {0, 0.5, -0.5, 0.5, 0.5});
  CHECK(smooth_l1_loss(x, t, {.reduction = total, .beta = 0}).item() == inf);
  CHECK(l1_loss(wide({1., 2.}), wide({3., 5.})).item() == 2.5);
  CHECK(huber_loss(wide({1., 2.}), wide({3., 2.5}), {.reduction = total}).item() == 1.625);
  // The second derivative where the fit is perfect, too.
  const Tensor leaf = wide({0.}).requires_grad_();
  const Tensor first =
      grad(smooth_l1_loss(leaf, wide({0.}), {.beta = 0.5}), leaf, {.create_graph = true});
  CHECK(grad(first, leaf).item() == 2);
  CHECK(std::isnan(huber_loss(wide({NaN}), wide({0.})).item()));
  CHECK(l1_loss(tensor({1., 2.}), tensor({3, 5})).dtype() == float32);
}

TEST_CASE("binary cross entropy by hand, at 0 and 1 as PyTorch has it") {
  const Tensor x = wide({0.25, 0.5, 0., 1., 0.}), t = wide({1., 0.5, 1., 0., 0.});
  const auto f = [&](const Tensor& v) { return binary_cross_entropy(v, t, {.reduction = none}); };
  check_close(f(x), {std::log(4), std::log(2), 100, 100, 0});
  check_close(slopes(f, x), {-4, 0, -1e12, 1e12, 0});
  check_close(slopes([&](auto& v) { return binary_cross_entropy(x, v, {.reduction = none}); }, t),
              {std::log(3), 0, 100, -100, 100});
  CHECK(
      binary_cross_entropy(wide({0.25, 0.5}), wide({1., 1.}), {.weight = wide({1., 3.})}).item() ==
      doctest::Approx((std::log(4) + 3 * std::log(2)) / 2));
  // Small probabilities keep their digits in float32.
  CHECK(binary_cross_entropy(tensor({1e-9}), tensor({0.})).item() == doctest::Approx(1e-9));
  CHECK(message_of<ValueError>([] {
          binary_cross_entropy(tensor({0.5, 1.5, -1.}), zeros({3}));
        }) ==
        "binary_cross_entropy: 2 of the inputs are outside of [0, 1]; of numbers that are no "
        "probabilities take binary_cross_entropy_with_logits");
  CHECK(message_of<ShapeError>([] {
          binary_cross_entropy(full({2}, 0.5), zeros({2}), {.weight = ones({3, 2})});
        }) == "binary_cross_entropy: weight [3, 2] does not broadcast to the losses [2]");
}

TEST_CASE("binary cross entropy of logits neither overflows nor loses small probabilities") {
  const Tensor x = wide({0., 1000., -1000., -50., 50.}), t = wide({1., 1., 1., 0., 1.});
  const auto f = [&](const Tensor& v) {
    return binary_cross_entropy_with_logits(v, t, {.reduction = none});
  };
  check_close(f(x), {std::log(2), 0, 1000, std::exp(-50), std::exp(-50)});
  check_close(slopes(f, x), {-0.5, 0, -1, std::exp(-50), -std::exp(-50)});
  const Tensor logits = normal({3, 2}), target = uniform({3, 2}, 0, 1);
  CHECK(allclose(binary_cross_entropy_with_logits(logits, target),
                 binary_cross_entropy(sigmoid(logits), target)));
  const Tensor w = wide({2., 5.});
  const Tensor p = sigmoid(logits);
  CHECK(allclose(
      binary_cross_entropy_with_logits(logits, target, {.reduction = none, .pos_weight = w}),
      -(w * target * log(p) + (1 - target) * log(1 - p))));
  CHECK(message_of<ShapeError>([] {
          binary_cross_entropy_with_logits(zeros({2}), zeros({2}), {.pos_weight = ones({3, 2})});
        }) ==
        "binary_cross_entropy_with_logits: pos_weight [3, 2] does not broadcast to the "
        "logits [2]");
}

TEST_CASE("kl_div by hand") {
  const Tensor p = wide({{0.5, 0.25, 0.25}, {1., 0., 0.}});
  const Tensor x = wide({{-1., -2., -3.}, {-0.5, -inf, -4.}});
  const double a = 0.5 * (std::log(0.5) + 1), b = 0.25 * (std::log(0.25) + 2),
               c = 0.25 * (std::log(0.25) + 3);
  const auto f = [&](const Tensor& v) { return kl_div(v, p, {.reduction = none}); };
  check_close(f(x), {a, b, c, 0.5, 0, 0});
  check_close(slopes(f, x), {-0.5, -0.25, -0.25, -1, 0, 0});
  const double all = a + b + c + 0.5;
  CHECK(kl_div(x, p).item() == doctest::Approx(all / 6));
  CHECK(kl_div(x, p, {.reduction = Reduction::batchmean}).item() == doctest::Approx(all / 2));
  CHECK(kl_div(x.slice(0, 0, 1), log(p.slice(0, 0, 1)), {.reduction = total, .log_target = true})
            .item() == doctest::Approx(a + b + c));
  const auto refused = [](const char* name, const auto& call) {
    CHECK(message_of<ValueError>(call) ==
          std::string(name) + ": the reduction batchmean is kl_div's alone; mean, sum or none");
  };
  constexpr auto batchmean = Reduction::batchmean;
  refused("l1_loss", [&] { l1_loss(x, p, {.reduction = batchmean}); });
  refused("mse_loss", [&] { mse_loss(x, p, {.reduction = batchmean}); });
  const Tensor classes = tensor({0, 1});
  refused("nll_loss", [&] { nll_loss(x, classes, {.reduction = batchmean}); });
  refused("cross_entropy", [&] { cross_entropy(x, classes, {.reduction = batchmean}); });
  refused("ctc_loss", [&] {
    ctc_loss(x, classes.slice(0, 1), tensor(2), tensor(1), {.reduction = batchmean});
  });
}

TEST_CASE("the likelihoods of Poisson's and Gauss's distributions") {
  const Tensor x = wide({0., 2.}), t = wide({3., 1.});
  check_close(poisson_nll_loss(x, t, {.reduction = none}), {1, std::exp(2) - 2});
  check_close(poisson_nll_loss(x, t, {.log_input = false, .reduction = none}),
              {-3 * std::log(1e-8), 2 - std::log(2 + 1e-8)});
  const double stirling = 3 * std::log(3) - 3 + 0.5 * std::log(6 * std::numbers::pi);
  check_close(poisson_nll_loss(x, t, {.full = true, .reduction = none}),
              {1 + stirling, std::exp(2) - 2});

  const Tensor var = wide({4., 0.});
  const auto f = [&](const Tensor& v) {
    return gaussian_nll_loss(x, t, v, {.eps = 0.25, .reduction = none});
  };
  check_close(f(var), {0.5 * (std::log(4) + 2.25), 0.5 * (std::log(0.25) + 4)});
  check_close(slopes(f, var), {0.5 * (0.25 - 9. / 16), 0.5 * (4 - 16)});
  CHECK(gaussian_nll_loss(x, t, wide({1., 1.}), {.full = true, .reduction = total}).item() ==
        doctest::Approx(5 + std::log(2 * std::numbers::pi)));
  CHECK(message_of<ValueError>([&] {
          gaussian_nll_loss(x, t, wide({1., -2.}));
        }) == "gaussian_nll_loss: var is -2 somewhere; it must not be negative");
  CHECK(message_of<ShapeError>([&] { gaussian_nll_loss(x, t, ones({3})); }) ==
        "gaussian_nll_loss: var [3] for input [2]; the shapes must be equal, or the last extent "
        "of var 1 or left out");
}

TEST_CASE("losses of margins, and their gradients where a margin is just kept") {
  const Tensor x = wide({2., 2., -1., 0.5}), t = tensor({1, -1, -1, -1});
  const auto hinge = [&](const Tensor& v) {
    return hinge_embedding_loss(v, t, {.margin = 2, .reduction = none});
  };
  check_close(hinge(x), {2, 0, 3, 1.5});
  check_close(slopes(hinge, x), {1, -1, -1, -1});

  const Tensor y = wide({1., 1., 0., 0.});
  const auto ranking = [&](const Tensor& v) {
    return margin_ranking_loss(v, y, t, {.margin = 1, .reduction = none});
  };
  check_close(ranking(x), {0, 2, 0, 1.5});
  check_close(slopes(ranking, x), {-1, 1, 1, 1});

  check_close(soft_margin_loss(wide({0., 3., 1e4}), tensor({1, -1, 1}), {.reduction = none}),
              {std::log(2), std::log1p(std::exp(3)), 0});
  CHECK(soft_margin_loss(wide({-1e4}), tensor({1})).item() == 1e4);
  CHECK(message_of<ShapeError>([&] { hinge_embedding_loss(x, tensor({1})); }) ==
        "hinge_embedding_loss: input [4] and target [1] differ; reshape one, a loss does not "
        "broadcast");
  CHECK(message_of<DTypeError>([&] { soft_margin_loss(x, x > 0); }) ==
        "soft_margin_loss: input is float64 and target bool; they must be floating and numbers "
        "(1 and -1)");
}

TEST_CASE("multi-class margins by hand") {
  const Tensor x = wide({{0.1, 0.2, 0.4, 0.8}});
  // PyTorch's own example: classes 3 and 0 are true, 1 and 2 are not.
  CHECK(multilabel_margin_loss(x, tensor({{3, 0, -1, 1}})).item() == doctest::Approx(0.85));
  CHECK(multilabel_margin_loss(x[0], tensor({-1, 0, 1, 2})).item() == 0);
  const auto margin = [](const Tensor& v) { return multi_margin_loss(v, tensor({2})); };
  CHECK(margin(x).item() == doctest::Approx((0.7 + 0.8 + 1.4) / 4));
  check_close(slopes(margin, x), {0.25, 0.25, -0.75, 0.25});
  CHECK(
      multi_margin_loss(x[0], tensor(3), {.p = 2, .margin = 0.6, .weight = wide({1., 1., 1., 3.})})
          .item() == doctest::Approx(3 * 0.04 / 4));
  // At the edge of the margin: nothing.
  check_close(slopes([](auto& v) { return multi_margin_loss(v, tensor({1})); }, wide({{0., 1.}})),
              {0, 0});
  check_close(slopes(
                  [](auto& v) {
                    return multilabel_margin_loss(v, tensor({{1, -1}}));
                  },
                  wide({{0., 1.}})),
              {0, 0});
  CHECK(message_of<ValueError>([&] { multi_margin_loss(x, tensor({4})); }) ==
        "multi_margin_loss: target 4 at position 0 is no class; there are 4 (0 to 3)");
  CHECK(message_of<ValueError>([&] {
          multi_margin_loss(x, tensor({-100}));
        }).starts_with("multi_margin_loss: target -100"));
  CHECK(message_of<ValueError>([&] { multi_margin_loss(x, tensor({0}), {.p = 3}); }) ==
        "multi_margin_loss: p is 3; it must be 1 or 2");
  CHECK(message_of<ValueError>([&] {
          multilabel_margin_loss(x, tensor({{1, 7, 0, 0}}));
        }) ==
        "multilabel_margin_loss: target 7 at position 1 is no class; there are 4 (0 to 3), and -1 "
        "after the last");
  const Tensor logits = wide({{0., 2.}});
  CHECK(multilabel_soft_margin_loss(logits, wide({{1., 0.}})).item() ==
        doctest::Approx((std::log(2) + std::log1p(std::exp(2))) / 2));
}

TEST_CASE("distances and cosines") {
  const Tensor a = wide({{3., 0.}, {1., 1.}}), b = wide({{0., 4.}, {1., 1.}});
  const auto distance = [&](double p) { return pairwise_distance(a, b, p, 0); };
  check_close(distance(2), {5, 0});
  check_close(distance(1), {7, 0});
  check_close(distance(inf), {4, 0});
  check_close(distance(-inf), {3, 0});
  check_close(distance(0), {2, 0});
  check_close(distance(3), {std::cbrt(27. + 64), 0});
  check_close(distance(-1), {1 / (1. / 3 + 1. / 4), 0});
  CHECK(pairwise_distance(a, b, 2, 0, true).shape() == Shape{2, 1});
  check_close(pairwise_distance(a, a), {1e-6 * std::numbers::sqrt2, 1e-6 * std::numbers::sqrt2});
  for (const double p : {1.0, 2.0, 3.0, 0.5, inf}) {
    CAPTURE(p);
    const Tensor at_0 = slopes([&](auto& v) { return pairwise_distance(v, b, p, 0); }, b);
    CHECK(values(at_0) == Numbers{0, 0, 0, 0});
  }
  check_close(slopes([&](auto& v) { return pairwise_distance(v, b, 2, 0); }, a), {0.6, -0.8, 0, 0});

  check_close(cosine_similarity(a, b), {0, 1});
  check_close(cosine_similarity(wide({{1., 0.}, {0., 0.}}), wide({{-2., 0.}, {1., 1.}})), {-1, 0});
  CHECK(cosine_similarity(ones({2, 3, 4}), ones({3, 1}), 0).shape() == Shape{3, 4});
  CHECK(message_of<ShapeError>([] { cosine_similarity(ones({}), ones({})); }) ==
        "cosine_similarity: scalars have no axis 1");
  CHECK(message_of<DTypeError>([] { pairwise_distance(tensor({1}), tensor({1})); }) ==
        "pairwise_distance: takes floating tensors, got int64 and int64");
  const Tensor t = tensor({1, -1});
  // The squares of the lengths count 1e-12 more: 2 / (2 + 1e-12) is the cosine of the second.
  const double nearly = 2 / (2 + 1e-12);
  check_close(cosine_embedding_loss(a, b, t, {.reduction = none}), {1, nearly});
  const auto turned = values(cosine_embedding_loss(a, b, -t, {.margin = -0.5, .reduction = none}));
  CHECK(turned[0] == 0.5);
  CHECK(std::abs(turned[1] - 5e-13) <= 0x1p-51);  // the rounding of a cosine near 1
  CHECK(message_of<ShapeError>([&] {
          cosine_embedding_loss(a, b, ones({2, 1}));
        }) ==
        "cosine_embedding_loss: inputs [2, 2] and target [2, 1]; they must be [N, D] and [N], or "
        "[D] and []");
}

TEST_CASE("triplets by hand") {
  const Tensor anchor = wide({{0., 0.}}), positive = wide({{3., 0.}}), negative = wide({{0., 4.}});
  const auto loss = [&](const TripletMarginLossOptions& options) {
    return triplet_margin_loss(anchor, positive, negative, options).item();
  };
  CHECK(loss({.margin = 2, .eps = 0}) == 1);
  CHECK(loss({.margin = 0.5, .eps = 0}) == 0);
  CHECK(loss({.margin = 5, .p = 1, .eps = 0}) == 4);
  CHECK(triplet_margin_loss(anchor, negative, positive, {.eps = 0, .swap = true}).item() == 2);
  // The negative is nearer to the positive.
  const Tensor far = wide({{0., 8.}}), near = wide({{0., 9.}});
  CHECK(triplet_margin_loss(anchor, far, near, {.margin = 1, .eps = 0}).item() == 0);
  CHECK(triplet_margin_loss(anchor, far, near, {.margin = 1, .eps = 0, .swap = true}).item() == 8);
  CHECK(message_of<ValueError>([&] { loss({.margin = 0}); }) ==
        "triplet_margin_loss: margin is 0; it must be above 0");
}

namespace {

/// −ln Σ over all paths of `steps` classes that spell the labels, each path by itself.
double by_paths(const Tensor& x, const std::vector<std::int64_t>& labels, std::int64_t blank) {
  const std::int64_t steps = x.size(0), classes = x.size(1);
  std::int64_t paths = 1;
  for (std::int64_t t = 0; t < steps; ++t) paths *= classes;
  const auto lp = values(x);
  double sum = 0;
  for (std::int64_t path = 0; path < paths; ++path) {
    std::vector<std::int64_t> spelled;
    std::int64_t before = -1, rest = path;
    double log_p = 0;
    for (std::int64_t t = 0; t < steps; ++t, rest /= classes) {
      const std::int64_t k = rest % classes;
      log_p += lp[static_cast<std::size_t>(t * classes + k)];
      if (k != before && k != blank) spelled.push_back(k);
      before = k;
    }
    if (spelled == labels) sum += std::exp(log_p);
  }
  return -std::log(sum);
}

}  // namespace

TEST_CASE("ctc_loss sums over all paths that spell the target") {
  const std::vector<std::vector<std::int64_t>> targets{{},     {1},       {1, 2},
                                                       {2, 2}, {1, 2, 1}, {1, 1, 1}};
  for (const std::int64_t blank : {0, 3})
    for (const auto& labels : targets)
      for (const std::int64_t steps : {1, 3, 5}) {
        CAPTURE(blank);
        CAPTURE(labels.size());
        CAPTURE(steps);
        const Tensor x = log_softmax(normal({steps, 4}), 1);
        const auto length = static_cast<std::int64_t>(labels.size());
        const Tensor loss = ctc_loss(x, from_vector(labels), tensor(steps), tensor(length),
                                     {.blank = blank, .reduction = total});
        const double expected = by_paths(x, labels, blank);
        if (std::isinf(expected))
          CHECK(loss.item() == inf);
        else
          CHECK(loss.item() == doctest::Approx(expected).epsilon(1e-12));
      }
}

TEST_CASE("ctc_loss of a batch is that of its examples, and its mean over the targets' lengths") {
  const Tensor x = log_softmax(normal({6, 3, 4}), 2);
  const Tensor rows = tensor({{1, 2, 3}, {2, 2, 0}, {3, 0, 0}});
  const Tensor steps = tensor({6, 4, 5}), lengths = tensor({3, 2, 0});
  const Tensor each = ctc_loss(x, rows, steps, lengths, {.reduction = none});
  CHECK(each.shape() == Shape{3});
  for (std::int64_t n = 0; n < 3; ++n) {
    const std::int64_t length = lengths[n].item<std::int64_t>();
    const Tensor own = x.select(1, n).slice(0, 0, steps[n].item<std::int64_t>());
    CHECK(each[n].item() ==
          doctest::Approx(by_paths(own, rows[n].slice(0, 0, length).to_vector<std::int64_t>(), 0)));
    CHECK(each[n].item() ==
          doctest::Approx(
              ctc_loss(x.select(1, n), rows[n], steps[n], lengths[n], {.reduction = none}).item()));
  }
  CHECK(equal(each, ctc_loss(x, tensor({1, 2, 3, 2, 2}), steps, lengths, {.reduction = none})));
  const auto l = values(each);
  CHECK(ctc_loss(x, rows, steps, lengths).item() ==
        doctest::Approx((l[0] / 3 + l[1] / 2 + l[2]) / 3));
  CHECK(ctc_loss(x, rows, steps, lengths, {.reduction = total}).item() ==
        doctest::Approx(l[0] + l[1] + l[2]));
  // The gradient through log_softmax: p less the probability of being there, 0 after the end.
  const Tensor logits = normal({6, 3, 4}).requires_grad_();
  const Tensor loss = ctc_loss(log_softmax(logits, 2), rows, steps, lengths);
  const Tensor dx = grad(loss, logits);
  CHECK(max(abs(dx.sum(2))).item() < 1e-12);
  CHECK(max(abs(dx.select(1, 1).slice(0, 4))).item() == 0);
  CHECK(max(abs(dx.select(1, 1).slice(0, 3, 4))).item() > 0);
}

TEST_CASE("ctc_loss where the target does not fit the input") {
  const Tensor x = log_softmax(normal({2, 2, 3}), 2);
  const Tensor rows = tensor({{1, 1}, {1, 2}}), steps = tensor({2, 2}), lengths = tensor({2, 2});
  const auto of = [&](bool zero) {
    return [&, zero](const Tensor& v) {
      return ctc_loss(v, rows, steps, lengths, {.reduction = none, .zero_infinity = zero});
    };
  };
  CHECK(of(false)(x)[0].item() == inf);
  CHECK(of(true)(x)[0].item() == 0);
  CHECK(of(true)(x)[1].item() == of(false)(x)[1].item());
  CHECK(std::isnan(slopes(of(false), x)[0][0][1].item()));
  CHECK(values(slopes(of(true), x).select(1, 0)) == Numbers(6, 0));
  CHECK(equal(slopes(of(true), x).select(1, 1), slopes(of(false), x).select(1, 1)));
}

TEST_CASE("what ctc_loss refuses") {
  const Tensor x = zeros({4, 2, 3}), rows = tensor({{1, 2}, {2, 1}});
  const Tensor two = tensor({2, 2}), four = tensor({4, 4});
  const auto told = [](auto f) { return message_of<ValueError>(f); };
  CHECK(told([&] {
          ctc_loss(x, tensor({{1, 3}, {2, 1}}), four, two);
        }) == "ctc_loss: target 3 is no label; they are 0 to 2, but for the blank 0");
  CHECK(told([&] { ctc_loss(x, rows, four, two, {.blank = 2}); }) ==
        "ctc_loss: target 2 is no label; they are 0 to 2, but for the blank 2");
  CHECK(told([&] { ctc_loss(x, rows, four, two, {.blank = 3}); }) ==
        "ctc_loss: blank 3 is no class; there are 3");
  CHECK(told([&] {
          ctc_loss(x, rows, tensor({4, 5}), two);
        }) == "ctc_loss: input_lengths has 5 at position 1; it must be from 0 to 4");
  CHECK(told([&] {
          ctc_loss(x, rows, four, tensor({3, 1}));
        }) == "ctc_loss: target_lengths has 3 at position 0; it must be from 0 to 2");
  CHECK(message_of<ShapeError>([&] {
          ctc_loss(x, tensor({1, 2, 1}), four, two);
        }) == "ctc_loss: target_lengths add up to more than the 3 targets");
  CHECK(message_of<ShapeError>([&] {
          ctc_loss(x, tensor({1, 2, 1}), four, tensor({1, 1}));
        }) == "ctc_loss: target_lengths add up to 2; there are 3 targets in a row");
  CHECK(message_of<ShapeError>([&] { ctc_loss(x, rows, tensor({4}), two); }) ==
        "ctc_loss: input_lengths [1] for 2 examples; one is needed for each");
}
