#pragma once
#include <xgrad/report/run.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#pragma GCC visibility push(default)

namespace xgrad::report {

/// The page of a run that goes on, rewritten every few seconds: a browser left open shows it live.
/// What cannot be written does not stop the training: see failure().
class LivePage {
 public:
  /// IOError if nothing can be written to `directory` now.
  LivePage(const Run& run, std::string directory, int seconds = 3);

  /// Whether it is time for update(): a page is some milliseconds of work.
  bool due() const;
  /// Rewrites the page.
  void update();
  /// Why the last update() failed, if it did.
  const std::optional<std::string>& failure() const noexcept { return failure_; }

 private:
  using Clock = std::chrono::steady_clock;

  const Run& run_;
  std::string directory_;
  std::chrono::seconds every_;
  Clock::time_point last_;
  std::optional<std::string> failure_;
};

/// A log for programs: a file with one JSON object a line.
class JsonLines {
 public:
  using Value = std::variant<double, std::int64_t, std::string>;
  using Fields = std::vector<std::pair<std::string, Value>>;

  /// Starts the file anew, or goes on behind its first `keep` bytes where it is still there.
  /// IOError if it cannot be written, or those bytes are not whole lines.
  explicit JsonLines(std::string path, std::uint64_t keep = 0);
  ~JsonLines();
  JsonLines(const JsonLines&) = delete;
  JsonLines& operator=(const JsonLines&) = delete;

  /// Adds a line; numbers that are not finite become null. In the file within a second, and whole.
  /// Nothing after a line that could not be written.
  void write(const Fields& fields);
  /// Bytes written, all of them on the disk now; 0 for what has no size, such as a pipe.
  std::uint64_t size();
  /// Everything is in the file. IOError if that, or an earlier line, could not be written.
  void finish();

 private:
  void go_on_behind(std::uint64_t keep);

  std::string path_;
  std::FILE* file_;
  std::chrono::steady_clock::time_point flushed_ = std::chrono::steady_clock::now();
  int error_ = 0;  // errno of the first failure
};

}  // namespace xgrad::report

#pragma GCC visibility pop
