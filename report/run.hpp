#pragma once
#include <xgrad/report/evaluation.hpp>
#include <xgrad/report/graph.hpp>
#include <xgrad/report/plot.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::report {

/// Values measured while training, each series under a name. "accuracy/validation" is the line
/// "validation" of the plot "accuracy"; a name without "/" is a plot of its own.
class History {
 public:
  enum class Kind {
    exact,
    noisy,  ///< drawn faintly, under its moving average (RunningMean)
  };
  struct Series {
    std::string name;
    Kind kind;
    std::vector<double> steps;
    std::vector<double> values;
  };

  /// The value at `step`; steps of a series ascend.
  void add(const std::string& name, double step, double value, Kind kind = Kind::exact);
  const std::vector<Series>& series() const noexcept { return series_; }
  bool empty() const noexcept { return series_.empty(); }

  /// One plot for each group of names. The axis of values is logarithmic where all are positive
  /// and span more than two powers of ten.
  std::vector<Plot> plots(const std::string& x_label = "iteration") const;

 private:
  std::vector<Series> series_;
};

/// Where and with what a run was made.
struct Machine {
  std::string processor;
  int cores = 0;
  int threads = 0;  ///< xgrad's
  std::string system;
  std::string compiler;
  std::string xgrad;  ///< version
};
Machine this_machine();

using Configuration = std::vector<std::pair<std::string, std::string>>;

/// Everything a report tells of one network; what is left empty is left out.
///
///     report::Run run{.title = "Digits", .configuration = {{"learning rate", "0.1"}}};
///     run.history.add("loss", step, loss.item());              // while training
///     run.network = report::describe(net, {1, 1, 28, 28});
///     run.evaluation = report::evaluate(net, test, classes);
///     report::write(run, "out");                               // out/index.html
struct Run {
  std::string title = "A network";
  std::string state = {};  ///< "Interrupted after 300 iterations."; empty for a finished run
  Configuration configuration = {};
  Machine machine = this_machine();
  History history = {};
  std::optional<Network> network = {};
  std::optional<Evaluation> evaluation = {};
  std::vector<Grid> figures = {};                           ///< beside those of the evaluation
  std::vector<std::pair<std::string, double>> timing = {};  ///< seconds of each part
};

/// "97.55 % of 10,000 test examples right; 14,682 parameters."
std::string summary_line(const Run& run);

struct WriteOptions {
  /// If positive, training goes on: only the page is written, and a browser reloads it after so
  /// many seconds.
  int refresh_seconds = 0;
};

/// Writes `directory`/index.html, a page of one file that needs no network and no script, and
/// beside it every figure as PNG or SVG, every table as CSV, and the run as run.json. The path of
/// the page. Each file is replaced as a whole. IOError where one cannot be written.
std::string write(const Run& run, const std::string& directory, const WriteOptions& options = {});

/// All in one: evaluates the network on the data set and writes the report.
std::string write(nn::Module& net, const datasets::AnyDataset& test,
                  const std::vector<std::string>& classes, const std::string& directory,
                  const EvaluateOptions& options = {});

}  // namespace xgrad::report

#pragma GCC visibility pop
