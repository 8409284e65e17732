#include <xgrad/report/plot.hpp>
#include <xgrad/report/record.hpp>
#include <xgrad/report/run.hpp>
#include <xgrad/report/table.hpp>
#include <xgrad/report/text.hpp>

#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;
using report::detail::escaped;

TEST_CASE("what HTML would take for its own is escaped") {
  CHECK(escaped("<a href=\"x\">'&'</a>") ==
        "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
  CHECK(escaped("čaj 茶 שלום 😀") == "čaj 茶 שלום 😀");
  const std::string unknown = "\xEF\xBF\xBD";
  CHECK(escaped("a\x01z") == "a" + unknown + "z");
  CHECK(escaped("\xff\xc0\x80") == unknown + unknown + unknown);  // not UTF-8; overlong
  CHECK(escaped("\xe8\x8c") == unknown + unknown);                // cut off
  CHECK(escaped("\xed\xa0\x80") == unknown + unknown + unknown);  // a surrogate
}

TEST_CASE("base64, by RFC 4648's examples") {
  using report::detail::base64;
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
}

TEST_CASE("NaN has no sign where it becomes text") {
  const double minus = std::copysign(std::numeric_limits<double>::quiet_NaN(), -1.);
  CHECK(report::detail::percent(minus) == "nan %");
  CHECK(report::detail::shown(minus) == "nan");
  report::Run run;
  run.history.add("loss", 1, minus);
  run.history.add("loss", 2, 5e-324);
  run.timing = {{"forward", minus}};
  for (const auto& table : report::detail::tables(run))
    for (const auto& row : table.rows)
      for (const auto& cell : row) CHECK(cell.find("-nan") == std::string::npos);
  const std::string json = report::detail::json(run);
  CHECK(json.find("nan") == std::string::npos);
  CHECK(json.find("\"value\":[null,5e-324]") != std::string::npos);
  CHECK(message_of<ValueError>([&] { run.history.add("other", minus, 1); }) ==
        "History: 'other' at step nan; steps are finite");
}

TEST_CASE("plots of any numbers draw none that is not one") {
  const double most = std::numeric_limits<double>::max();
  const std::vector<double> any{NAN, -NAN, INFINITY, -INFINITY, most, -most, 5e-324, -5e-324, 0, 1};
  for (const bool log : {false, true})
    for (const double x : any)
      for (const double y : any)
        for (const double z : any) {
          CAPTURE(x);
          CAPTURE(y);
          CAPTURE(z);
          const report::Plot plot{.name = "plot",
                                  .title = "Plot",
                                  .x_label = "x",
                                  .y_label = "y",
                                  .log_y = log,
                                  .curves = {{"line", {0, x, 2}, {y, 1, z}}}};
          const std::string svg = report::svg(plot);
          CHECK(svg.size() < 20000);
          CHECK(svg.find("nan") == std::string::npos);
          CHECK(svg.find("inf") == std::string::npos);
        }
}

TEST_CASE("names of files") {
  using report::detail::slug;
  CHECK(slug("features.0") == "features-0");
  CHECK(slug("../a<b>&\"c\"") == "a-b-c");
  CHECK(slug("/..") == "figure");
  CHECK(slug("Größe") == "Gr-e");
}

TEST_CASE("CSV by RFC 4180") {
  CHECK(report::detail::csv({"t", "", {"a", "b,c"}, {{"1", "say \"x\"\nthere"}}}) ==
        "a,\"b,c\"\r\n1,\"say \"\"x\"\"\nthere\"\r\n");
}

TEST_CASE("ticks are round numbers that cover the range") {
  using report::detail::log_ticks;
  using report::detail::ticks;
  const auto check = [](const std::vector<double>& found, const std::vector<double>& wanted) {
    REQUIRE(found.size() == wanted.size());
    for (std::size_t i = 0; i < found.size(); ++i)
      CHECK(found[i] == doctest::Approx(wanted[i]).epsilon(1e-9));
  };
  check(ticks(0, 1, 5), {0, 0.2, 0.4, 0.6, 0.8, 1});
  check(ticks(0, 3000, 5), {0, 1000, 2000, 3000});
  check(ticks(-0.03, 0.04, 5), {-0.04, -0.02, 0, 0.02, 0.04});
  check(ticks(97.2, 97.9, 5), {97.2, 97.4, 97.6, 97.8, 98});
  check(log_ticks(0.3, 40), {0.1, 1, 10, 100});
  check(log_ticks(2, 80), {1, 2, 5, 10, 20, 50, 100});
  CHECK(log_ticks(1e-12, 1).size() <= 8);
  CHECK(log_ticks(1e-12, 1).front() <= 1e-12);
  CHECK(log_ticks(1e-12, 1).back() >= 1);
}

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

}  // namespace

