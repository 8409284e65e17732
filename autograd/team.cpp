#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/team.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace xgrad::detail {
namespace {

/// Threads that wait together until it is let go.
class Team {
 public:
  Team() = default;
  ~Team() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  void grow(int count) {
    threads_.reserve(static_cast<std::size_t>(count));
    while (size() < count)
      threads_.emplace_back([this] {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return over_; });
      });
  }
  int size() const { return static_cast<int>(threads_.size()); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::vector<std::thread> threads_;
};

void try_to_start(int threads) {
  Team team;
  try {
    team.grow(threads - 1);
  } catch (const std::system_error& error) {
    raise<Error>(
        "set_num_threads: {} threads are asked for, but the system starts no more than "
        "{}: {}",
        threads, team.size() + 1, error.code().message());
  }
}

}  // namespace

void require_team(int threads) {
  thread_local int started = 1;
  if (threads <= started) return;
  try_to_start(threads);
  started = threads;
}

}  // namespace xgrad::detail
