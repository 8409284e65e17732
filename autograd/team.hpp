#pragma once
// Internal: the threads that help with parallel loops, on whichever thread one is called.

#include <atomic>

namespace xgrad::detail {

/// Has so many threads at hand, the calling one among them. Error where the system does not start
/// them. In a forked process they are started anew.
void require_team(int threads);

/// Parts of a loop that any thread may compute.
class Shared {
 public:
  using Call = void (*)(const void* f, int part);
  Shared(int parts, const void* f, Call call) : parts_(parts), f_(f), call_(call) {}

  /// Computes all parts: this thread takes one after the other from the first on, and those of the
  /// team that come meanwhile from the last, so that in the next loop over the same values most are
  /// taken by whose cache they are in. They come where the threads at work are fewer than
  /// num_threads(), callers that lately computed in parallel included, and where their help has not
  /// lately cost more time than it saved, as beside other busy programs. No part may throw.
  void compute();

 private:
  friend class Team;

  void compute(int part) const { call_(f_, part); }

  int parts_;
  const void* f_;
  Call call_;
  // What follows belongs to the team, under its mutex but for reading `helpers_`.
  int next_ = 0, end_ = 0;       // the parts that nobody has begun
  bool is_open_ = false;         // to helpers
  std::atomic<int> helpers_{0};  // at work on a part
  bool leader_sleeps_ = false;
  Shared* following_ = nullptr;
};

}  // namespace xgrad::detail