TEST_CASE("a plot has its title, labels, legend and lines") {
  const std::string drawn = report::svg(
      {.name = "p",
       .title = "A < B",
       .x_label = "time (s)",
       .y_label = "\"y\"",
       .curves = {{"first", {0, 1, 2}, {1, 2, 3}}, {"second", {0, 1, 2}, {3, NAN, 1}, true}}});
  CHECK(drawn.find("A &lt; B") != std::string::npos);
  CHECK(drawn.find("time (s)") != std::string::npos);
  CHECK(drawn.find("&quot;y&quot;") != std::string::npos);
  CHECK(drawn.find(">first<") != std::string::npos);
  CHECK(drawn.find(">second<") != std::string::npos);
  CHECK(drawn.find("nan") == std::string::npos);
  CHECK(count(drawn, "stroke-opacity") == 2);  // in the legend and as a curve
}

TEST_CASE("plots of nothing, of one value, of values that cannot be shown") {
  for (const bool log : {false, true})
    for (const std::vector<double>& y :
         {std::vector<double>{}, {5.}, {0., 0.}, {NAN, INFINITY}, {-1., -2.}, {1e-300, 1e300}}) {
      std::vector<double> x;
      for (std::size_t i = 0; i < y.size(); ++i) x.push_back(static_cast<double>(i));
      const std::string drawn = report::svg({"p", "t", "x", "y", log, {{"a", x, y}}});
      CHECK(drawn.ends_with("</svg>\n"));
      CHECK(drawn.find("nan") == std::string::npos);
      CHECK(drawn.find("inf") == std::string::npos);
    }
  CHECK_THROWS_AS(report::svg({"p", "t", "x", "y", false, {{"a", {1}, {}}}}), ValueError);
}

TEST_CASE("long curves are thinned, their extremes kept") {
  report::Line line{"a", {}, {}};
  for (int i = 0; i < 100000; ++i) {
    line.x.push_back(i);
    line.y.push_back(i == 54321 ? 1000 : std::sin(i));
  }
  const std::string drawn = report::svg({"p", "t", "x", "y", false, {line}});
  CHECK(drawn.size() < 20000);
  CHECK(drawn.find(">1000<") != std::string::npos);
  // The spike reaches the top of the axis, which has no legend above it here.
  CHECK(count(drawn, " 32.0") >= 1);
}

TEST_CASE("a history's steps are written with all their digits") {
  report::History history;
  history.add("loss", 1234567, 0.5);
  history.add("loss", 9007199254740991, 0.25);
  const auto table = report::detail::history_table(history);
  CHECK(table.rows[0] == std::vector<std::string>{"loss", "1234567", "0.5"});
  CHECK(table.rows[1] == std::vector<std::string>{"loss", "9007199254740991", "0.25"});
}

TEST_CASE("a history becomes one plot for each group") {
  report::History history;
  for (int i = 1; i <= 30; ++i) {
    history.add("loss/each batch", i, 1.0 / i, report::History::Kind::noisy);
    if (i % 10 == 0) history.add("loss/total", i, 2);
    history.add("rate", i, 0.1);
  }
  CHECK_THROWS_AS(history.add("rate", 30, 0.1), ValueError);
  const auto plots = history.plots();
  REQUIRE(plots.size() == 2);
  CHECK(plots[0].title == "Loss");
  REQUIRE(plots[0].curves.size() == 3);
  CHECK(plots[0].curves[0].faint);
  CHECK(plots[0].curves[1].name == "moving average");
  CHECK(plots[0].curves[1].y[1] == doctest::Approx(0.75));  // the plain mean at first
  CHECK(plots[0].curves[2].y.size() == 3);
  CHECK(plots[1].name == "rate");
  CHECK_FALSE(plots[1].log_y);
  history.add("loss/total", 40, 1e-3);
  CHECK(history.plots()[0].log_y);
}
