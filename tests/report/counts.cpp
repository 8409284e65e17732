// Measures against their definitions, counted one by one over random scores with ties.

#include <xgrad/report/metrics.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

#include "support.hpp"

using namespace support;
using report::ConfusionMatrix;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool alike(const std::optional<double>& a, const std::optional<double>& b) {
  return a.has_value() == b.has_value() && (!a || std::abs(*a - *b) <= 1e-12);
}

bool alike(const report::ClassScores& a, const report::ClassScores& b) {
  return alike(a.precision, b.precision) && alike(a.recall, b.recall) && alike(a.f1, b.f1);
}

std::optional<double> ratio(double part, double whole) {
  if (whole == 0) return {};
  return part / whole;
}

struct Example {
  std::int64_t target, predicted;
};

std::int64_t count_if(const std::vector<Example>& all, const std::function<bool(Example)>& f) {
  return std::ranges::count_if(all, f);
}

report::ClassScores scores_of(const std::vector<Example>& all, std::int64_t c) {
  const auto number = [&](auto f) { return static_cast<double>(count_if(all, f)); };
  const double hits = number([c](Example e) { return e.target == c && e.predicted == c; });
  const double missed = number([c](Example e) { return e.target == c && e.predicted != c; });
  const double wrong = number([c](Example e) { return e.target != c && e.predicted == c; });
  return {ratio(hits, hits + wrong), ratio(hits, hits + missed),
          ratio(2 * hits, 2 * hits + wrong + missed)};
}

/// The mean of what is defined, by these weights.
report::ClassScores mean_of(const std::vector<report::ClassScores>& all,
                            const std::vector<double>& weights) {
  const auto mean = [&](std::optional<double> report::ClassScores::*score) {
    double sum = 0;
    double weight = 0;
    for (std::size_t c = 0; c < all.size(); ++c) {
      if (!(all[c].*score)) continue;
      sum += weights[c] * *(all[c].*score);
      weight += weights[c];
    }
    return ratio(sum, weight);
  };
  return {mean(&report::ClassScores::precision), mean(&report::ClassScores::recall),
          mean(&report::ClassScores::f1)};
}

Tensor rows(const std::vector<double>& scores, std::size_t classes) {
  return from_vector(
      scores,
      Shape{static_cast<std::int64_t>(scores.size() / classes), static_cast<std::int64_t>(classes)},
      {.dtype = float64});
}

}  // namespace

TEST_CASE("a confusion matrix is what is counted one by one, over several adds") {
  constexpr unsigned seed = 3;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const std::int64_t classes : {1, 2, 3, 5})
    for (const int used : {1, 2, 5})
      for (const int adds : {0, 1, 3}) {
        CAPTURE(classes);
        CAPTURE(used);
        CAPTURE(adds);
        std::vector<std::string> names(static_cast<std::size_t>(classes), "c");
        ConfusionMatrix matrix(names);
        std::vector<Example> all;
        // Few examples and few of the classes: some never occur, some are never predicted.
        const auto draw = [&] {
          return static_cast<std::int64_t>(
              random() % std::min<std::uint64_t>(static_cast<std::uint64_t>(classes),
                                                 static_cast<std::uint64_t>(used)));
        };
        for (int add = 0; add < adds; ++add) {
          std::vector<std::int64_t> target, predicted;
          for (int i = 0; i < 7; ++i) {
            all.push_back({draw(), classes - 1 - draw()});
            target.push_back(all.back().target);
            predicted.push_back(all.back().predicted);
          }
          matrix.add(from_vector(target), from_vector(predicted));
        }
        std::vector<report::ClassScores> each;
        std::vector<double> support, equal_weights(names.size(), 1.);
        for (std::int64_t c = 0; c < classes; ++c) {
          const auto k = static_cast<std::size_t>(c);
          each.push_back(scores_of(all, c));
          const auto of = count_if(all, [c](Example e) { return e.target == c; });
          support.push_back(static_cast<double>(of));
          CHECK(matrix.support(k) == of);
          CHECK(matrix.predicted(k) == count_if(all, [c](Example e) { return e.predicted == c; }));
          for (std::int64_t p = 0; p < classes; ++p)
            CHECK(matrix.count(k, static_cast<std::size_t>(p)) ==
                  count_if(all, [&](Example e) { return e.target == c && e.predicted == p; }));
          CHECK(alike(matrix.scores(k), each.back()));
        }
        const auto right = count_if(all, [](Example e) { return e.target == e.predicted; });
        const auto accuracy = ratio(static_cast<double>(right), static_cast<double>(all.size()));
        CHECK(matrix.total() == std::ssize(all));
        CHECK(matrix.right() == right);
        CHECK(alike(matrix.accuracy(), accuracy));
        CHECK(alike(matrix.micro(), {accuracy, accuracy, accuracy}));
        CHECK(alike(matrix.macro(), mean_of(each, equal_weights)));
        CHECK(alike(matrix.weighted(), mean_of(each, support)));
        CHECK_THROWS_AS(matrix.count(names.size(), 0), ValueError);
        CHECK_THROWS_AS(matrix.count(0, names.size()), ValueError);
      }
}

