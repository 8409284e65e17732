#include <xgrad/autograd/raise.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/threads.hpp>

#include <atomic>
#include <cstdlib>
#include <utility>

#ifdef _OPENMP
#include <omp.h>
#endif

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
  return 1;
#endif
}

std::atomic<int>& threads() {
  static std::atomic<int> count = default_threads();
  return count;
}

}  // namespace

void set_num_threads(int count) {
  require<ValueError>(count > 0, "set_num_threads: got {}, needs at least 1", count);
  threads() = count;
#ifdef _OPENMP
  omp_set_num_threads(count);  // OpenBLAS's OpenMP build goes by this
#endif
}

int num_threads() { return threads(); }

namespace kernels {

int available_threads() {
#ifdef _OPENMP
  return serial_on_this_thread || omp_in_parallel() ? 1 : threads().load();
#else
  return 1;
#endif
}

SerialScope::SerialScope() : before_(std::exchange(serial_on_this_thread, true)) {
#ifdef _OPENMP
  threads_before_ = omp_get_max_threads();
  omp_set_num_threads(1);  // for OpenBLAS; a setting of this thread alone
#endif
}

SerialScope::~SerialScope() {
  serial_on_this_thread = before_;
#ifdef _OPENMP
  omp_set_num_threads(threads_before_);
#endif
}

}  // namespace kernels
}  // namespace xgrad
