#pragma once
#include <cstdint>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad::train {

/// How long a training is: so many iterations, or so many seconds, to which schedules then fit
/// themselves.
///
///     const train::Length length{.seconds = 600};
///     while (!length.is_over(done, watch.seconds())) {
///       scheduler.set(length.progress(done, watch.seconds()));
///       ...
struct Length {
  std::int64_t iterations = 0;
  std::optional<double> seconds = {};  ///< instead of iterations

  /// How much is done, 0 to 1, when `spent` seconds went into `done` iterations, and half of the
  /// next is added: where that one stands in the schedules.
  double progress(std::int64_t done, double spent) const;
  bool is_over(std::int64_t done, double spent) const;
  /// How many iterations it will be; an estimate where it is a time.
  std::int64_t total(std::int64_t done, double spent) const;
};

}  // namespace xgrad::train

#pragma GCC visibility pop
