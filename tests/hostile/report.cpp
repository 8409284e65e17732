// Reports. Not here: files and directories that cannot be written (tests/report/pages), the live
// page, evaluate() of nets that fail.

#include <xgrad/nn/nn.hpp>
#include <xgrad/report/report.hpp>

#include "hostile.hpp"
#include <climits>

using namespace hostile;
using namespace xgrad::report;

namespace {

ConfusionMatrix three() {
  ConfusionMatrix matrix({"a", "b", "c"});
  matrix.add(zeros({4}, {.dtype = int64}), zeros({4}, {.dtype = int64}));
  return matrix;
}

}  // namespace

TEST_CASE("hostile: measures") {
  sweep({
      {"ConfusionMatrix",
       [](Arguments& from) {
         ConfusionMatrix matrix(from.texts({"a", "b", "c"}));
         const Tensor target = from.index({4});
         matrix.add(target, from.index({4}));
         to_string(matrix);
         matrix.macro();
         matrix.weighted();
         matrix.micro();
       }},
      {"ConfusionMatrix",
       [](Arguments& from) {
         const ConfusionMatrix matrix = three();
         const auto c = from.count(1);
         matrix.support(c);
         matrix.predicted(c);
         matrix.scores(c);
         matrix.count(c, from.count(1));
       }},
      {"topk_accuracy",
       [](Arguments& from) {
         const Tensor scores = from.tensor({4, 3});
         const Tensor target = from.index({4});
         topk_accuracy(scores, target, from.size(2));
       }},
      {"roc_auc",
       [](Arguments& from) {
         const Tensor scores = from.tensor({4, 3});
         const Tensor target = from.index({4});
         roc_auc(scores, target, from.size(2));
       }},
      {"calibration",
       [](Arguments& from) {
         const Tensor probabilities = from.flag() ? from.tensor({4, 3}) : zeros({4, 3});
         const Tensor target = from.index({4});
         calibration(probabilities, target, from.integer(10));
       }},
      {"RunningMean",
       [](Arguments& from) {
         const double factor = from.real();
         RunningMean mean(factor, from.size(20));
         mean.set_state({from.size(1), from.real()});
         mean.add(from.real());
         RunningMean::factor_for(from.real(3000));
       }},
      {"duration", [](Arguments& from) { duration(from.real(100)); }},
      {"Progress",
       [](Arguments& from) {
         Progress progress(from.size(10), from.size(0));
         progress.set_total(from.size(10));
         progress.update(from.size(5), "text");
         progress.seconds_left(from.size(5));
       }},
  });
}

TEST_CASE("hostile: pictures") {
  sweep({
      {"Picture",
       [](Arguments& from) {
         const int width = from.integer(9);
         const Picture picture(width, from.integer(9));
         picture.png();
       }},
      {"Picture",
       [](Arguments& from) {
         Picture picture(9, 9);
         const int x = from.integer(3);
         picture.at(x, from.integer(3));
       }},
      {"Picture",
       [](Arguments& from) {
         Picture picture(9, 9);
         const int x = from.integer(3);
         const int y = from.integer(3);
         const int width = from.integer(3);
         picture.fill(x, y, width, from.integer(3), black);
         picture.set(x, y, black);
       }},
      {"draw",
       [](Arguments& from) {
         Picture picture(9, 9);
         const int x = from.integer(3);
         const int y = from.integer(3);
         picture.draw(Picture(4, 4, black), x, y, from.integer(2));
       }},
      {"text",
       [](Arguments& from) {
         Picture picture(99, 29);
         const int x = from.integer(3);
         const int y = from.integer(9);
         const std::string text = from.text();
         picture.text(x, y, text, from.real(13));
       }},
      {"text", [](Arguments& from) { Picture(9, 9).text(1, 1, "a", from.flag() ? 1e9 : 9); }},
      {"text",
       [](Arguments& from) {
         const std::string text = from.text();
         const double size = from.real(13);
         text_width(text, size);
         fitted(text, size, from.integer(40));
       }},
      {"mix", [](Arguments& from) { mix(black, white, from.real()); }},
      {"range_of",
       [](Arguments& from) {
         range_of(from.tensor({2, 3}));
       }},
      {"to_picture|Picture",
       [](Arguments& from) {
         const double low = from.real(0);
         const double high = from.real(1);
         to_picture(from.tensor({3, 4, 5}), {low, high});
       }},
      {"draw|Picture|text",
       [](Arguments& from) {
         Grid grid{.name = "grid", .title = from.text(), .note = from.text()};
         for (int i = 0; i < 3; ++i)
           grid.tiles.push_back({Picture(4, 5), from.texts({"one", "two"})});
         report::draw(grid, from.integer(40));
       }},
      {"image_grid|to_picture",
       [](Arguments& from) {
         const Tensor images = from.tensor({2, 1, 4, 5});
         image_grid(images, from.texts({"a", "b"}), {from.real(0), from.real(1)});
       }},
      {"filter_grid|to_picture",
       [](Arguments& from) {
         filter_grid(from.tensor({4, 3, 3, 3}));
       }},
      {"saliency|net.1 (Linear)|net.0 (Flatten)|gather",
       [](Arguments& from) {
         nn::Sequential net{nn::Flatten{}, nn::Linear{16, 3}};
         const Tensor inputs = from.tensor({2, 1, 4, 4});
         Arguments::use(saliency(net, inputs, from.index({2})));
       }},
      {"feature_maps|net.0 (Conv2d)|to_picture",
       [](Arguments& from) {
         nn::Sequential net{nn::Conv2d{1, 2, 3}, nn::ReLU{}};
         feature_maps(net, from.tensor({1, 1, 5, 5}));
       }},
      {"heat_map|Picture|ConfusionMatrix",
       [](Arguments& from) {
         const ConfusionMatrix matrix(from.texts({"a", "b", "c"}));
         heat_map(matrix);
       }},
      {"heat_map",
       [](Arguments& from) {
         heat_map(ConfusionMatrix(std::vector<std::string>(from.flag() ? 2000 : 2, "c")));
       }},
      {"text",
       [](Arguments& from) {
         const std::string text(from.flag() ? 1'000'000 : 1, 'm');
         Picture(99, 29).text(1, 1, text, 13);
         fitted(text, 13, 99);
       }},
      {"ConfusionMatrix",
       [](Arguments& from) {
         const auto c = from.count(1);
         heat(three(), c, from.count(1));
       }},
  });
}

