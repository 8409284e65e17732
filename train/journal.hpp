#pragma once
#include <xgrad/report/live.hpp>
#include <xgrad/train/checkpoint.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::train {

struct JournalOptions {
  std::string report = {};  ///< directory of the page; none if empty
  std::string log = {};     ///< file of JSON lines; none if empty
  /// Drawn on the page while the training goes on.
  std::function<std::vector<report::Grid>()> figures = {};
};

/// What a training leaves behind: the page, live while it goes on, and the log for programs.
///
///     train::Journal journal({.title = "Digits"}, {.report = "run", .log = "run.jsonl"});
///     for (…) {
///       journal.add("loss", iteration, loss.item());
///       journal.end_iteration("Training.");
///     }
///     journal.finish("", {{"event", "result"}, {"accuracy", accuracy}});
class Journal {
 public:
  /// Goes on from a checkpoint, if there is one. IOError where page or log cannot be written.
  Journal(report::Run run, JournalOptions options, const Checkpoint* from = nullptr);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  report::Run& run() { return run_; }

  /// Measured at an iteration, for the curves and the log alike.
  void add(const std::string& name, std::int64_t iteration, double value,
           report::History::Kind kind = report::History::Kind::exact);
  /// The values of an iteration are complete; `state` stands on the page. A page that cannot be
  /// written does not stop a training: a warning on standard error says so, once.
  void end_iteration(const std::string& state);
  /// Notes what it needs to go on.
  void note(Checkpoint& checkpoint);
  /// Writes the final page and the end of the log; the page's path if there is one. IOError where
  /// one of them is not whole.
  std::optional<std::string> finish(const std::string& state,
                                    const report::JsonLines::Fields& result);

 private:
  report::Run run_;
  JournalOptions options_;
  std::optional<report::LivePage> page_;
  std::optional<report::JsonLines> log_;
  report::JsonLines::Fields fields_;
};

}  // namespace xgrad::train

#pragma GCC visibility pop
