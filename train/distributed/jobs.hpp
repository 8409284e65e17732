#pragma once
// Internal: what goes on while the program computes: one after the other, on a thread of its own.

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace xgrad::distributed::detail {

class Jobs {
 public:
  Jobs();
  /// Drops what has not begun, and waits for what has.
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  void add(std::function<void()> job);
  /// Until all have ended. Throws what the first that failed threw; those behind it are dropped.
  void wait();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool is_busy_ = false;
  bool is_over_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace xgrad::distributed::detail