TEST_CASE("hostile: curves and pages") {
  const support::TemporaryDirectory directory;
  sweep({
      {"plot",
       [](Arguments& from) {
         Plot plot{.name = from.text(),
                   .title = from.text(),
                   .x_label = from.text(),
                   .y_label = from.text(),
                   .log_y = from.flag(),
                   .curves = {}};
         plot.curves.push_back({from.text(), {1, 2, 3}, {from.real(), from.real(), 7}});
         svg(plot);
       }},
      {"plot|plot 'name'",
       [](Arguments& from) {
         Plot plot{};
         plot.name = from.text();
         plot.title = "name";
         plot.log_y = from.flag();
         plot.curves.push_back({from.text(), from.reals({1, 2, 3}), {from.real(), from.real(), 7}});
         svg(plot);
       }},
      {"plot",
       [](Arguments& from) {
         const std::size_t points = from.flag() ? 1'000'000 : 10;
         Line line{.name = "line", .x = {}, .y = std::vector<double>(points, 1)};
         for (std::size_t i = 0; i < points; ++i) line.x.push_back(static_cast<double>(i));
         const std::size_t lines = from.flag() ? 20'000 : 1;
         Plot plot{.name = "", .title = "", .x_label = "", .y_label = "", .curves = {}};
         for (std::size_t i = 0; i < lines; ++i)
           plot.curves.push_back(lines > 1 ? Line{"", {1, 2}, {1, 2}} : line);
         svg(plot);
       }},
      {"History",
       [](Arguments& from) {
         History history;
         const std::string name = from.text("loss/a");
         history.add(name, from.real(1), from.real(), History::Kind::noisy);
         history.add(name, from.real(2), from.real(), History::Kind::noisy);
         for (const Plot& plot : history.plots(from.text("x"))) svg(plot);
       }},
      {"write|report",
       [&](Arguments& from) {
         Run run{.title = from.text()};
         run.configuration = {{from.text(), from.text()}};
         run.timing = {{from.text(), from.real()}};
         run.history.add(from.text(), 1, from.real());
         write(run, directory.path(), {.refresh_seconds = from.integer(0)});
       }},
      {"describe|summary|zeros|net.0 (Linear)|tensor|shape",
       [](Arguments& from) {
         nn::Sequential net{nn::Linear{3, 2}, nn::ReLU{}};
         describe(net, from.shape({2, 3}));
       }},
      {"first_filters|filter_grid|to_picture|shape",
       [](Arguments& from) {
         nn::Sequential net{nn::Linear{12, 2}, nn::ReLU{}};
         first_filters(net, from.shape({3, 2, 2}));
       }},
  });
}

TEST_CASE("a graph of 3,000 steps that share a leaf is drawn up to where it can be looked at") {
  const Tensor w = ones({}, {.requires_grad = true});
  Tensor x = w;
  for (int i = 0; i < 3000; ++i) x = x * w;
  const TapeGraph graph = tape_graph(x);
  const std::string drawn = layered_svg(graph);
  CHECK(drawn.size() < 1'000'000);
  CHECK(drawn.find(">… 2,002 more<") != std::string::npos);
  // One way through the layers for all arrows of the leaf.
  Tensor y = w;
  for (int i = 0; i < 500; ++i) y = y * w;
  const std::string small = layered_svg(tape_graph(y));
  CHECK(small.find("more<") == std::string::npos);
  std::size_t arrows = 0;
  for (std::size_t at = small.find("<path"); at != std::string::npos;
       at = small.find("<path", at + 1))
    ++arrows;
  CHECK(arrows <= 3 * 500);
}

TEST_CASE("a confusion matrix of three classes has no class 9") {
  CHECK(message_of<ValueError>([] { three().support(9); }) == "ConfusionMatrix: class 9 of 3");
  CHECK(message_of<ValueError>([] { three().count(0, 9); }) == "ConfusionMatrix: class 9 of 3");
}

TEST_CASE("what is drawn beyond a picture's border does not wrap round") {
  Picture picture(4, 4);
  picture.fill(2, 2, INT_MAX, INT_MAX, black);
  CHECK(picture.at(3, 3) == black);
  CHECK(picture.at(1, 3) == white);
  picture.draw(Picture(4, 4, black), -6, 0, 2);  // its last column reaches in
  CHECK(picture.at(1, 0) == black);
  CHECK(picture.at(2, 0) == white);
  const Picture before = picture;
  picture.draw(Picture(4, 4, black), INT_MAX, INT_MIN, INT_MAX);
  CHECK(picture.png() == before.png());
}