TEST_CASE("top-k: the class is among the first k of a stable order") {
  constexpr unsigned seed = 5;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<double> values{0, 0.5, 1, -infinity, infinity};
  for (const std::size_t classes : {1U, 2U, 3U, 6U}) {
    std::vector<double> scores;
    std::vector<std::int64_t> target;
    for (int i = 0; i < 60; ++i) {
      for (std::size_t c = 0; c < classes; ++c) scores.push_back(values[random() % values.size()]);
      target.push_back(static_cast<std::int64_t>(random() % classes));
    }
    for (std::size_t k = 1; k <= classes; ++k) {
      CAPTURE(classes);
      CAPTURE(k);
      double found = 0;
      for (std::size_t i = 0; i < target.size(); ++i) {
        std::vector<std::size_t> order(classes);
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::ranges::stable_sort(order, std::ranges::greater(),
                                 [&](std::size_t c) { return scores[i * classes + c]; });
        const auto at = std::ranges::find(order, static_cast<std::size_t>(target[i]));
        found += at - order.begin() < static_cast<std::ptrdiff_t>(k);
      }
      const auto measured = report::topk_accuracy(rows(scores, classes), from_vector(target),
                                                  static_cast<std::int64_t>(k));
      CHECK(alike(measured, found / 60));
      CHECK(alike(measured,
                  report::topk_accuracy(rows(scores, classes).to(float32), from_vector(target),
                                        static_cast<std::int64_t>(k))));
    }
    CHECK_THROWS_AS(report::topk_accuracy(rows(scores, classes), from_vector(target), 0),
                    ValueError);
  }
}

TEST_CASE("the area under the ROC curve is the part of all pairs that are in order") {
  constexpr unsigned seed = 7;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::vector<double> values{-infinity, -1, 0, 0.25, 1, infinity};
  for (const std::size_t kinds : {1U, 2U, 6U})  // of scores: one is ties alone
    for (std::int64_t c = 0; c < 3; ++c) {
      CAPTURE(kinds);
      CAPTURE(c);
      std::vector<double> scores;
      std::vector<std::int64_t> target;
      for (int i = 0; i < 40; ++i) {
        for (int k = 0; k < 3; ++k) scores.push_back(values[random() % kinds]);
        target.push_back(static_cast<std::int64_t>(random() % 3));
      }
      double wins = 0;
      double pairs = 0;
      for (std::size_t i = 0; i < 40; ++i)
        for (std::size_t j = 0; j < 40; ++j) {
          if (target[i] != c || target[j] == c) continue;
          const double a = scores[i * 3 + static_cast<std::size_t>(c)];
          const double b = scores[j * 3 + static_cast<std::size_t>(c)];
          wins += a > b ? 1 : a == b ? 0.5 : 0;
          pairs += 1;
        }
      CHECK(alike(report::roc_auc(rows(scores, 3), from_vector(target), c), wins / pairs));
    }
}

