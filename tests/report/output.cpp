// What a report puts out as text and pictures, worked out again: tables, CSV, JSON, curves, pixels.

#include <xgrad/nn/nn.hpp>
#include <xgrad/report/record.hpp>
#include <xgrad/report/report.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <cmath>
#include <random>
#include <sstream>

#include "support.hpp"
#include <nlohmann/json.hpp>

using namespace support;
using report::Colour;
using report::Picture;

namespace {

using Rows = std::vector<std::vector<std::string>>;

/// RFC 4180 read back.
Rows parsed(const std::string& csv) {
  Rows rows(1, {""});
  bool quoted = false;
  for (std::size_t i = 0; i < csv.size(); ++i) {
    std::string& cell = rows.back().back();
    if (quoted && csv[i] == '"' && i + 1 < csv.size() && csv[i + 1] == '"') {
      cell += csv[i++];
    } else if (csv[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && csv[i] == ',') {
      rows.back().emplace_back();
    } else if (!quoted && csv[i] == '\r' && csv[i + 1] == '\n') {
      ++i;
      rows.push_back({""});
    } else {
      cell += csv[i];
    }
  }
  rows.pop_back();
  return rows;
}

std::string decoded(const std::string& base64) {
  const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned group = 0;
  int bits = 0;
  for (const char c : base64) {
    if (c == '=') break;
    group = group << 6 | static_cast<unsigned>(letters.find(c));
    bits += 6;
    if (bits >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255);
  }
  return bytes;
}

struct Point {
  double x, y;
};

/// The points of the last curve that is drawn.
std::vector<Point> points_of(const std::string& svg) {
  const auto begin = svg.rfind(" d=\"M") + 5;
  std::string path = svg.substr(begin, svg.find('"', begin) - begin);
  std::ranges::replace_if(
      path, [](char c) { return c == 'L' || c == 'M'; }, ' ');
  std::istringstream numbers(path);
  std::vector<Point> points;
  for (Point p{}; numbers >> p.x >> p.y;) points.push_back(p);
  return points;
}

/// Gives every example the scores it holds.
struct Echo : nn::Module {
  Tensor forward(const Tensor& x) override { return x.flatten(1); }
};

std::vector<std::string> names(int count) {
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i) all.push_back("class " + std::to_string(i));
  return all;
}

}  // namespace

TEST_CASE("what is written as CSV and base64 can be read back") {
  constexpr unsigned seed = 4;
  CAPTURE(seed);
  std::mt19937 random(seed);
  const std::string letters = "a,\"\r\n ;é";
  for (int round = 0; round < 200; ++round) {
    const auto word = [&] {
      std::string text;
      for (auto n = random() % 6; n > 0; --n) text += letters[random() % letters.size()];
      return text;
    };
    report::detail::Table table{"t", "", {word(), word(), "x"}, {}};
    for (int row = 0; row < 3; ++row) table.rows.push_back({word(), word(), word()});
    Rows wanted = table.rows;
    wanted.insert(wanted.begin(), table.header);
    CHECK(parsed(report::detail::csv(table)) == wanted);
    std::string bytes;
    for (auto n = random() % 20; n > 0; --n) bytes += static_cast<char>(random());
    const std::string packed = report::detail::base64(bytes);
    CHECK(packed.size() == (bytes.size() + 2) / 3 * 4);
    CHECK(decoded(packed) == bytes);
  }
}

TEST_CASE("numbers, parts and times as words, at their edges") {
  using nn::detail::with_commas;
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999) == "999");
  CHECK(with_commas(1000) == "1,000");
  CHECK(with_commas(-999) == "-999");
  CHECK(with_commas(-1000) == "-1,000");
  CHECK(with_commas(1234567) == "1,234,567");
  CHECK(with_commas(INT64_MIN) == "-9,223,372,036,854,775,808");
  CHECK(report::detail::percent(0.12345) == "12.35 %");
  CHECK(report::detail::percent(1) == "100.00 %");
  CHECK(report::duration(0) == "0 s");
  CHECK(report::duration(59.4) == "59 s");
  CHECK(report::duration(59.6) == "1 min 00 s");
  CHECK(report::duration(3599.4) == "59 min 59 s");
  CHECK(report::duration(3599.6) == "1 h 00 min");
  CHECK(report::duration(90061) == "25 h 01 min");
}

