#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/storage.hpp>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

namespace xgrad {
namespace {

constexpr std::size_t smallest_block = 128;
constexpr std::size_t steps_per_doubling = 4;

// Four block sizes between a power of two and the next: at most a fifth of a block lies idle.
struct BlockSize {
  std::size_t index;
  std::size_t bytes;
};

BlockSize block_size(std::size_t wanted) {
  wanted = std::max(wanted, smallest_block);
  const auto exponent = static_cast<std::size_t>(std::bit_width(wanted - 1)) - 1;
  const std::size_t base = std::size_t{1} << exponent;
  const std::size_t step = base / steps_per_doubling;
  const std::size_t steps = (wanted - base + step - 1) / step;
  return {exponent * steps_per_doubling + steps, base + steps * step};
}

bool pooling_by_default() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  const char* setting = std::getenv("XGRAD_POOL");
  return setting == nullptr || std::strcmp(setting, "0") != 0;
#endif
}

class Pool {
 public:
  void* take(std::size_t wanted) {
    const auto [index, bytes] = block_size(wanted);
    {
      const std::lock_guard lock(mutex_);
      ++statistics_.allocations;
      count(static_cast<std::int64_t>(bytes), 1);
      auto& list = free_[index];
      if (!list.empty()) {
        void* block = list.back();
        list.pop_back();
        ++statistics_.cache_hits;
        statistics_.bytes_cached -= static_cast<std::int64_t>(bytes);
        return block;
      }
    }
    if (void* block = allocate(bytes)) return block;
    release_cache();
    if (void* block = allocate(bytes)) return block;
    const std::lock_guard lock(mutex_);
    count(-static_cast<std::int64_t>(bytes), -1);
    return nullptr;
  }

  void give_back(void* block, std::size_t wanted) noexcept {
    const auto [index, bytes] = block_size(wanted);
    {
      const std::lock_guard lock(mutex_);
      count(-static_cast<std::int64_t>(bytes), -1);
      if (pooling_) {
        statistics_.bytes_cached += static_cast<std::int64_t>(bytes);
        free_[index].push_back(block);
        return;
      }
    }
    std::free(block);
  }

  void release_cache() {
    const std::lock_guard lock(mutex_);
    for (auto& list : free_) {
      for (void* block : list) std::free(block);
      list.clear();
    }
    statistics_.bytes_cached = 0;
  }

  memory::Statistics statistics() {
    const std::lock_guard lock(mutex_);
    return statistics_;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    statistics_.peak_bytes_in_use = statistics_.bytes_in_use;
  }

  void set_pooling(bool on) {
    {
      const std::lock_guard lock(mutex_);
      pooling_ = on;
    }
    if (!on) release_cache();
  }

  bool pooling() {
    const std::lock_guard lock(mutex_);
    return pooling_;
  }

 private:
  static void* allocate(std::size_t bytes) {
    return std::aligned_alloc(Storage::alignment, (bytes + 63) / 64 * 64);
  }

  void count(std::int64_t bytes, std::int64_t blocks) {
    statistics_.bytes_in_use += bytes;
    statistics_.blocks_in_use += blocks;
    statistics_.peak_bytes_in_use =
        std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
  }

  std::mutex mutex_;
  std::vector<void*> free_[64 * steps_per_doubling + steps_per_doubling];
  memory::Statistics statistics_;
  bool pooling_ = pooling_by_default();
};

// Never destroyed: tensors of static storage duration may outlive any static object of ours.
Pool& pool() {
  static Pool* const instance = new Pool;
  return *instance;
}

}  // namespace

Ref<Storage> Storage::allocate(std::size_t bytes) {
  constexpr std::size_t most = std::size_t{1} << 47;
  void* block = bytes < most ? pool().take(bytes + alignment) : nullptr;
  require<ValueError>(block != nullptr, "tensor: no memory for {} bytes", bytes);
  return Ref(new (block) Storage(bytes));
}

void destroy(Storage* storage) noexcept {
  static_assert(sizeof(Storage) <= Storage::alignment);
  const std::size_t bytes = storage->bytes();
  storage->~Storage();
  pool().give_back(storage, bytes + Storage::alignment);
}

namespace memory {

Statistics statistics() { return pool().statistics(); }
void reset_peak() { pool().reset_peak(); }
void release_cache() { pool().release_cache(); }
void set_pooling(bool on) { pool().set_pooling(on); }
bool pooling() { return pool().pooling(); }

}  // namespace memory
}  // namespace xgrad
