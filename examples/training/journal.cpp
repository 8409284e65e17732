#include "journal.hpp"

#include <cstdio>
#include <filesystem>
#include <utility>

#include "files.hpp"
#include <fmt/format.h>

namespace examples {

namespace report = xgrad::report;

Journal::Journal(xgrad::nn::Module& net, xgrad::Shape image, report::Run run,
                 const Options& options, const Checkpoint* from)
    : net_(net), image_(std::move(image)), run_(std::move(run)), directory_(options.report) {
  if (from != nullptr) run_.history = from->history;
  if (!directory_.empty()) page_.emplace(run_, directory_);
  if (options.log.empty()) return;
  std::error_code none;  // a log that is not there any more begins anew
  const bool goes_on = from != nullptr && std::filesystem::exists(options.log, none);
  const std::uint64_t written = goes_on ? from->log_bytes : 0;
  log_.emplace(options.log, written);
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
  run_.figures.clear();
  if (auto filters = report::first_filters(net_, image_)) run_.figures = {*std::move(filters)};
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
  if (page_) path = shown(report::write(run_, directory_));
  if (log_) {
    log_->write(result);
    log_->finish();
  }
  return path;
}

}  // namespace examples