TEST_CASE("the tables of a run say what was counted") {
  report::ConfusionMatrix matrix({"a", "b", "c", "never"});
  matrix.add(tensor({0, 0, 0, 0, 1, 1, 2, 2, 2}), tensor({0, 1, 1, 2, 1, 0, 2, 1, 1}));
  using report::detail::confused_pairs;
  CHECK(confused_pairs(matrix, 9).rows == Rows{{"a", "b", "2", "50.00 %"},
                                               {"c", "b", "2", "66.67 %"},
                                               {"a", "c", "1", "25.00 %"},
                                               {"b", "a", "1", "50.00 %"}});
  CHECK(confused_pairs(matrix, 3).rows.size() == 3);
  CHECK(confused_pairs(matrix, 0).rows.empty());
  CHECK(report::detail::confusion_table(matrix).header ==
        std::vector<std::string>{"true \\ predicted", "a", "b", "c", "never"});
  CHECK(report::detail::confusion_table(matrix).rows == Rows{{"a", "1", "2", "1", "0"},
                                                             {"b", "1", "1", "0", "0"},
                                                             {"c", "0", "2", "1", "0"},
                                                             {"never", "0", "0", "0", "0"}});
  report::Evaluation evaluation{.matrix = matrix};
  evaluation.auc = {0.75, 0.5, 0.25, {}};
  CHECK(report::detail::class_table(evaluation).rows ==
        Rows{{"a", "0.5000", "0.2500", "0.3333", "0.7500", "4", "2"},
             {"b", "0.2000", "0.5000", "0.2857", "0.5000", "2", "5"},
             {"c", "0.5000", "0.3333", "0.4000", "0.2500", "3", "2"},
             {"never", "–", "–", "–", "–", "0", "0"},
             {"macro mean", "0.4000", "0.3611", "0.3397", "0.5000", "9", "9"},
             {"weighted mean", "0.4333", "0.3333", "0.3450", "", "9", "9"},
             {"micro mean", "0.3333", "0.3333", "0.3333", "", "9", "9"}});
  evaluation.mistakes = {{7, 2, 1, 0.9, 0.05}};
  CHECK(report::detail::mistake_table(evaluation).rows ==
        Rows{{"7", "c", "0.0500", "b", "0.9000"}});
  const auto bins = report::calibration(tensor({{0.5, 0.5}, {0.75, 0.25}}, {.dtype = float64}),
                                        tensor({1, 0}), 4);
  CHECK(report::detail::calibration_table(bins).rows ==
        Rows{{"0.00", "0.25", "0", "–", "–"},
             {"0.25", "0.50", "1", "0.5000", "0.0000"},
             {"0.50", "0.75", "1", "0.7500", "1.0000"},
             {"0.75", "1.00", "0", "–", "–"}});
  const auto plot = report::detail::reliability_plot(bins);
  CHECK(plot.curves[0].x == std::vector<double>{0.5, 0.75});
  CHECK(plot.curves[0].y == std::vector<double>{0, 1});
}

