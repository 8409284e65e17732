#include <xgrad/report/metrics.hpp>
#include <xgrad/report/progress.hpp>

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;
using report::ConfusionMatrix;

TEST_CASE("a confusion matrix by hand") {
  ConfusionMatrix matrix({"cat", "dog", "emu"});
  matrix.add(tensor({0, 0, 0, 1, 1}), tensor({0, 0, 1, 1, 0}));
  CHECK(matrix.count(0, 1) == 1);
  CHECK(matrix.total() == 5);
  CHECK(*matrix.accuracy() == doctest::Approx(0.6));
  CHECK(matrix.right() == 3);
  const auto [precision, recall, f1] = matrix.scores(1);
  CHECK(*precision == doctest::Approx(0.5));
  CHECK(*recall == doctest::Approx(0.5));
  CHECK(*f1 == doctest::Approx(0.5));
  CHECK(*matrix.scores(0).precision == doctest::Approx(2.0 / 3));
  CHECK(*matrix.scores(0).recall == doctest::Approx(2.0 / 3));
  CHECK_FALSE(matrix.scores(2).precision);
  CHECK_FALSE(matrix.scores(2).recall);
  CHECK_FALSE(matrix.scores(2).f1);
  CHECK(*matrix.macro().precision == doctest::Approx(7.0 / 12));
  CHECK(*matrix.weighted().precision == doctest::Approx(0.6));
  CHECK(*matrix.micro().f1 == doctest::Approx(0.6));
  CHECK(report::to_string(matrix) ==
        "true \\ predicted     cat    dog    emu   recall\n"
        "             cat       2      1      0   0.6667\n"
        "             dog       1      1      0   0.5000\n"
        "             emu       0      0      0        -\n"
        "       precision  0.6667 0.5000      -\n");
  CHECK_FALSE(ConfusionMatrix({"a"}).accuracy().has_value());
}

TEST_CASE("a class that is never predicted has a recall of 0 and no precision") {
  ConfusionMatrix matrix({"a", "b"});
  matrix.add(tensor({0, 1}), tensor({0, 0}));
  CHECK(*matrix.scores(0).precision == doctest::Approx(0.5));
  CHECK(*matrix.scores(0).recall == 1);
  CHECK(*matrix.scores(0).f1 == doctest::Approx(2.0 / 3));
  CHECK_FALSE(matrix.scores(1).precision);
  CHECK(*matrix.scores(1).recall == 0);
  CHECK(*matrix.scores(1).f1 == 0);
  CHECK(*matrix.macro().precision == doctest::Approx(0.5));
  CHECK(*matrix.macro().f1 == doctest::Approx(1.0 / 3));
  CHECK_FALSE(ConfusionMatrix({"a"}).macro().f1);
}

TEST_CASE("top-k by hand; equal scores count as argmax counts them") {
  const Tensor scores = tensor({{1., 2., 3.}, {3., 2., 1.}, {1., 1., 1.}});
  const Tensor target = tensor({0, 1, 2});
  CHECK(*report::topk_accuracy(scores, target, 1) == 0);
  CHECK(*report::topk_accuracy(scores, target, 2) == doctest::Approx(1.0 / 3));
  CHECK(*report::topk_accuracy(scores, target, 3) == 1);
  CHECK(*report::topk_accuracy(scores, tensor({2, 0, 0}), 1) == 1);
  CHECK_FALSE(report::topk_accuracy(zeros({0, 3}), zeros({0}, {.dtype = int64}), 1));
  CHECK_THROWS_AS(report::topk_accuracy(scores, target, 4), ValueError);
  CHECK_THROWS_AS(report::topk_accuracy(scores, tensor({0, 1}), 1), ShapeError);
  CHECK_THROWS_AS(report::topk_accuracy(scores, tensor({0, 1, 3}), 1), ValueError);
  CHECK_THROWS_AS(report::topk_accuracy(tensor({{1, 2}}), tensor({0}), 1), DTypeError);
}

TEST_CASE("the area under the ROC curve by hand") {
  // Scores 0.1, 0.4 of others and 0.35, 0.8 of the class: it wins 3 of 4 comparisons.
  const Tensor scores = tensor({{0.9, 0.1}, {0.6, 0.4}, {0.65, 0.35}, {0.2, 0.8}});
  CHECK(*report::roc_auc(scores, tensor({0, 0, 1, 1}), 1) == doctest::Approx(0.75));
  CHECK(*report::roc_auc(scores, tensor({0, 0, 1, 1}), 0) == doctest::Approx(0.75));
  // A tie counts half: 1 win and 1 tie of 2.
  CHECK(*report::roc_auc(tensor({{0., 0.5}, {0., 0.5}, {0., 0.2}}), tensor({1, 0, 0}), 1) ==
        doctest::Approx(0.75));
  CHECK_FALSE(report::roc_auc(scores, tensor({0, 0, 0, 0}), 1));
  CHECK_FALSE(report::roc_auc(scores, tensor({1, 1, 1, 1}), 1));
  CHECK_THROWS_AS(report::roc_auc(tensor({{NAN, 0.}}), tensor({0}), 0), ValueError);
}

