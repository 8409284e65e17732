#include <xgrad/autograd/locks.hpp>

#include <array>
#include <mutex>
#include <utility>

#include <pthread.h>

namespace xgrad::detail {
namespace {

constinit std::mutex registering;  // whoever holds it waits for nothing
constinit Mutex* newest = nullptr;
constinit std::atomic<std::uint64_t> forks{0};

// With the others fewer than the 64 that the thread sanitizer lets one thread hold.
constexpr int bits_of_number = 5;

}  // namespace

struct alignas(64) Alone {  // in its line of the cache
  Mutex mutex{Mutex::unlisted};
};

namespace {

constinit std::array<Alone, 1 << bits_of_number> shared{};

}  // namespace

struct Fork {
  static bool watch() {
    for (Alone& each : shared) each.mutex.list();
    return pthread_atfork(&lock_all, &unlock_all, &begin_child) == 0;
  }

  // Threads take these mutexes in any order, so whoever waits for one may hold no other, and none
  // may be made, and locked, before the fork.
  static void lock_all() {
    for (Mutex* busy = nullptr;;) {
      if (busy != nullptr) busy->lock();
      registering.lock();
      Mutex* const held = busy;
      busy = nullptr;
      for (Mutex* m = newest; m != nullptr && busy == nullptr; m = m->next_) {
        if (m == held || m->try_lock()) continue;
        busy = m;
        unlock(newest, m, held);
      }
      if (busy == nullptr) return;
      registering.unlock();
    }
  }

  static void unlock_all() {
    unlock(newest, nullptr, nullptr);
    registering.unlock();
  }

  static void begin_child() {
    ++forks;
    unlock_all();
  }

 private:
  /// Those from `first` up to `last`, and `besides`, which may come later.
  static void unlock(Mutex* first, const Mutex* last, Mutex* besides) {
    for (Mutex* m = first; m != last; m = m->next_) {
      if (m == besides) besides = nullptr;
      m->unlock();
    }
    if (besides != nullptr) besides->unlock();
  }
};

namespace {

[[maybe_unused]] const bool is_watching = Fork::watch();

}  // namespace

void Mutex::list() {
  const std::lock_guard guard(registering);
  next_ = std::exchange(newest, this);
}

Mutex& mutex_of(const void* object) noexcept {
  // Objects begin at multiples of 64: the product's upper bits depend on all of theirs.
  const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(object));
  return shared[(address * 0x9E3779B97F4A7C15) >> (64 - bits_of_number)].mutex;
}

std::uint64_t fork_count() noexcept { return forks.load(std::memory_order_relaxed); }

}  // namespace xgrad::detail