TEST_CASE("a run is what its JSON and its one line say") {
  report::Run run{.title = "T", .state = "S", .configuration = {{"a", "1"}, {"b", "\"2\""}}};
  CHECK(report::summary_line(run) == "");
  CHECK(report::detail::tables(run).size() == 1);
  run.history.add("loss", 1, 0.5);
  run.history.add("loss", 2, 0.123456789);
  run.timing = {{"forward", 1.5}};
  nn::Sequential net{nn::Linear{40, 30}, nn::ReLU{}};
  run.network = report::describe(net, {1, 40});
  CHECK(report::summary_line(run) == "1,230 parameters.");
  Echo echo;
  // Four examples of seven classes: the right one is the highest, the 2nd, the 5th and the 6th.
  const Tensor scores = tensor({{6., 5., 4., 3., 2., 1., 0.},
                                {6., 5., 4., 3., 2., 1., 0.},
                                {6., 5., 4., 3., 2., 1., 0.},
                                {6., 5., 4., 3., 2., 1., 0.}});
  const datasets::TensorDataset data(scores, tensor({0, 1, 4, 5}));
  run.evaluation = report::evaluate(echo, data, names(7), {.batch_size = 3});
  CHECK(*run.evaluation->top5 == 0.75);
  CHECK(report::summary_line(run) == "25.00 % of 4 test examples right; 1,230 parameters.");
  const auto json = nlohmann::json::parse(report::detail::json(run));
  CHECK(json["title"] == "T");
  CHECK(json["state"] == "S");
  CHECK(json["summary"] == report::summary_line(run));
  CHECK(json["configuration"] == nlohmann::json({{"a", "1"}, {"b", "\"2\""}}));
  CHECK(json["timing"]["forward"] == 1.5);
  CHECK(json["last"]["loss"] == 0.123456789);
  CHECK(json["history"]["loss"]["step"] == nlohmann::json({1, 2}));
  CHECK(json["history"]["loss"]["value"] == nlohmann::json({0.5, 0.123457}));
  CHECK(json["network"]["input"] == nlohmann::json({1, 40}));
  CHECK(json["network"]["parameters"] == 1230);
  CHECK(json["network"]["trainable"] == 1230);
  CHECK(json["network"]["layers"][0]["name"] == "0");
  CHECK(json["network"]["layers"][0]["output"] == nlohmann::json({1, 30}));
  const auto& test = json["test"];
  CHECK(test["examples"] == 4);
  CHECK(test["right"] == 1);
  CHECK(test["accuracy"] == 0.25);
  CHECK(test["top5_accuracy"] == 0.75);
  CHECK(test["loss"].get<double>() == doctest::Approx(*run.evaluation->loss));
  CHECK(test["calibration_error"].get<double>() ==
        doctest::Approx(*run.evaluation->calibration.error));
  CHECK(test["classes"][1]["name"] == "class 1");
  CHECK(test["classes"][1]["examples"] == 1);
  CHECK(test["classes"][1]["predicted"] == 0);
  CHECK(test["classes"][1]["recall"] == 0);
  CHECK(test["classes"][1]["precision"].is_null());
  CHECK(test["classes"][0]["precision"] == 0.25);
  CHECK(test["classes"][6]["auc"].is_null());
  CHECK(test["confusion"][4] == nlohmann::json({1, 0, 0, 0, 0, 0, 0}));
}

TEST_CASE("an evaluation shows as many mistakes as it is asked, and averages its views") {
  Echo echo;
  const Tensor images = tensor({{3., 0.}, {2., 0.}, {1., 0.}}).reshape({3, 1, 1, 2});
  const datasets::TensorDataset data(images, tensor({1, 1, 1}));
  for (const std::int64_t most : {0, 2, 3, 9}) {
    CAPTURE(most);
    const auto found = report::evaluate(echo, data, names(2), {.most_mistakes = most});
    REQUIRE(!found.figures.empty());
    const auto& mistakes = found.figures[0];
    const auto shown = std::min<std::int64_t>(most, 3);
    CHECK(std::ssize(mistakes.tiles) == shown);
    CHECK(found.mistakes.size() == 3);
    CHECK(mistakes.note == "3 of 3 examples are mistaken" +
                               (shown < 3 ? "; the first " + std::to_string(shown) + " are shown."
                                          : std::string(".")));
    if (shown == 0) continue;
    CHECK(mistakes.tiles[0].caption[0] == "is class 1, 4.7\u00a0%");
    CHECK(mistakes.tiles[0].caption[1] == "taken for class 0, 95.3\u00a0%");
    CHECK(found.figures[1].tiles[0].caption[0] == "taken for class 0");
  }
  const auto mirrored = [](const Tensor& x) { return x.flip({3}); };
  const auto found =
      report::evaluate(echo, data, names(2),
                       {.views = {{0.25, [](const Tensor& x) { return x; }}, {0.75, mirrored}}});
  CHECK(found.matrix.right() == 3);  // (0.75, 2.25) and so on
  CHECK(found.mistakes.empty());
  CHECK(values(found.probabilities)[1] == doctest::Approx(1 / (1 + std::exp(-1.5))));
}

