#pragma once
// Where the time goes: which operations ran, how long, on what, and how near to what the machine
// can do.
//
//     xgrad::profiler::start();
//     for (int i = 0; i < 20; ++i) step();
//     const auto profile = xgrad::profiler::stop();
//     std::cout << profile.table();
//     profile.write_trace("trace.json");  // for chrome://tracing or https://ui.perfetto.dev

#include <xgrad/autograd/tensor.hpp>

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::profiler {

/// What one computation amounts to.
struct Work {
  std::vector<Shape> shapes;  ///< of its arguments and its result
  double flops = 0;           ///< floating-point operations of the plain algorithm; 0: not counted
  double bytes = 0;           ///< read and written at least
  const char* kernel = "";    ///< what computed it, where one of several was chosen
};

/// One computation.
struct Event {
  std::string name;    ///< of the operation
  std::string caller;  ///< of the operation whose backward rule asked for it; "" going forward
  Work work;
  double start = 0;    ///< seconds since start()
  double seconds = 0;  ///< its own, without that of computations inside it
  double elapsed = 0;  ///< from its start to its end
  int thread = 0;      ///< 0 for the one that called start()
};

/// What the machine can do, measured.
struct Peak {
  double flops = 0;  ///< a second, float32; 0: not known
  double bytes = 0;  ///< a second, read and written
};

struct Profile {
  std::vector<Event> events;  ///< in the order they ended
  double seconds = 0;         ///< from start() to stop()
  Peak peak;

  /// A row for each operation, the longest first: calls, time, share of it, GFLOP/s, GB/s, and how
  /// much of the machine's peak that is. By shapes as well, if asked.
  std::string table(bool by_shape = false) const;
  /// Writes Chrome's trace format. IOError where that fails.
  void write_trace(const std::string& path) const;
};

/// Begins to record, on all threads. ValueError if that was begun already. Computations that other
/// threads have begun by then, or have not ended by stop(), are left out.
void start();
/// Ends it and gives what was recorded; ops/peak.hpp measures the peak to compare with.
Profile stop(const Peak& peak = {});

namespace detail {

extern std::atomic<bool> active;

}  // namespace detail

/// Records from its making to its end, if the profiler is on; otherwise it costs a comparison.
/// `describe` gives the Work and is called only when needed.
class Scope {
 public:
  template <class F>
  Scope(const char* name, const F& describe) {
    if (detail::active.load(std::memory_order_relaxed)) [[unlikely]]
      begin(name, describe());
  }
  ~Scope() {
    if (event_ != nullptr) [[unlikely]]
      end();
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  void begin(const char* name, Work work);
  void end() noexcept;

  Event* event_ = nullptr;
  Scope* outer_ = nullptr;
  double inner_seconds_ = 0;
  std::uint64_t recording_ = 0;
};

/// The Work of reading and writing each of the tensors once, with so many operations for each
/// element of the last.
Work work_on(std::initializer_list<const Tensor*> tensors, double flops_each = 0);

}  // namespace xgrad::profiler

#pragma GCC visibility pop