TEST_CASE("a score of NaN is never right, and has no rank") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor target = tensor({0, 1, 2});
  for (const double sign : {1., -1.})
    for (std::int64_t k = 1; k <= 3; ++k) {
      const double bad = std::copysign(nan, sign);
      CHECK(*report::topk_accuracy(full({3, 3}, bad), target, k) == 0);
      // In the place of the right class, and of another, beside an example that is found.
      CHECK(*report::topk_accuracy(tensor({{bad, 1., 2.}, {bad, 9., 2.}, {0., 1., 2.}}), target,
                                   k) == doctest::Approx(1.0 / 3));
    }
  CHECK(message_of<ValueError>([&] {
          report::roc_auc(tensor({{0., 1.}, {0., -nan}}), tensor({0, 1}), 1);
        }) == "roc_auc: example 1 has a score of NaN, which has no rank");
  CHECK(message_of<ValueError>([&] {
          report::calibration(tensor({{0., 1.}, {0.5, -nan}}), tensor({0, 1}));
        }) ==
        "calibration: example 1 has the probability nan; give probabilities, not scores: "
        "softmax(scores, 1)");
}

TEST_CASE("calibration by hand") {
  // Twice 0.95 with one right, once 0.75 and right: 2/3 · 0.45 + 1/3 · 0.25.
  const Tensor p = tensor({{0.95, 0.05}, {0.95, 0.05}, {0.25, 0.75}}, {.dtype = float64});
  const auto found = report::calibration(p, tensor({0, 1, 1}));
  REQUIRE(found.bins.size() == 10);
  CHECK(found.bins[9].count == 2);
  CHECK(*found.bins[9].confidence == doctest::Approx(0.95));
  CHECK(*found.bins[9].accuracy == doctest::Approx(0.5));
  CHECK(found.bins[7].count == 1);
  CHECK(found.bins[0].count == 0);
  CHECK_FALSE(found.bins[0].accuracy);
  CHECK(*found.error == doctest::Approx(0.3 + 0.25 / 3));
  CHECK(message_of<ValueError>([] {
          report::calibration(tensor({{2., -1.}}), tensor({0}));
        }).find("softmax") != std::string::npos);
}

TEST_CASE("what is no class is told") {
  ConfusionMatrix matrix({"a", "b"});
  CHECK(message_of<ValueError>([&] {
          matrix.add(tensor({0, 2}), tensor({0, 1}));
        }).starts_with("ConfusionMatrix: example 1 has target 2"));
  CHECK(matrix.total() == 0);
  CHECK_THROWS_AS(matrix.add(tensor({0}), tensor({0, 1})), ShapeError);
  CHECK_THROWS_AS(ConfusionMatrix({}), ValueError);
}

TEST_CASE("a running mean is plain at first, then forgets") {
  report::RunningMean mean(0.9, 2);
  mean.add(1);
  mean.add(3);
  CHECK(mean.value() == 2);
  mean.add(12);
  CHECK(mean.value() == doctest::Approx(3));
  report::RunningMean other(0.9, 2);
  other.set_state(mean.state());
  mean.add(5);
  other.add(5);
  CHECK(other.value() == mean.value());
}

TEST_CASE("a running mean of a short training forgets sooner") {
  CHECK(report::RunningMean::factor_for(3000) == 0.995);
  CHECK(report::RunningMean::factor_for(1e6) == 0.995);
  CHECK(report::RunningMean::factor_for(600) == doctest::Approx(0.975));
  CHECK(report::RunningMean::factor_for(1) == 0.95);
}

TEST_CASE("a stopwatch adds up each part") {
  report::Stopwatch watch;
  watch.lap("a");
  watch.lap("b");
  watch.lap("a");
  REQUIRE(watch.parts().size() == 2);
  CHECK(watch.parts()[0].first == "a");
  CHECK(watch.seconds("a") >= 0);
  CHECK(watch.seconds("never") == 0);
  CHECK(watch.seconds() == watch.seconds("a") + watch.seconds("b"));
  report::Stopwatch later({{"a", 2.0}});
  later.lap("a");
  CHECK(later.seconds("a") >= 2);
}

TEST_CASE("durations read well") {
  CHECK(report::duration(4.4) == "4 s");
  CHECK(report::duration(200) == "3 min 20 s");
  CHECK(report::duration(3900) == "1 h 05 min");
  CHECK(report::duration(NAN) == "unknown");
  CHECK(report::duration(INFINITY) == "unknown");
  CHECK(report::duration(1e300) == "unknown");
}