TEST_CASE("curves lie where their values are, on straight axes and on logarithmic ones") {
  for (const bool log : {false, true}) {
    CAPTURE(log);
    const std::vector<double> y =
        log ? std::vector<double>{1, 10, 100, 1000, 10} : std::vector<double>{0, 1, 2, 3, 1};
    const auto points =
        points_of(report::svg({"p", "t", "x", "y", log, {{"a", {0, 1, 2, 3, 6}, y}}}));
    REQUIRE(points.size() == 5);
    // Coordinates have one decimal; equal steps are equal distances, and up is less.
    const double right = points[1].x - points[0].x;
    const double up = points[0].y - points[1].y;
    CHECK(right > 40);
    CHECK(up > 40);
    for (std::size_t i = 0; i < 5; ++i) {
      const std::vector<double> x{0, 1, 2, 3, 6};
      const std::vector<double> steps{0, 1, 2, 3, 1};
      CHECK(std::abs(points[i].x - points[0].x - x[i] * right) <= 0.6);
      CHECK(std::abs(points[0].y - points[i].y - steps[i] * up) <= 0.6);
    }
    CHECK(points[4].x == doctest::Approx(480 - 16).epsilon(1e-3));
    CHECK(points[0].y == doctest::Approx(300 - 46).epsilon(1e-3));
  }
  // A gap begins anew behind it; one value alone is a dot.
  const std::string gap = report::svg({"p", "t", "x", "y", false, {{"a", {0, 1, 2}, {0, NAN, 1}}}});
  const auto path = gap.substr(gap.rfind(" d=\"M"));
  CHECK(path.find('L') == std::string::npos);
  CHECK(std::ranges::count(path.substr(0, path.find("/>")), 'M') == 2);
  CHECK(report::svg({"p", "t", "x", "y", false, {{"a", {0}, {1}}}}).find("h0.1\"") !=
        std::string::npos);
}

TEST_CASE("noisy values lie under their moving average, of steps that are apart too") {
  for (const double gap : {1., 5., 50.}) {
    CAPTURE(gap);
    report::History history;
    std::vector<double> given;
    for (int i = 0; i < 60; ++i) {
      given.push_back(std::sin(i));
      history.add("loss", 7 + gap * i, given.back(), report::History::Kind::noisy);
    }
    const auto plots = history.plots("epoch");
    REQUIRE((plots.size() == 1 && plots[0].curves.size() == 2));
    CHECK(plots[0].x_label == "epoch");
    CHECK(plots[0].curves[0].y == given);
    CHECK(plots[0].curves[0].faint);
    CHECK_FALSE(plots[0].curves[1].faint);
    CHECK(plots[0].curves[1].x == plots[0].curves[0].x);
    report::RunningMean mean(std::pow(report::RunningMean::factor_for(60 * gap), gap),
                             static_cast<std::int64_t>(std::ceil(std::max(20 / gap, 1.))));
    for (std::size_t i = 0; i < given.size(); ++i) {
      mean.add(given[i]);
      CHECK(plots[0].curves[1].y[i] == doctest::Approx(mean.value()).epsilon(1e-12));
    }
  }
}

