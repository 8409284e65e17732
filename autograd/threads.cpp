#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/team.hpp>
#include <xgrad/autograd/threads.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

#include <pthread.h>

#ifdef _OPENMP
#include <omp.h>
#endif

// Of OpenBLAS, whose header has another name in every distribution.
extern "C" {
void openblas_set_num_threads(int threads);
int openblas_get_parallel();
}

namespace xgrad {
namespace {

thread_local bool serial_on_this_thread = false;
thread_local bool led_threads = false;   // libgomp keeps a team for each thread that leads one
thread_local bool lost_threads = false;  // the team stayed behind in the parent process

int default_threads() {
  if (const char* setting = std::getenv("XGRAD_NUM_THREADS")) {
    char* end = nullptr;
    const long threads = std::strtol(setting, &end, 10);
    require<ValueError>(end != setting && *end == '\0' && threads > 0 && threads < 4096,
                        "XGRAD_NUM_THREADS: '{}' is not a number of threads", setting);
    return static_cast<int>(threads);
  }
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

// OpenBLAS with threads of its own has one setting for the process; with OpenMP's it goes by the
// calling thread (LibraryThreads).
void tell_openblas([[maybe_unused]] int threads) {
  constexpr int own_threads = 1;
#ifndef _OPENMP
  threads = 1;
#endif
  if (openblas_get_parallel() == own_threads) openblas_set_num_threads(threads);
}

std::atomic<int>& threads() {
  static std::atomic<int> count = [] {
    const int initial = default_threads();
    tell_openblas(initial);
    pthread_atfork(nullptr, nullptr, [] { lost_threads = lost_threads || led_threads; });
    return initial;
  }();
  return count;
}

/// What OpenMP gives libraries on this thread; set to `count`, and what it was.
int exchange_library_threads([[maybe_unused]] int count) {
#ifdef _OPENMP
  const int before = omp_get_max_threads();
  if (before != count) omp_set_num_threads(count);
  return before;
#else
  // Built without OpenMP, OpenBLAS may still be with it.
  thread_local const bool told = (openblas_set_num_threads(1), true);
  return told ? 1 : 0;
#endif
}

}  // namespace

void set_num_threads(int count) {
  require<ValueError>(count > 0, "set_num_threads: got {}, needs at least 1", count);
#ifdef _OPENMP
  detail::require_team(count);
#endif
  threads() = count;
  tell_openblas(count);
}

int num_threads() { return threads(); }

namespace detail {

int available_threads() {
  if (serial_on_this_thread) return 1;
  const int count = threads();
#ifdef _OPENMP
  if (omp_in_parallel()) return 1;
  require<Error>(count == 1 || !lost_threads,
                 "set_num_threads: {} threads are asked for, but this process was forked and has "
                 "none of its parent's; call set_num_threads(1) in it, or compute on a thread that "
                 "it starts",
                 count);
  require_team(count);
  return count;
#else
  return std::min(count, 1);
#endif
}

void PartErrors::keep(int part) noexcept {
  const std::lock_guard lock(mutex_);
  if (part >= part_) return;
  part_ = part;
  error_ = std::current_exception();
}

void leads_threads() noexcept { led_threads = true; }

LibraryThreads::LibraryThreads()
    : count_(available_threads()), before_(exchange_library_threads(count_)) {
  if (count_ > 1) leads_threads();
}

LibraryThreads::~LibraryThreads() { exchange_library_threads(before_); }

SerialScope::SerialScope() : before_(std::exchange(serial_on_this_thread, true)) {}
SerialScope::~SerialScope() { serial_on_this_thread = before_; }

}  // namespace detail
}  // namespace xgrad
