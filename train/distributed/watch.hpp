#pragma once
// Internal: how the processes of a group learn that one of them has died, failed, or does not come.
// MPI itself would let them wait for ever. Beside it each process has a thread that gives a sign of
// life to rank 0 over TCP, and rank 0's tells all others what is wrong:
//
//     Listener listener;                            // rank 0, which tells the others its address
//     Watch watch(std::move(listener), size);       // rank 0
//     Watch watch(Address::of(text), rank);         // the others
//     {
//       const Waiting waiting(watch, "all_reduce");
//       while (!is_done()) watch.check();           // throws PeerError
//     }
//
// The first failure is the one that all report. A process that does not end by itself within some
// seconds of it is ended: it may compute for ever, or sit in a library that knows nothing of it.

#include <xgrad/autograd/error.hpp>
#include <xgrad/distributed/link.hpp>
#include <xgrad/distributed/standing.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace xgrad::distributed::detail {

/// In seconds, all above 0.
struct WatchOptions {
  double beat = 1;        ///< from one sign of life to the next
  double silence = 10;    ///< without one, at least 3 beats: the process is taken for lost
  double patience = 300;  ///< how long processes wait for one that does not come
  double grace = 5;       ///< from a failure to the end of a process that does not end by itself
  double connect = 30;    ///< until all have connected
};

/// With the patience that XGRAD_DISTRIBUTED_TIMEOUT says, where it is set: ValueError for what is
/// no number of seconds above 0.
WatchOptions watch_options();

class Watcher;

/// A process has one at a time: Error for a second. A process forked from it is not watched; its
/// copy does nothing.
///
/// Where SIGTERM would end the program when the watch begins, it is noted until the watch ends: the
/// others learn of it, what has failed is written to standard error (a launcher sends it to all
/// when one has died), and the program has its seconds to end. A second one ends it.
class Watch {
 public:
  /// Of rank 0. Returns when the others have connected: IOError that names who has not, or where so
  /// many files cannot be open.
  Watch(Listener listener, int size, const WatchOptions& options = watch_options());
  /// Of the others. IOError where rank 0 cannot be reached.
  Watch(const Address& address, int rank, const WatchOptions& options = watch_options());
  /// Says goodbye, unless fail() or finish() have spoken.
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// Waiting for others begins, and has ended: for all, for_some, or one rank. What is for all
  /// counts, so that it can be told who has not come; further waiting in what is begun already
  /// `goes_on`. `operation` outlives the watch. No lock, no clock.
  void entered(const char* operation, int whom = for_all, bool goes_on = false) noexcept;
  void left() noexcept;

  /// PeerError once something has failed, here or elsewhere. One atomic load.
  void check() const;
  bool has_failed() const noexcept;

  /// This process ends with an error: the others are told "rank 2 (host a): " and `what`, the
  /// beginning of it if it is long. Returns when they are, or after a second or two.
  void fail(std::string_view what) noexcept;
  /// The program has ended well: what happens to this process from here on is no failure, unless
  /// others wait for it. It is still told of theirs, and ended with them, as long as the watch
  /// lives.
  void finish() noexcept;

 private:
  void begin(std::unique_ptr<Watcher> watcher);

  std::unique_ptr<Watcher> watcher_;
};

/// Waits for others while it lives.
class Waiting {
 public:
  Waiting(Watch& watch, const char* operation, int whom = for_all, bool goes_on = false) noexcept
      : watch_(watch) {
    watch_.entered(operation, whom, goes_on);
  }
  ~Waiting() { watch_.left(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Watch& watch_;
};

}  // namespace xgrad::distributed::detail
