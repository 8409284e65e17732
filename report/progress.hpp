#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::report {

/// How far a long job is: on a terminal one line that is rewritten, with a bar and the time left;
/// elsewhere nothing, so that logs hold whole lines only.
class Progress {
 public:
  /// `total` steps, of which `done` were over before; writes to standard output.
  explicit Progress(std::int64_t total, std::int64_t done = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Where the number of steps is an estimate that changes.
  void set_total(std::int64_t total);
  /// Step number `done` of the total is over; `text` stands behind the bar.
  void update(std::int64_t done, const std::string& text);
  /// Prints a line that stays, above the bar.
  void line(const std::string& text);
  /// Ends the bar's line.
  void finish();

  double seconds() const;
  /// About how long the rest takes once `done` steps are over.
  double seconds_left(std::int64_t done) const;

 private:
  using Clock = std::chrono::steady_clock;

  std::int64_t total_;
  std::int64_t first_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

/// Where the time of a loop goes: seconds by the name of each part, in the order of first use.
class Stopwatch {
 public:
  Stopwatch() = default;
  /// Goes on from what another measured.
  explicit Stopwatch(std::vector<std::pair<std::string, double>> parts)
      : parts_(std::move(parts)) {}

  /// What passed since the last call (or the start) belongs to `part`.
  void lap(const std::string& part);
  const std::vector<std::pair<std::string, double>>& parts() const noexcept { return parts_; }
  /// Of one part; 0 if it never was.
  double seconds(const std::string& part) const;
  /// Of all parts.
  double seconds() const;

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point last_ = Clock::now();
  std::vector<std::pair<std::string, double>> parts_;
};

/// "45 s", "3 min 20 s", "1 h 05 min"; "unknown" for NaN and what no one waits for.
std::string duration(double seconds);

}  // namespace xgrad::report

#pragma GCC visibility pop
