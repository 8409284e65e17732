#pragma once
// Internal: how loops use threads. What is computed has the same bits on any number of them,
// whoever computes which part: where a cut decides in which order numbers are added, or which
// kernel computes them, work is cut by its size alone (fixed_parts), on one thread as on many. Only
// loops over items that have nothing to do with each other are cut by the number of threads
// (part_count).

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad::detail {

/// The parts a loop may be cut into here and now: 1 inside a parallel part, a SerialScope or a
/// parallel loop of OpenMP's, num_threads() elsewhere. Error where the system does not start so
/// many threads.
int available_threads();

/// Loops on this thread, those of OpenMP too (a user's own, oneDNN's, OpenBLAS's), stay on this
/// thread while one lives: in parts, around libraries, and for background workers, which must not
/// fight the training thread for its cores.
class SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;

 private:
  bool before_;
  int libraries_before_;  // OpenMP's own setting on this thread
};

/// Nanoseconds that a part takes at least: many times what it takes to share out a loop
/// (docs/performance.md, "Threads").
inline constexpr double worthwhile = 10'000;

/// How many items make a part, where each takes about so many nanoseconds on one thread. Loops say
/// what theirs took on a Sapphire Rapids.
constexpr std::int64_t grain_of(double nanoseconds) {
  return static_cast<std::int64_t>(worthwhile / std::max(nanoseconds, 0.01)) + 1;
}

/// Sums whose terms do not lie side by side in a tree of their own are cut into so many terms,
/// whatever the number of threads.
inline constexpr std::int64_t terms_together = 32768;

/// Loops are cut down to single items while one lives, for tests: where a part begins must show in
/// no bit.
class FinestCut {
 public:
  FinestCut() { is_asked_for_ = true; }
  ~FinestCut() { is_asked_for_ = false; }
  FinestCut(const FinestCut&) = delete;
  FinestCut& operator=(const FinestCut&) = delete;

  static bool is_asked_for() { return is_asked_for_.load(std::memory_order_relaxed); }

 private:
  static std::atomic<bool> is_asked_for_;
};

/// How many parts of at least `grain` n items may be cut into; one at least.
inline std::int64_t most_parts(std::int64_t n, std::int64_t grain) {
  const std::int64_t least = FinestCut::is_asked_for() ? 1 : std::max<std::int64_t>(grain, 1);
  return std::max<std::int64_t>(n / least, 1);
}

/// Parts of at least `grain` of n items, or one: no more than there are threads.
inline int part_count(std::int64_t n, std::int64_t grain) {
  const std::int64_t most = most_parts(n, grain);
  return most == 1 ? 1 : static_cast<int>(std::min<std::int64_t>(most, available_threads()));
}

/// The same by sizes alone: enough for the threads of a large machine.
inline int fixed_parts(std::int64_t n, std::int64_t grain) {
  return static_cast<int>(std::min<std::int64_t>(most_parts(n, grain), 16));
}

/// call(f, part, begin, end) for each of `parts` parts of [0, n), of which a team's threads compute
/// those that they come for (team.hpp), but where available_threads() is 1. Where some throw, the
/// others run to their end and the exception of the first part goes on to the caller.
void share(std::int64_t n, int parts, const void* f,
           void (*call)(const void* f, int part, std::int64_t begin, std::int64_t end));

/// Calls f(part, begin, end) for each of `parts` parts of [0, n), at once. A single part goes the
/// same way, through a function that nothing is inlined into: a second copy of f might round
/// products that are added in other places, and f by itself has all registers.
template <class F>
void parallel_parts(std::int64_t n, int parts, const F& f) {
  share(n, parts, &f, [](const void* own, int part, std::int64_t begin, std::int64_t end) {
    (*static_cast<const F*>(own))(part, begin, end);
  });
}

/// Calls f(begin, end) on parts of [0, n) of at least `grain`.
template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, const F& f) {
  if (n <= 0) return;
  parallel_parts(n, part_count(n, grain),
                 [&](int, std::int64_t begin, std::int64_t end) { f(begin, end); });
}

/// Calls f(piece, begin, end) so that every element of [0, size(piece)) for each piece in [0,
/// count) is covered once: many small arrays in one parallel pass.
template <class Size, class F>
void parallel_pieces(std::size_t count, std::int64_t grain, const Size& size, const F& f) {
  std::int64_t total = 0;
  for (std::size_t i = 0; i < count; ++i) total += size(i);
  parallel_for(total, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t start = 0;  // of the piece, in the row of all
    for (std::size_t i = 0; i < count && start < end; start += size(i++)) {
      const std::int64_t from = std::max(begin, start) - start;
      const std::int64_t to = std::min(end - start, size(i));
      if (from < to) f(i, from, to);
    }
  });
}

}  // namespace xgrad::detail

#pragma GCC visibility pop
