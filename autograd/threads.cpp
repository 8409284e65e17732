#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/team.hpp>
#include <xgrad/autograd/threads.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

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
  return static_cast<int>(std::max(std::thread::hardware_concurrency(), 1U));
#endif
}

// OpenBLAS with threads of its own has one setting for the process; with OpenMP's it goes by the
// calling thread (SerialScope).
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
  detail::require_team(count);
  threads() = count;
  tell_openblas(count);
}

int num_threads() { return threads(); }

namespace detail {

int available_threads() {
  if (serial_on_this_thread) return 1;
#ifdef _OPENMP
  if (omp_in_parallel()) return 1;
#endif
  const int count = threads();
  require_team(count);
  return count;
}

std::atomic<bool> FinestCut::is_asked_for_ = false;

namespace {

/// What parts that run at once throw: no exception may leave one.
class PartErrors {
 public:
  /// Keeps the exception being handled, of the first part that has one.
  void keep(int part) noexcept {
    const std::lock_guard lock(mutex_);
    if (part >= part_) return;
    part_ = part;
    error_ = std::current_exception();
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  int part_ = std::numeric_limits<int>::max();
  std::exception_ptr error_;
};

}  // namespace

void share(std::int64_t n, int parts, const void* f,
           void (*call)(const void* f, int part, std::int64_t begin, std::int64_t end)) {
  if (parts == 1) return call(f, 0, 0, n);
  // n · part / parts, where the product may have more than 63 bits.
  const auto begin = [n, parts](int part) { return n / parts * part + n % parts * part / parts; };
  PartErrors errors;
  const auto compute = [&](int part) {
    try {
      call(f, part, begin(part), begin(part + 1));
    } catch (...) {
      errors.keep(part);
    }
  };
  const bool is_alone = available_threads() == 1;
  const SerialScope serial;
  if (is_alone) {
    for (int part = 0; part < parts; ++part) compute(part);
  } else {
    Shared(parts, &compute, [](const void* own, int part) {
      (*static_cast<const decltype(compute)*>(own))(part);
    }).compute();
  }
  errors.rethrow();
}

SerialScope::SerialScope()
    : before_(std::exchange(serial_on_this_thread, true)),
      libraries_before_(exchange_library_threads(1)) {}

SerialScope::~SerialScope() {
  exchange_library_threads(libraries_before_);
  serial_on_this_thread = before_;
}

}  // namespace detail
}  // namespace xgrad
