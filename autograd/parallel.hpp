#pragma once
// Internal: how loops use threads. Work is cut into contiguous parts by count alone, so the same
// number of threads gives the same parts and the same bits.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>

namespace xgrad::detail {

/// The threads a loop may use here and now: 1 inside a parallel part or a SerialScope. Error in a
/// forked process that has not got them (see set_num_threads).
int available_threads();

/// Notes that this thread has, or is about to have, several threads working for it.
void leads_threads() noexcept;

/// While one lives, what uses OpenMP by itself (oneDNN, OpenBLAS) takes available_threads() on this
/// thread.
class LibraryThreads {
 public:
  LibraryThreads();
  ~LibraryThreads();
  LibraryThreads(const LibraryThreads&) = delete;
  LibraryThreads& operator=(const LibraryThreads&) = delete;

  int count() const noexcept { return count_; }

 private:
  int count_;
  int before_;  // OpenMP's own setting on this thread
};

/// Loops on this thread, a user's own with OpenMP too, stay on this thread while one lives: for
/// background workers, which must not fight the training thread for its cores.
class SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;

 private:
  bool before_;
  LibraryThreads libraries_;
};

/// About how many cheap element operations outweigh waking a thread.
inline constexpr std::int64_t worthwhile = 32768;

inline int part_count(std::int64_t n, std::int64_t grain) {
  if (n <= grain) return 1;
  const std::int64_t most = (n - 1) / std::max<std::int64_t>(grain, 1) + 1;
  return static_cast<int>(std::min<std::int64_t>(most, available_threads()));
}

/// What parts that run at once throw: no exception may leave a thread of OpenMP's.
class PartErrors {
 public:
  /// Keeps the exception being handled, of the first part that has one.
  void keep(int part) noexcept;
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  int part_ = std::numeric_limits<int>::max();
  std::exception_ptr error_;
};

/// Calls f(part, begin, end) for each of `parts` parts of [0, n), at once. Where some throw, the
/// others run to their end and the exception of the first part goes on to the caller.
template <class F>
void parallel_parts(std::int64_t n, int parts, const F& f) {
  // n · part / parts, where the product may have more than 63 bits.
  const auto begin = [n, parts](int part) { return n / parts * part + n % parts * part / parts; };
  if (parts == 1) {
    f(0, std::int64_t{0}, n);
    return;
  }
  leads_threads();
  PartErrors errors;
#ifdef _OPENMP
#pragma omp parallel for schedule(static, 1) num_threads(parts)
#endif
  for (int part = 0; part < parts; ++part) {
    try {
      f(part, begin(part), begin(part + 1));
    } catch (...) {
      errors.keep(part);
    }
  }
  errors.rethrow();
}

/// Calls f(begin, end) on parts of [0, n) of at least about `grain`.
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
