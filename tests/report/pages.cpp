// Whole reports of small runs. Where XGRAD_PAGES names a directory the pages stay there, for
// browser.py to open.

#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/report/report.hpp>

#include <cmath>
#include <cstdlib>
#include <iterator>
#include <set>

#include "support.hpp"

using namespace support;
namespace fs = std::filesystem;

namespace {

struct Net : nn::Module {
  nn::Conv2d conv;
  nn::Linear fc;

  Net(std::int64_t channels, std::int64_t classes)
      : conv(add("conv", nn::Conv2d{channels, 4, 3, {.padding = 1}})),
        fc(add("fc", nn::Linear{4 * 6 * 6, classes})) {}
  Tensor forward(const Tensor& x) override { return fc(relu(conv(x)).flatten(1)); }
};

/// Gives every example the scores it holds.
struct Echo : nn::Module {
  Tensor forward(const Tensor& x) override { return x; }
};

std::vector<std::string> names(int count) {
  std::vector<std::string> all;
  for (int i = 0; i < count; ++i) all.push_back("class " + std::to_string(i));
  return all;
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Where the page `name` goes.
class Output {
 public:
  explicit Output(const std::string& name) {
    const char* kept = std::getenv("XGRAD_PAGES");
    path_ = (fs::path(kept != nullptr ? kept : temporary_.path()) / name).string();
  }
  const std::string& path() const { return path_; }
  std::string read(const std::string& name) const { return content(path_ + "/" + name); }

 private:
  TemporaryDirectory temporary_;
  std::string path_;
};

/// A run over random images, curves included.
report::Run run_of(std::int64_t channels, const std::vector<std::string>& classes,
                   const Tensor& target) {
  manual_seed(1);
  Net net(channels, static_cast<std::int64_t>(classes.size()));
  const datasets::TensorDataset data(rand({target.size(0), channels, 6, 6}), target);
  report::Run run{.title = "A run", .configuration = {{"seed", "1"}}};
  for (int i = 1; i <= 200; ++i) {
    run.history.add("loss/each batch", i, 2 + std::cos(i), report::History::Kind::noisy);
    run.history.add("learning rate", i, 0.1 / i);
  }
  run.network = report::describe(net, {1, channels, 6, 6});
  run.evaluation = report::evaluate(net, data, classes);
  run.timing = {{"forward", 1.5}};
  return run;
}

}  // namespace

TEST_CASE("an evaluation by hand") {
  // Probabilities 1/2 and 1/2; 3/4 and 1/4; 1/10 and 9/10.
  const Tensor scores = tensor({{0., 0.}, {std::log(3.), 0.}, {0., std::log(9.)}});
  Echo net;
  const auto found = report::evaluate(net, datasets::TensorDataset(scores, tensor({0, 1, 0})),
                                      {"a", "b"}, {.batch_size = 2});
  CHECK(found.matrix.count(0, 0) == 1);
  CHECK(found.matrix.count(0, 1) == 1);
  CHECK(found.matrix.count(1, 0) == 1);
  CHECK(*found.loss == doctest::Approx((std::log(2) + std::log(4) + std::log(10)) / 3));
  REQUIRE(found.mistakes.size() == 2);
  CHECK(found.mistakes[0].index == 2);
  CHECK(found.mistakes[0].probability == doctest::Approx(0.9));
  CHECK(found.mistakes[0].target_probability == doctest::Approx(0.1));
  CHECK(found.mistakes[1].index == 1);
  CHECK_FALSE(found.top5);
  CHECK(*found.auc[0] == 0);  // 1/2 and 1/10 for the class, 3/4 for the other
  CHECK(found.figures.empty());
  CHECK(net.is_training());
  CHECK(message_of<ShapeError>([&] {
          report::evaluate(net, datasets::TensorDataset(scores, tensor({0, 1, 0})), names(3));
        }) == "evaluate: the net gives [3, 2] for 3 classes; it must give [N, 3]");
}

TEST_CASE("a net that diverged is told, not taken to predict its first class") {
  Echo net;
  for (const double bad : {double(NAN), double(INFINITY)}) {
    const Tensor scores = tensor({{0., 0.}, {1., 0.}, {bad, bad}});
    CHECK(message_of<ValueError>([&] {
            report::evaluate(net, datasets::TensorDataset(scores, tensor({0, 1, 0})), names(2),
                             {.batch_size = 2});
          }) ==
          "evaluate: the scores of example 2 are NaN or infinite; no class can be predicted "
          "of them");
  }
}

TEST_CASE("saliency of a linear score is the size of its weights") {
  nn::Linear net{3, 2};
  const Tensor weight = net.weight.detach();
  const Tensor found = report::saliency(net, zeros({2, 3}), tensor({1, 0}));
  for (std::int64_t j = 0; j < 3; ++j) {
    CHECK(found[0][j].item() == doctest::Approx(std::abs(weight[1][j].item())));
    CHECK(found[1][j].item() == doctest::Approx(std::abs(weight[0][j].item())));
  }
  CHECK_FALSE(net.weight.grad().defined());
  CHECK_THROWS_AS(report::saliency(net, zeros({2, 3}), tensor({1})), ShapeError);
}

TEST_CASE("feature maps and first filters") {
  Net net(3, 2);
  for (int again = 0; again < 2; ++again) {  // the hooks are gone after each call
    const auto maps = report::feature_maps(net, rand({1, 3, 6, 6}));
    REQUIRE(maps.size() == 1);
    CHECK(maps[0].name == "feature-maps-conv");
    CHECK(maps[0].tiles.size() == 4);
  }
  CHECK_THROWS_AS(report::feature_maps(net, rand({2, 3, 6, 6})), ShapeError);
  CHECK(report::first_filters(net, {3, 6, 6})->tiles.size() == 4);
  CHECK(report::first_filters(nn::Linear{36, 5}, {1, 6, 6})->tiles[0].picture.width() == 6);
  CHECK_FALSE(report::first_filters(nn::Linear{35, 5}, {1, 6, 6}));
}

TEST_CASE("a report: ten classes, one that never occurs, one never predicted") {
  auto classes = names(10);
  const Tensor target = randint(0, 9, {300}).to(int64);  // class 9 does not occur
  auto run = run_of(3, classes, target);
  const Output out("ten");
  CHECK(report::write(run, out.path()) == out.path() + "/index.html");
  for (const char* file :
       {"run.json", "confusion.png", "confusion.csv", "classes.csv", "network.svg", "network.csv",
        "loss.svg", "learning-rate.svg", "calibration.svg", "mistakes.png", "mistakes.csv",
        "saliency.png", "filters.png", "feature-maps-conv.png", "history.csv", "timing.csv",
        "configuration.csv"}) {
    CHECK_MESSAGE(fs::exists(fs::path(out.path()) / file), file);
    CHECK_MESSAGE(holds(out.read("index.html"), std::string(">") + file + "</a>"), file);
  }
  CHECK(holds(out.read("classes.csv"), "class 9,"));
  CHECK(holds(out.read("classes.csv"), "–"));
  CHECK(holds(out.read("run.json"), "\"recall\":null"));
  CHECK_FALSE(holds(out.read("index.html"), "http-equiv=\"refresh\""));
  CHECK_FALSE(holds(out.read("index.html"), "<script"));
}

TEST_CASE("a report: two classes") {
  const Output out("two");
  report::write(run_of(1, {"no", "yes"}, randint(0, 2, {50})), out.path());
  CHECK(holds(out.read("index.html"), ">yes</"));
}

TEST_CASE("a report: a hundred classes") {
  const Output out("hundred");
  report::write(run_of(3, names(100), randint(0, 100, {500})), out.path());
  CHECK(holds(out.read("index.html"), "among the first 5"));
}

TEST_CASE("a report: names that are not words") {
  const std::vector<std::string> classes{"<script>alert(1)</script>",
                                         "a & \"b\" 'c'",
                                         "茶",
                                         "שלום",
                                         "\xff not UTF-8",
                                         "Donaudampfschifffahrtsgesellschaftskapitän",
                                         "",
                                         "with, comma"};
  auto run = run_of(1, classes, randint(0, 8, {60}));
  run.title = "</title><b>Ünïcode & 'quotes' \"too\"";
  run.state = "<interrupted>";
  run.configuration.emplace_back("data & more", "/tmp/<a>/\"b\"");
  const Output out("names <&\" é");
  report::write(run, out.path());
  const std::string page = out.read("index.html");
  CHECK_FALSE(holds(page, "<script"));
  CHECK(holds(page, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  CHECK(holds(page, "&lt;/title&gt;&lt;b&gt;Ünïcode &amp; &#39;quotes&#39;"));
  CHECK(holds(page, "/tmp/&lt;a&gt;/&quot;b&quot;"));
  CHECK(holds(page, "茶"));
  CHECK(holds(out.read("classes.csv"), "\"with, comma\","));
}

TEST_CASE("a report in one call, of what has no images") {
  Echo net;
  TemporaryDirectory directory;
  const std::string page =
      report::write(net, datasets::TensorDataset(rand({20, 3}), randint(0, 3, {20})), names(3),
                    directory.file("deep/er"));
  CHECK(holds(content(page), "Echo"));
  CHECK_FALSE(fs::exists(directory.file("deep/er/mistakes.png")));
}

TEST_CASE("an empty run still makes a page") {
  const Output out("empty");
  report::write({}, out.path());
  CHECK(holds(out.read("index.html"), "A network"));
}

TEST_CASE("where nothing can be written is told") {
  TemporaryDirectory directory;
  write_file(directory.file("file"), "in the way");
  CHECK(message_of<IOError>([&] {
          report::write({}, directory.file("file"));
        }).starts_with("report: cannot make the directory "));
  CHECK(message_of<IOError>([&] {
          report::write({}, directory.file("file/deeper"));
        }).ends_with("Not a directory"));
}

TEST_CASE("a live page reloads itself, survives a lost directory, and tells of it") {
  TemporaryDirectory directory;
  const std::string path = directory.file("live");
  report::Run run{.title = "Going on"};
  report::LivePage page(run, path, 1);
  CHECK(holds(content(path + "/index.html"), "http-equiv=\"refresh\" content=\"1\""));
  CHECK(std::distance(fs::directory_iterator(path), {}) == 1);
  run.state = "half-way";
  page.update();
  CHECK(holds(content(path + "/index.html"), "half-way"));
  CHECK_FALSE(page.due());
  fs::remove_all(path);
  write_file(path, "a file where the directory was");
  page.update();
  REQUIRE(page.failure());
  CHECK(holds(*page.failure(), "cannot make the directory"));
  fs::remove(path);
  page.update();
  CHECK_FALSE(page.failure());
  CHECK(fs::exists(path + "/index.html"));
}

TEST_CASE("the log is one JSON object a line") {
  TemporaryDirectory directory;
  report::JsonLines log(directory.file("log"));
  log.write({{"event", "a \"quoted\"\nword"}, {"n", std::int64_t{3}}});
  log.write({{"loss", 0.5}, {"bad", NAN}, {"label", "\xff"}});
  log.finish();
  CHECK(content(directory.file("log")) ==
        "{\"event\":\"a \\\"quoted\\\"\\nword\",\"n\":3}\n"
        "{\"loss\":0.5,\"bad\":null,\"label\":\"\xEF\xBF\xBD\"}\n");
  CHECK_THROWS_AS(report::JsonLines(directory.file("no/where")), IOError);
  if (fs::exists("/dev/full")) {
    report::JsonLines full("/dev/full");
    full.write({{"a", 1.0}});
    CHECK(message_of<IOError>([&] { full.finish(); }) ==
          "log: cannot write: /dev/full: No space left on device");
  }
}

TEST_CASE("a log goes on behind what is to be kept of it") {
  TemporaryDirectory directory;
  const std::string path = directory.file("log");
  std::uint64_t kept = 0;
  {
    report::JsonLines log(path);
    log.write({{"n", std::int64_t{1}}});
    kept = log.size();
    log.write({{"n", std::int64_t{2}}});
  }
  CHECK(kept == 8);
  {
    report::JsonLines log(path, kept);
    log.write({{"n", std::int64_t{3}}});
    log.finish();
  }
  CHECK(content(path) == "{\"n\":1}\n{\"n\":3}\n");
  report::JsonLines missing(directory.file("other"), kept);  // what is gone is gone
  missing.finish();
  CHECK(content(directory.file("other")).empty());
}

TEST_CASE("graphs are drawn with and without Graphviz") {
  Net net(1, 2);
  const auto network = report::describe(net, {1, 1, 6, 6});
  CHECK(network.summary.parameters == 4 * 9 + 4 + 144 * 2 + 2);
  const std::string ours = report::layered_svg(network.graph);
  for (const char* word : {"conv2d", "conv.weight", "[1, 4, 6, 6]", "input", "output", "relu"})
    CHECK_MESSAGE(holds(ours, word), word);
  std::size_t heads = 0;
  for (auto at = ours.find("<polygon"); at != std::string::npos; at = ours.find("<polygon", at + 1))
    ++heads;
  CHECK(heads == network.graph.arrows.size());

  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nowhere", 1);
  CHECK_FALSE(report::graphviz_svg(network.graph));
  CHECK(report::svg(network.graph) == ours);
  setenv("PATH", path.c_str(), 1);
  if (const auto theirs = report::graphviz_svg(network.graph)) {
    CHECK(theirs->starts_with("<svg"));
    CHECK(holds(*theirs, "conv.weight"));
  }
}

TEST_CASE("our own drawing puts every operation above its arguments, long arrows included") {
  // y = relu(x) + x: the arrow from x to the sum passes the layer of relu.
  const Tensor x = zeros({2}, {.requires_grad = true}).set_name("x<1>");
  const std::string drawn = report::layered_svg(tape_graph(relu(x) + x));
  CHECK(holds(drawn, "x&lt;1&gt;"));
  CHECK(holds(drawn, "viewBox=\"0 0 "));
  const auto y_of = [&](const std::string& word) {
    const auto text = drawn.find(">" + word + "<");
    REQUIRE(text != std::string::npos);
    const auto y = drawn.rfind(" y=\"", text);
    return std::stod(drawn.substr(y + 4));
  };
  CHECK(y_of("result") < y_of("add"));
  CHECK(y_of("add") < y_of("relu"));
  CHECK(y_of("relu") < y_of("x&lt;1&gt;"));
}
