#include <xgrad/autograd/helpers.hpp>
#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/team.hpp>
#include <xgrad/autograd/threads.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>

namespace xgrad::detail {

namespace {

using namespace std::chrono_literals;

/// How long a thread looks for what it waits for before it sleeps: longer than from one loop of a
/// net to the next, for waking takes longer than most loops. It gives way to other programs
/// meanwhile.
constexpr auto patience = 2ms;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Whether it came true within `patience`.
template <class F>
bool comes_soon(const F& condition) {
  constexpr int at_once = 64;
  for (const auto end = Clock::now() + patience; Clock::now() < end;) {
    for (int i = 0; i < at_once; ++i) {
      if (condition()) return true;
      pause();
    }
    std::this_thread::yield();  // what is waited for may need this core
  }
  return condition();
}

/// For which this thread has had a core.
Clock::duration own_time() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace

class Team {
 public:
  /// How many helpers there are.
  int size() const { return size_.load(std::memory_order_acquire); }

  void grow(int size) {
    const std::lock_guard growing(growing_);
    const int before = this->size();
    if (size <= before) return;
    threads_.reserve(static_cast<std::size_t>(size));
    try {
      for (int i = before; i < size; ++i) {
        set_size(i + 1);
        threads_.emplace_back([this, i] { help(i); });
      }
    } catch (const std::bad_alloc&) {
      shrink(before);
      throw;
    } catch (const std::system_error& error) {
      const int started = static_cast<int>(threads_.size());
      shrink(before);
      raise<Error>(
          "set_num_threads: {} threads are asked for, but the system starts no more than "
          "{}: {}",
          size + 1, started + 1, error.code().message());
    }
  }

  void compute(Shared& work) {
    const auto begin = Clock::now();
    const int sleepers = open(work, begin);
    if (!work.is_open_) {
      for (int part = 0; part < work.parts_; ++part) work.compute(part);
      return close([took = Clock::now() - begin](Trust& trust) { trust.alone(took); });
    }
    for (int i = 0; i < sleepers; ++i) opened_.notify_one();
    // Waking is no loss: who comes too late for this loop is awake for the next.
    const auto woken = Clock::now();
    const auto before = own_time();
    int own = 0;
    for (int part = 0; part >= 0; part = take(work), ++own) work.compute(part);
    if (own == work.parts_) return close([](Trust&) {});
    const auto alone = (own_time() - before) * work.parts_ / own;
    wait(work);
    close([alone, woken, now = Clock::now()](Trust& trust) {
      trust.helped(alone - (now - woken), now);
    });
  }

 private:
  void set_size(int size) {
    const std::lock_guard lock(mutex_);
    size_.store(size, std::memory_order_release);
  }

  void shrink(int size) {
    set_size(size);
    opened_.notify_all();
    for (; std::ssize(threads_) > size; threads_.pop_back()) threads_.back().join();
  }

  /// Begins the first part, and lets helpers begin the others where they may come. How many of them
  /// are to be woken.
  int open(Shared& work, Clock::time_point now) {
    const int threads = num_threads();
    const std::lock_guard lock(mutex_);
    leaders_.begin(now);
    allowed_ = threads - leaders_.count();
    work.next_ = 1;
    work.end_ = work.parts_;
    work.is_open_ = trials_.allow(now) && trust_.holds(now) && helping_ < allowed_;
    if (work.is_open_) {
      work.following_ = std::exchange(works_, &work);
      unbegun_ += work.parts_ - 1;
    }
    update();
    const int wanted = wanted_.load(std::memory_order_relaxed);
    return work.is_open_ ? std::min({sleeping_, wanted, work.parts_ - 1}) : 0;
  }

  /// A part for the leader; −1 where all are begun.
  int take(Shared& work) {
    const std::lock_guard lock(mutex_);
    if (work.next_ == work.end_) return -1;
    const int part = work.next_++;
    count_begun(work);
    return part;
  }

  void count_begun(Shared& work) {
    --unbegun_;
    if (work.next_ == work.end_) {
      Shared** at = &works_;
      while (*at != &work) at = &(*at)->following_;
      *at = work.following_;
    }
    update();
  }

  void update() {
    wanted_.store(std::min(unbegun_, allowed_ - helping_), std::memory_order_relaxed);
  }

  /// For the helpers' parts.
  void wait(Shared& work) {
    const auto done = [&] { return work.helpers_.load(std::memory_order_acquire) == 0; };
    if (comes_soon(done)) return;
    std::unique_lock lock(mutex_);
    work.leader_sleeps_ = true;
    finished_.wait(lock, done);
  }

  /// After a loop, with what it showed of help.
  template <class Told>
  void close(const Told& told) {
    const std::lock_guard lock(mutex_);
    leaders_.end();
    told(trust_);
  }

  /// The life of a helper.
  void help(int index) {
    const SerialScope serial;
    const auto wanted = [this] { return wanted_.load(std::memory_order_relaxed) > 0; };
    std::unique_lock lock(mutex_);
    while (index < size()) {
      if (wanted()) {
        help_with(*works_, lock);
        continue;
      }
      lock.unlock();
      const bool soon = comes_soon(wanted);
      lock.lock();
      if (soon) continue;
      ++sleeping_;
      opened_.wait(lock, [&] { return wanted() || index >= size(); });
      --sleeping_;
    }
  }

  void help_with(Shared& work, std::unique_lock<std::mutex>& lock) {
    ++helping_;
    work.helpers_.fetch_add(1, std::memory_order_relaxed);
    const int part = --work.end_;
    count_begun(work);
    lock.unlock();
    work.compute(part);
    lock.lock();
    --helping_;
    update();
    const bool leader_sleeps = work.leader_sleeps_;
    const bool last = work.helpers_.fetch_sub(1, std::memory_order_release) == 1;
    // Its leader may be gone by now.
    if (last && leader_sleeps) finished_.notify_all();
  }

  std::mutex growing_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;
  std::condition_variable opened_;    // there are parts to begin
  std::condition_variable finished_;  // the last helper of a leader that sleeps
  std::atomic<int> size_{0};
  Shared* works_ = nullptr;     // those with parts to begin
  int unbegun_ = 0;             // parts of them
  int helping_ = 0;             // helpers at work
  int allowed_ = 0;             // that may be, with the leaders there are
  int sleeping_ = 0;            // helpers
  std::atomic<int> wanted_{0};  // helpers that may begin a part now
  Leaders leaders_;
  Trials trials_;
  Trust trust_;
};

namespace {

/// Never destroyed: threads may still compute while the program ends. A forked process has another,
/// as none of its parent's threads are there.
Team& team() {
  alignas(Team) static std::byte room[sizeof(Team)];
  static const auto begin = [] { new (room) Team; };
  [[maybe_unused]] static const bool begun =
      (begin(), pthread_atfork(nullptr, nullptr, begin) == 0);
  return *std::launder(reinterpret_cast<Team*>(room));
}
[[maybe_unused]] const Team& made_before_main = team();

}  // namespace

void require_team(int threads) {
  if (threads - 1 > team().size()) team().grow(threads - 1);
}

void Shared::compute() { team().compute(*this); }

}  // namespace xgrad::detail