TEST_CASE("every confidence falls into the bin that says so, the edges into the lower one") {
  for (const int bins : {1, 2, 3, 7, 10, 15, 20, 49, 100, 1000}) {
    CAPTURE(bins);
    std::vector<double> confidences{0, 5e-324, 1e-17, 0.5, 1};
    for (int b = 1; b <= bins; ++b) {
      const double edge = static_cast<double>(b) / bins;
      confidences.insert(confidences.end(),
                         {std::nextafter(edge, 0.), edge, std::min(std::nextafter(edge, 2.), 1.)});
    }
    for (const double p : confidences) {
      const auto found = report::calibration(rows({p}, 1), zeros({1}, {.dtype = int64}), bins);
      REQUIRE(found.bins.size() == static_cast<std::size_t>(bins));
      std::size_t filled = 0;
      for (std::size_t b = 0; b < found.bins.size(); ++b) {
        const auto& bin = found.bins[b];
        if (bin.count == 0) continue;
        ++filled;
        CAPTURE(p);
        CAPTURE(b);
        CHECK((bin.low < p || p == 0));
        CHECK(p <= bin.high);
        CHECK(*bin.confidence == p);
        CHECK(*bin.accuracy == 1);
      }
      CHECK(filled == 1);
    }
  }
  const auto half = report::calibration(rows({0.5, 0.5}, 2), zeros({1}, {.dtype = int64}));
  CHECK(half.bins[4].count == 1);
  CHECK(half.bins[4].low == 0.4);
  CHECK(half.bins[4].high == 0.5);
}

TEST_CASE("the calibration error is the mean distance, by how many are in each bin") {
  constexpr unsigned seed = 9;
  CAPTURE(seed);
  std::mt19937 random(seed);
  for (const std::size_t classes : {1U, 2U, 4U}) {
    std::vector<double> p;
    std::vector<std::int64_t> target;
    for (int i = 0; i < 200; ++i) {
      for (std::size_t c = 0; c < classes; ++c)
        p.push_back(static_cast<double>(random() % 1000) / 999);
      target.push_back(static_cast<std::int64_t>(random() % classes));
    }
    const auto found = report::calibration(rows(p, classes), from_vector(target), 8);
    double error = 0;
    std::int64_t all = 0;
    for (const auto& bin : found.bins) {
      double confidence = 0;
      double right = 0;
      std::int64_t count = 0;
      for (std::size_t i = 0; i < target.size(); ++i) {
        const auto row = p.begin() + static_cast<std::ptrdiff_t>(i * classes);
        const auto top = std::max_element(row, row + static_cast<std::ptrdiff_t>(classes));
        if (!(*top > bin.low || (*top == 0 && bin.low == 0)) || *top > bin.high) continue;
        ++count;
        confidence += *top;
        right += top - row == target[i];
      }
      CHECK(bin.count == count);
      all += count;
      if (count == 0) continue;
      const auto n = static_cast<double>(count);
      CHECK(*bin.confidence == doctest::Approx(confidence / n).epsilon(1e-12));
      CHECK(*bin.accuracy == doctest::Approx(right / n).epsilon(1e-12));
      error += std::abs(right - confidence) / 200;
    }
    CHECK(all == 200);
    CHECK(*found.error == doctest::Approx(error).epsilon(1e-12));
  }
  const auto none = report::calibration(zeros({0, 3}), zeros({0}, {.dtype = int64}));
  CHECK_FALSE(none.error.has_value());
  CHECK_THROWS_AS(report::calibration(rows({0.5}, 1), zeros({1}, {.dtype = int64}), 0), ValueError);
  CHECK_THROWS_AS(report::calibration(rows({1.01}, 1), zeros({1}, {.dtype = int64})), ValueError);
  // Rounded sums of a softmax are no scores.
  CHECK(report::calibration(rows({1 + 1e-7}, 1), zeros({1}, {.dtype = int64})).bins[9].count == 1);
}

TEST_CASE("a running mean is the plain one until it is warm, and forgets from then on") {
  for (const std::int64_t warmup : {0, 1, 5})
    for (const double factor : {0., 0.5, 0.9, 1.}) {
      CAPTURE(warmup);
      CAPTURE(factor);
      report::RunningMean mean(factor, warmup);
      double expected = 0;
      double sum = 0;
      for (int i = 1; i <= 12; ++i) {
        const double value = std::sin(i) * 10;
        sum += value;
        expected = i <= warmup ? sum / i : factor * expected + (1 - factor) * value;
        mean.add(value);
        CHECK(mean.value() == doctest::Approx(expected).epsilon(1e-12));
        CHECK(mean.state().count == i);
      }
    }
  for (const double factor : {-0.1, 1.1, double(NAN)})
    CHECK_THROWS_AS(report::RunningMean{factor}, ValueError);
}
