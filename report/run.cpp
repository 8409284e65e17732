#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/threads.hpp>
#include <xgrad/autograd/version.hpp>
#include <xgrad/report/run.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <thread>

namespace xgrad::report {
namespace {

struct GroupAndLine {
  std::string group;
  std::string line;
};

GroupAndLine split(const std::string& name) {
  const auto slash = name.find('/');
  if (slash == std::string::npos) return {name, name};
  return {name.substr(0, slash), name.substr(slash + 1)};
}

bool spans_decades(const Plot& plot) {
  double low = std::numeric_limits<double>::infinity();
  double high = 0;
  for (const Line& line : plot.curves)
    for (const double y : line.y)
      if (std::isfinite(y)) {
        low = std::min(low, y);
        high = std::max(high, y);
      }
  return low > 0 && high > 100 * low;
}

std::string capitalised(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

/// The moving average over steps, of which not every one may have a value.
std::vector<double> smoothed(const History::Series& series) {
  constexpr double warmup = 20;  // steps
  const auto n = static_cast<double>(series.steps.size());
  const double gap = n > 1 ? (series.steps.back() - series.steps.front()) / (n - 1) : 1;
  const double factor = RunningMean::factor_for(n * gap);  // from one step to the next
  RunningMean mean(std::pow(factor, gap),
                   static_cast<std::int64_t>(std::ceil(std::clamp(warmup / gap, 1.0, 1e9))));
  std::vector<double> result;
  for (const double value : series.values) {
    mean.add(value);
    result.push_back(mean.value());
  }
  return result;
}

/// What stands behind `key` in a file of "key : value" or "key=value" lines.
std::string value_in(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    auto begin = line.find_first_of(":=");
    if (begin == std::string::npos) continue;
    begin = line.find_first_not_of(" \t\"", begin + 1);
    const auto end = line.find_last_not_of(" \t\"");
    if (begin != std::string::npos) return line.substr(begin, end - begin + 1);
  }
  return "unknown";
}

}  // namespace

void History::add(const std::string& name, double step, double value, Kind kind) {
  require<ValueError>(std::isfinite(step), "History: '{}' at step {}; steps are finite", name,
                      step);
  auto found = std::ranges::find(series_, name, &Series::name);
  if (found == series_.end()) {
    series_.push_back({name, kind, {}, {}});
    found = series_.end() - 1;
  }
  require<ValueError>(found->steps.empty() || step > found->steps.back(),
                      "History: '{}' at step {} comes after step {}; steps ascend", name, step,
                      found->steps.empty() ? 0 : found->steps.back());
  found->steps.push_back(step);
  found->values.push_back(value);
}

std::vector<Plot> History::plots(const std::string& x_label) const {
  std::vector<Plot> plots;
  for (const Series& series : series_) {
    const auto [group, line] = split(series.name);
    auto plot = std::ranges::find(plots, group, &Plot::y_label);
    if (plot == plots.end()) {
      plots.push_back({.name = detail::slug(group),
                       .title = capitalised(group),
                       .x_label = x_label,
                       .y_label = group,
                       .curves = {}});
      plot = plots.end() - 1;
    }
    if (series.kind == Kind::exact) {
      plot->curves.push_back({line, series.steps, series.values});
      continue;
    }
    std::vector<double> smooth = smoothed(series);
    plot->curves.push_back({line, series.steps, series.values, true});
    plot->curves.push_back({"moving average", series.steps, std::move(smooth)});
  }
  for (Plot& plot : plots) plot.log_y = spans_decades(plot);
  return plots;
}

Machine this_machine() {
  const std::string compiler = __VERSION__;
  return {.processor = value_in("/proc/cpuinfo", "model name"),
          .cores = static_cast<int>(std::thread::hardware_concurrency()),
          .threads = num_threads(),
          .system = value_in("/etc/os-release", "PRETTY_NAME"),
          .compiler = compiler.find("Clang") == std::string::npos ? "g++ " + compiler : compiler,
          .xgrad = version()};
}

std::string summary_line(const Run& run) {
  std::string line;
  if (run.evaluation) {
    const ConfusionMatrix& matrix = run.evaluation->matrix;
    const auto accuracy = matrix.accuracy();
    line =
        fmt::format("{} of {} test examples right", accuracy ? detail::percent(*accuracy) : "none",
                    nn::detail::with_commas(matrix.total()));
  }
  if (run.network)
    line += fmt::format("{}{} parameters", line.empty() ? "" : "; ",
                        nn::detail::with_commas(run.network->summary.parameters));
  return line.empty() ? line : line + '.';
}

}  // namespace xgrad::report
