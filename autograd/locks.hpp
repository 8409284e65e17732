#pragma once
// Internal: what several threads may reach at once. The mutexes here are free in a forked process,
// whatever its parent's other threads were about: fork() waits until it holds them all.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#pragma GCC visibility push(default)

namespace xgrad::detail {

/// Of an object that lives as long as the program and is made before main(): a child would wait for
/// ever for a thread of its parent's that was making it. No code of a user's runs while one is
/// held.
class Mutex {
 public:
  Mutex() { list(); }
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void lock() { mutex_.lock(); }
  bool try_lock() { return mutex_.try_lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  friend struct Fork;
  friend struct Alone;
  enum Unlisted { unlisted };
  constexpr explicit Mutex(Unlisted) noexcept {}
  void list();

  std::mutex mutex_;
  Mutex* next_ = nullptr;
};

/// The mutex of an object that has none of its own: one of a few that all objects share, so that
/// nobody may hold two of them.
Mutex& mutex_of(const void* object) noexcept;

/// How many forks lie between this process and the one that the program began as.
std::uint64_t fork_count() noexcept;

/// Something that most objects never need, made by whichever thread asks first.
template <class T>
class Lazy {
 public:
  Lazy() = default;
  ~Lazy() { delete made_.load(std::memory_order_relaxed); }
  Lazy(const Lazy&) = delete;
  Lazy& operator=(const Lazy&) = delete;

  T* if_any() const noexcept { return made_.load(std::memory_order_acquire); }
  T& get() {
    if (T* const made = if_any()) return *made;
    auto fresh = std::make_unique<T>();
    T* first = nullptr;
    if (!made_.compare_exchange_strong(first, fresh.get(), std::memory_order_acq_rel))
      return *first;
    return *fresh.release();
  }

 private:
  std::atomic<T*> made_{nullptr};
};

}  // namespace xgrad::detail

#pragma GCC visibility pop
