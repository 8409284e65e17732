#include <xgrad/report/metrics.hpp>
#include <xgrad/report/progress.hpp>

#include "support.hpp"

using namespace support;
using report::ConfusionMatrix;

TEST_CASE("a confusion matrix by hand") {
  ConfusionMatrix matrix({"cat", "dog", "emu"});
  matrix.add(tensor({0, 0, 0, 1, 1}), tensor({0, 0, 1, 1, 0}));
  CHECK(matrix.count(0, 1) == 1);
  CHECK(matrix.total() == 5);
  CHECK(*matrix.accuracy() == doctest::Approx(0.6));
  CHECK(*matrix.precision(0) == doctest::Approx(2.0 / 3));
  CHECK(*matrix.recall(0) == doctest::Approx(2.0 / 3));
  CHECK_FALSE(matrix.precision(2).has_value());
  CHECK_FALSE(matrix.recall(2).has_value());
  CHECK(report::to_string(matrix) ==
        "true \\ predicted     cat    dog    emu   recall\n"
        "             cat       2      1      0   0.6667\n"
        "             dog       1      1      0   0.5000\n"
        "             emu       0      0      0        -\n"
        "       precision  0.6667 0.5000      -\n");
  CHECK_FALSE(ConfusionMatrix({"a"}).accuracy().has_value());
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
}

TEST_CASE("durations read well") {
  CHECK(report::duration(4.4) == "4 s");
  CHECK(report::duration(200) == "3 min 20 s");
  CHECK(report::duration(3900) == "1 h 05 min");
}