TEST_CASE("pictures drawn on pictures, at every place and scale, pixel by pixel") {
  Picture small(3, 2);
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 3; ++x)
      small.set(x, y, {static_cast<std::uint8_t>(10 * x), static_cast<std::uint8_t>(20 * y), 7});
  for (int scale = 1; scale <= 3; ++scale)
    for (int left = -10; left <= 6; ++left)
      for (int top = -7; top <= 6; ++top) {
        Picture out(5, 4);
        out.draw(small, left, top, scale);
        bool good = true;
        for (int y = 0; y < 4; ++y)
          for (int x = 0; x < 5; ++x) {
            const int column = x - left;
            const int row = y - top;
            const bool inside = column >= 0 && row >= 0 && column < 3 * scale && row < 2 * scale;
            const Colour wanted = inside ? small.at(column / scale, row / scale) : report::white;
            good = good && out.at(x, y) == wanted;
          }
        CAPTURE(scale);
        CAPTURE(left);
        CAPTURE(top);
        CHECK(good);
      }
}

TEST_CASE("colours and levels between two ends are the nearest ones") {
  for (int i = -20; i <= 150; ++i) {
    const double t = i / 128.;  // so that nothing is rounded before it is a colour
    CAPTURE(t);
    const double share = std::clamp(t, 0., 1.);
    const auto channel = [share](int from, int to) {
      return static_cast<std::uint8_t>(std::lround(from + share * (to - from)));
    };
    CHECK(report::mix({0, 255, 10}, {255, 0, 20}, t) ==
          Colour{channel(0, 255), channel(255, 0), channel(10, 20)});
    const auto level = static_cast<std::uint8_t>(std::lround(255 * share));
    const Tensor pixel = tensor({{-1 + 4 * t}}, {.dtype = float64});
    CHECK(report::to_picture(pixel, {-1, 3}).at(0, 0).green == level);
  }
  // Every pixel of every channel at its place.
  const Tensor image = arange(0, 3 * 2 * 4).to(float64).reshape({3, 2, 4}) / 255.;
  const Picture picture = report::to_picture(image);
  REQUIRE((picture.width() == 4 && picture.height() == 2));
  for (int y = 0; y < 2; ++y)
    for (int x = 0; x < 4; ++x) {
      const auto first = static_cast<std::uint8_t>(4 * y + x);
      CHECK(picture.at(x, y) == Colour{first, static_cast<std::uint8_t>(first + 8),
                                       static_cast<std::uint8_t>(first + 16)});
    }
}

TEST_CASE("the heat map's colours are shares: of the class, and of the largest confusion") {
  report::ConfusionMatrix matrix({"a", "b"});
  matrix.add(tensor({0, 0, 0, 0, 1, 1, 1, 1}), tensor({0, 0, 1, 1, 1, 1, 1, 0}));
  CHECK(report::largest_confusion(matrix) == 0.5);
  const Colour blue{0, 84, 147};
  const Colour orange{214, 84, 0};
  CHECK(report::heat(matrix, 0, 0) == report::mix(report::white, blue, 0.5));
  CHECK(report::heat(matrix, 1, 1) == report::mix(report::white, blue, 0.75));
  CHECK(report::heat(matrix, 0, 1) == orange);
  CHECK(report::heat(matrix, 1, 0) == report::mix(report::white, orange, std::sqrt(0.5)));
}

TEST_CASE("a log is gone on with behind every whole line, and nowhere else") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log");
  const std::string lines = "{\"n\":1}\n{}\n{\"word\":\"two\"}\n";
  for (std::uint64_t keep = 0; keep <= lines.size() + 2; ++keep) {
    CAPTURE(keep);
    write_file(path, lines);
    const bool whole = keep == 0 || (keep <= lines.size() && lines[keep - 1] == '\n');
    const std::string told = message_of<IOError>([&] {
      report::JsonLines log(path, keep);
      log.write({{"more", std::int64_t{1}}});
      CHECK(log.size() == keep + std::string("{\"more\":1}\n").size());
      log.finish();
    });
    CHECK(told.empty() == whole);
    if (!whole) CHECK(told.starts_with("log: " + path + ": of its "));
    std::ifstream file(path, std::ios::binary);
    const std::string now{std::istreambuf_iterator<char>(file), {}};
    CHECK(now == (whole ? lines.substr(0, keep) + "{\"more\":1}\n" : lines));
  }
}
