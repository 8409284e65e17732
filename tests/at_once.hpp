#pragma once
// Several threads that begin together.

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace support {

inline constexpr int threads = 4;

/// Runs f(0) to f(threads − 1), each on a thread of its own, all at once.
inline void at_once(const std::function<void(int)>& f) {
  std::atomic<int> waiting = threads;
  std::vector<std::thread> pool;
  for (int t = 0; t < threads; ++t)
    pool.emplace_back([&, t] {
      for (--waiting; waiting > 0;) std::this_thread::yield();
      f(t);
    });
  for (auto& thread : pool) thread.join();
}

}  // namespace support
