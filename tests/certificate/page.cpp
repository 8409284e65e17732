#include <xgrad/report/plot.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "certificate.hpp"
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace certificate {
namespace {

using Json = nlohmann::ordered_json;
using xgrad::Certificate;
using Input = Certificate::Input;
using Worst = Certificate::Worst;

Json json_of(const Worst& w) {
  return {{"error", w.error},
          {"at", std::vector<std::int64_t>(w.at.begin(), w.at.end())},
          {"found", w.found},
          {"expected", w.expected}};
}

Json json_of(const Certificate& certificate) {
  Json inputs = Json::array();
  for (const Input& input : certificate.inputs) {
    Json curve = Json::array();
    for (const auto& step : input.curve)
      curve.push_back({step.step, step.first, step.second, step.forward});
    inputs.push_back({{"number", input.number},
                      {"first", json_of(input.first)},
                      {"second", json_of(input.second)},
                      {"forward", json_of(input.forward)},
                      {"curve", curve}});
  }
  return inputs;
}

/// The worst errors of a certificate, of one kind.
double worst_of(const Certificate& certificate, Worst Input::*kind) {
  double error = 0;
  for (const Input& input : certificate.inputs) error = worst(error, (input.*kind).error);
  return error;
}

double worst_of(const Operation& operation, Worst Input::*kind) {
  double error = 0;
  for (const Measured& row : operation.rows) error = worst(error, worst_of(row.plain, kind));
  return error;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += c == '<' ? "&lt;" : c == '>' ? "&gt;" : c == '&' ? "&amp;" : std::string(1, c);
  return out;
}

constexpr const char* style = R"css(
:root{color-scheme:light dark;--paper:#fff;--ink:#1c2128;--quiet:#59636e;--rule:#d5dae0}
@media(prefers-color-scheme:dark){:root{--paper:#14181d;--ink:#e6e9ec;--quiet:#9aa4af;--rule:#3a424c}}
body{margin:0 auto;max-width:74rem;padding:1rem;background:var(--paper);color:var(--ink);
font:1rem/1.5 system-ui,"DejaVu Sans",sans-serif}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
th,td{padding:.2rem .7rem;text-align:right;border-bottom:1px solid var(--rule)}
th:first-child,td:first-child{text-align:left}
.quiet{color:var(--quiet)}.scroll{overflow-x:auto}summary{cursor:pointer;padding:.2rem 0}
svg{max-width:36rem;width:100%;height:auto}
svg text.ink{fill:var(--ink)}svg path.ink{stroke:var(--ink)}svg .rule{stroke:var(--rule)}
)css";

std::string cell(double error) { return fmt::format("<td>{:.1e}</td>", error); }

/// The input whose errors are largest, with its row; {} where no row has one.
std::pair<const Measured*, const Input*> worst_input(const Operation& operation) {
  std::pair<const Measured*, const Input*> found{};
  double largest = -1;
  for (const Measured& row : operation.rows)
    for (const Input& input : row.plain.inputs) {
      const double error = worst(input.first.error, worst(input.second.error, input.forward.error));
      if (error > largest || std::isnan(error)) {
        largest = error;
        found = {&row, &input};
      }
    }
  return found;
}

/// Errors against the step, of an operation's worst input.
std::string curve(const Operation& operation) {
  const auto [row, input] = worst_input(operation);
  if (input == nullptr || input->curve.empty()) return "";
  xgrad::report::Plot plot{operation.name,
                           fmt::format("{}: {}", operation.name, row->row),
                           "log₁₀ of the step",
                           "relative error",
                           true,
                           {{"first", {}, {}}, {"second", {}, {}}, {"forward", {}, {}}}};
  std::vector<Certificate::Step> steps = input->curve;
  std::ranges::sort(steps, {}, &Certificate::Step::step);
  for (const auto& step : steps)
    for (std::size_t i = 0; const double error : {step.first, step.second, step.forward}) {
      plot.curves[i].x.push_back(std::log10(step.step));
      plot.curves[i].y.push_back(error);
      ++i;
    }
  return xgrad::report::svg(plot);
}

std::string rows_of(const Operation& operation) {
  std::string out =
      "<div class=\"scroll\"><table><tr><th>row, input</th><th>shape</th><th>first</th>"
      "<th>second</th><th>forward</th><th>worst "
      "element</th><th>found</th><th>difference</th></tr>\n";
  for (const Measured& row : operation.rows)
    for (const Input& input : row.plain.inputs)
      out += fmt::format(
          "<tr><td>{}, {}</td><td>{}</td>{}{}{}<td>{}</td><td>{:.6g}</td>"
          "<td>{:.6g}</td></tr>\n",
          escaped(row.row), input.number, input.shape, cell(input.first.error),
          cell(input.second.error), cell(input.forward.error), input.first.at, input.first.found,
          input.first.expected);
  return out + "</table></div>\n";
}

std::string summary(const Operation& operation) {
  double strided = 0;
  double float32 = 0;
  for (const Measured& row : operation.rows) {
    strided = worst(strided, row.strided.worst());
    float32 = worst(float32, row.float32);
  }
  return fmt::format("<tr><td><a href=\"#{0}\">{0}</a></td><td>{1}</td>{2}{3}{4}{5}{6}</tr>\n",
                     operation.name, operation.rows.size(),
                     cell(worst_of(operation, &Input::first)),
                     cell(worst_of(operation, &Input::second)),
                     cell(worst_of(operation, &Input::forward)), cell(strided), cell(float32));
}

}  // namespace

std::string json(const std::vector<Operation>& operations) {
  Json all = Json::array();
  for (const Operation& operation : operations) {
    Json rows = Json::array();
    for (const Measured& row : operation.rows)
      rows.push_back({{"name", row.row},
                      {"inputs", json_of(row.plain)},
                      {"as views", row.strided.worst()},
                      {"float32", row.float32}});
    all.push_back(
        {{"operation", operation.name}, {"composed", operation.is_composed}, {"rows", rows}});
  }
  return all.dump(1) + "\n";
}

std::string page(const std::vector<Operation>& operations) {
  std::size_t rows = 0;
  for (const Operation& operation : operations) rows += operation.rows.size();
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>xgrad: certificate of derivatives</title>\n"
      "<style>{}</style>\n<h1>Derivatives of {} operations on {} rows</h1>\n"
      "<p>The worst relative errors of first derivatives, of second ones and of forward mode "
      "against central differences of step 10⁻⁵ in float64, |d − r| / (|d| + |r| + 10⁻⁸); the "
      "same where every input is a view of every second value in memory; and how far float32 is "
      "from float64. Differences themselves are good to about 10⁻⁶; where a derivative is nearly "
      "0 the relative error says little.</p>\n"
      "<div class=\"scroll\"><table><tr><th>operation</th><th>rows</th><th>first</th>"
      "<th>second</th><th>forward</th><th>as views</th><th>float32</th></tr>\n",
      style, operations.size(), rows);
  for (const Operation& operation : operations) out += summary(operation);
  out += "</table></div>\n";
  for (const Operation& operation : operations)
    out += fmt::format("<details id=\"{0}\"><summary>{0}</summary>\n{1}{2}</details>\n",
                       operation.name, rows_of(operation), curve(operation));
  // What is linked to is opened.
  out += R"(<script>
const open = () => {
  const one = document.getElementById(location.hash.slice(1));
  if (one) one.open = true;
};
addEventListener("hashchange", open);
open();
</script>
)";
  return out + "</html>\n";
}

}  // namespace certificate
