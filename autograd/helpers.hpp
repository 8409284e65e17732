#pragma once
// Internal: which parallel loops the team's threads help with (team.cpp). Every loop asks and
// tells; the caller holds a lock and reads the clock.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace xgrad::detail {

using Clock = std::chrono::steady_clock;

/// Counts the threads that lead loops now or have done so lately.
class Leaders {
 public:
  void begin(Clock::time_point now) {
    using namespace std::chrono_literals;
    constexpr auto lately = 1ms;  // those that led a loop since are taken to go on
    if (now - since_ > lately) {
      before_ = now - since_ > 2 * lately ? 0 : seen_;
      seen_ = 0;
      since_ = now;
      ++period_;
    }
    thread_local std::uint64_t own_period = 0;
    if (std::exchange(own_period, period_) != period_) ++seen_;
    ++leading_;
  }
  void end() { --leading_; }
  int count() const { return std::max({seen_, before_, leading_}); }

 private:
  Clock::time_point since_;
  std::uint64_t period_ = 0;
  int seen_ = 0;     // in this period
  int before_ = 0;   // in the one before
  int leading_ = 0;  // now
};

/// Leaves helpers out while their help costs more than it saves, as where other programs take their
/// core from them in the midst of a part.
class Trust {
 public:
  bool holds(Clock::time_point now) const {
    return owed_ <= Clock::duration::zero() || now > forgiven_;
  }

  /// A loop without help took so long.
  void alone(Clock::duration took) { owed_ = std::max(owed_ - took, Clock::duration::zero()); }

  /// Help saved so much; less than nothing where it cost time.
  void helped(Clock::duration saved, Clock::time_point now) {
    balance_ = std::min(balance_ + saved, credit);
    if (balance_ == credit) caution_ = first_caution;
    if (balance_ >= -credit) return;
    owed_ = caution_ * -std::exchange(balance_, Clock::duration::zero());
    forgiven_ = now + grudge;
    caution_ = std::min(2 * caution_, most_caution);
  }

 private:
  /// What help may cost on the whole, and how much of what it saved counts against that: the first
  /// loops with helpers whose caches are cold often lose.
  static constexpr Clock::duration credit = std::chrono::milliseconds(1);
  /// After help that cost more, loops that take so many times as much go without; each time twice
  /// as many, but not for longer than `grudge`.
  static constexpr int first_caution = 8;
  static constexpr int most_caution = 256;
  static constexpr Clock::duration grudge = std::chrono::seconds(10);

  Clock::duration balance_{0};
  int caution_ = first_caution;
  Clock::duration owed_{0};  // time of loops without help
  Clock::time_point forgiven_;
};

/// Finds out for loops that follow each other quickly whether help pays on the whole, with what it
/// leaves in other cores' caches, which no loop shows by itself: now and then some hundreds run the
/// other way, and the faster way is kept.
class Trials {
 public:
  /// Whether the loop that begins now may be helped.
  bool allow(Clock::time_point now) {
    if (count_ == length_) turn(now - since_);
    if (count_ == length_ - timed) since_ = now;
    ++count_;
    return helped_;
  }

 private:
  static constexpr int timed = 256;
  static constexpr int warming = 128;  // before that, while the caches get what they need
  static constexpr int first_stretch = 1024;
  static constexpr int longest_stretch = 65536;
  /// Longer ones are worth their help or show by themselves that they are not (Trust).
  static constexpr Clock::duration quick = std::chrono::microseconds(100);

  /// After a stretch whose timed loops took so long.
  void turn(Clock::duration took) {
    count_ = 0;
    if (!trying_) {
      kept_took_ = took;
      if (helped_ && took > timed * quick) return;
      trying_ = true;
      helped_ = !helped_;
      length_ = warming + timed;
      return;
    }
    trying_ = false;
    const bool is_better = took < kept_took_ - kept_took_ / 16;
    if (!is_better) helped_ = !helped_;
    stretch_ = is_better ? first_stretch : std::min(2 * stretch_, longest_stretch);
    length_ = stretch_;
  }

  bool helped_ = true;
  bool trying_ = false;  // the way that is not kept
  int count_ = 0;        // loops this way
  int stretch_ = first_stretch;
  int length_ = first_stretch;
  Clock::time_point since_;
  Clock::duration kept_took_{0};
};

}  // namespace xgrad::detail
