#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/parallel.hpp>
#include <xgrad/distributed/jobs.hpp>

#include <utility>

namespace xgrad::distributed::detail {

Jobs::Jobs() : thread_([this] { work(); }) {}

Jobs::~Jobs() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  thread_.join();
}

void Jobs::add(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (error_) return;
    waiting_.push_back(std::move(job));
  }
  changed_.notify_all();
}

void Jobs::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !is_busy_; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void Jobs::work() {
  const xgrad::detail::SerialScope serial;
  const NoGradGuard guard;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_over_ || !waiting_.empty(); });
    if (is_over_) return;
    std::function<void()> job = std::move(waiting_.front());
    waiting_.pop_front();
    is_busy_ = true;
    lock.unlock();
    std::exception_ptr error;
    try {
      job();
    } catch (...) {
      error = std::current_exception();
    }
    job = nullptr;
    lock.lock();
    is_busy_ = false;
    if (error) {
      error_ = error;
      waiting_.clear();
    }
    changed_.notify_all();
  }
}

}  // namespace xgrad::distributed::detail
