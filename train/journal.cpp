#include <xgrad/train/journal.hpp>

#include <cstdio>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

namespace xgrad::train {

Journal::Journal(report::Run run, JournalOptions options, const Checkpoint* from)
    : run_(std::move(run)), options_(std::move(options)) {
  if (from != nullptr) run_.history = from->history;
  if (!options_.report.empty()) page_.emplace(run_, options_.report);
  if (options_.log.empty()) return;
  std::error_code none;  // a log that is not there any more begins anew
  const bool goes_on = from != nullptr && std::filesystem::exists(options_.log, none);
  const std::uint64_t written = goes_on ? from->log_bytes : 0;
  log_.emplace(options_.log, written);
  if (written > 0) return;
  report::JsonLines::Fields start{{"event", "start"}, {"title", run_.title}};
  for (const auto& [name, value] : run_.configuration) start.emplace_back(name, value);
  log_->write(start);
}

void Journal::add(const std::string& name, std::int64_t iteration, double value,
                  report::History::Kind kind) {
  if (page_) run_.history.add(name, static_cast<double>(iteration), value, kind);
  if (!log_) return;
  if (fields_.empty()) fields_ = {{"event", "iteration"}, {"iteration", iteration}};
  fields_.emplace_back(name, value);
}

void Journal::end_iteration(const std::string& state) {
  if (log_ && !fields_.empty()) log_->write(std::exchange(fields_, {}));
  if (!page_ || !page_->due()) return;
  run_.state = state;
  if (options_.figures) run_.figures = options_.figures();
  const bool told = page_->failure().has_value();
  page_->update();
  if (page_->failure() && !told)
    fmt::print(stderr, "warning: {}; the training goes on\n", *page_->failure());
}

void Journal::note(Checkpoint& checkpoint) {
  checkpoint.history = run_.history;
  if (log_) checkpoint.log_bytes = log_->size();
}

std::optional<std::string> Journal::finish(const std::string& state,
                                           const report::JsonLines::Fields& result) {
  run_.state = state;
  if (run_.evaluation) run_.figures.clear();
  std::optional<std::string> path;
  if (page_) path = report::write(run_, options_.report);
  if (log_) {
    log_->write(result);
    log_->finish();
  }
  return path;
}

}  // namespace xgrad::train
