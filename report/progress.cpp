#include <xgrad/report/progress.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace xgrad::report {

Progress::Progress(std::int64_t total, std::int64_t done)
    : total_(std::max<std::int64_t>(total, 1)),
      first_(done),
      terminal_(isatty(STDOUT_FILENO) != 0) {}

Progress::~Progress() { finish(); }

double Progress::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

double Progress::seconds_left(std::int64_t done) const {
  const auto over = static_cast<double>(done);
  return seconds() * (static_cast<double>(total_) - over) /
         std::max(over - static_cast<double>(first_), 1.0);
}

void Progress::set_total(std::int64_t total) { total_ = std::max<std::int64_t>(total, 1); }

void Progress::update(std::int64_t done, const std::string& text) {
  constexpr auto pause = std::chrono::milliseconds(100);
  constexpr std::int64_t width = 24;
  if (!terminal_ || (Clock::now() - last_ < pause && done < total_)) return;
  last_ = Clock::now();
  const double part =
      static_cast<double>(std::clamp<std::int64_t>(done, 0, total_)) / static_cast<double>(total_);
  const auto filled = static_cast<std::size_t>(static_cast<double>(width) * part);
  fmt::print("\r[{:<{}}] {}/{}  {}  {} left\033[K", std::string(filled, '='), width, done, total_,
             text, duration(seconds_left(done)));
  std::fflush(stdout);
  drawn_ = true;
}

void Progress::line(const std::string& text) {
  fmt::print("{}{}\n", drawn_ ? "\r\033[K" : "", text);
  std::fflush(stdout);
  drawn_ = false;
}

void Progress::finish() {
  if (drawn_) fmt::print("\n");
  std::fflush(stdout);
  drawn_ = false;
}

void Stopwatch::lap(const std::string& part) {
  const auto now = Clock::now();
  const double passed = std::chrono::duration<double>(now - std::exchange(last_, now)).count();
  const auto found = std::ranges::find(parts_, part, &std::pair<std::string, double>::first);
  if (found == parts_.end()) {
    parts_.emplace_back(part, passed);
  } else {
    found->second += passed;
  }
}

double Stopwatch::seconds(const std::string& part) const {
  const auto found = std::ranges::find(parts_, part, &std::pair<std::string, double>::first);
  return found == parts_.end() ? 0 : found->second;
}

double Stopwatch::seconds() const {
  double sum = 0;
  for (const auto& part : parts_) sum += part.second;
  return sum;
}

std::string duration(double seconds) {
  constexpr double most = 1e15;  // some 30 million years
  if (!(std::abs(seconds) < most)) return "unknown";
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace xgrad::report
