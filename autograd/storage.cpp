#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sanitized.hpp>
#include <xgrad/autograd/storage.hpp>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include <sys/mman.h>

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
#ifdef XGRAD_SANITIZED
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
  // Large blocks ask for huge pages: walking through them in steps of a row would otherwise miss
  // the table of pages at every step.
  static void* allocate(std::size_t bytes) {
#ifdef MADV_HUGEPAGE
    constexpr std::size_t huge = std::size_t{2} << 20;
    if (bytes >= 2 * huge) {
      void* const block = std::aligned_alloc(huge, (bytes + huge - 1) / huge * huge);
      if (block != nullptr) madvise(block, bytes / huge * huge, MADV_HUGEPAGE);
      return block;
    }
#endif
    return std::aligned_alloc(Storage::alignment, (bytes + 63) / 64 * 64);
  }

  void count(std::int64_t bytes, std::int64_t blocks) {
    statistics_.bytes_in_use += bytes;
    statistics_.blocks_in_use += blocks;
    statistics_.peak_bytes_in_use =
        std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
  }

  detail::Mutex mutex_;
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
  require<ValueError>(block != nullptr, "{}: no memory for {} bytes", detail::running_or("tensor"),
                      bytes);
  return Ref(new (block) Storage(bytes));
}

Ref<Storage> Storage::allocate_blocked(const ImageExtents& images) {
  auto storage = allocate(static_cast<std::size_t>(images.numel()) * sizeof(float));
  storage->blocked_ = true;
  storage->images_ = images;
  return storage;
}

Storage::~Storage() { forget_other(); }

namespace {

/// f(start of a block's plane, lane, where the channel's own plane starts) for all channels.
template <class F>
void for_channels(const ImageExtents& images, const F& f) {
  const std::int64_t block = channel_block();
  const std::int64_t plane = images.plane;
  const std::int64_t grain = 2 * detail::worthwhile / std::max<std::int64_t>(plane, 1) + 1;
  detail::parallel_for(images.batch * images.channels, grain,
                       [&f, block, plane](std::int64_t begin, std::int64_t end) {
                         for (std::int64_t i = begin; i < end; ++i)
                           f(i / block * block * plane, i % block, i * plane);
                       });
}

void to_plain(const ImageExtents& images, const float* blocked, float* plain) {
  const std::int64_t block = channel_block();
  for_channels(images, [&](std::int64_t start, std::int64_t lane, std::int64_t own) {
    for (std::int64_t i = 0; i < images.plane; ++i)
      plain[own + i] = blocked[start + i * block + lane];
  });
}

void to_blocked(const ImageExtents& images, const float* plain, float* blocked) {
  const std::int64_t block = channel_block();
  for_channels(images, [&](std::int64_t start, std::int64_t lane, std::int64_t own) {
    for (std::int64_t i = 0; i < images.plane; ++i)
      blocked[start + i * block + lane] = plain[own + i];
  });
}

profiler::Work work_of(const ImageExtents& images) {
  return {.shapes = {{images.batch, images.channels, images.plane}},
          .bytes = 2.0 * sizeof(float) * static_cast<double>(images.numel())};
}

float* floats(Storage& storage) { return reinterpret_cast<float*>(storage.own()); }

}  // namespace

// Readers on several threads may ask for the other order at once: each makes a copy, one is kept.
Storage* Storage::keep(Ref<Storage>& other) noexcept {
  Storage* expected = nullptr;
  if (!other_.compare_exchange_strong(expected, other.get(), std::memory_order_acq_rel))
    return expected;
  return other.release();
}

Ref<Storage> Storage::row_major() {
  if (!is_blocked()) return Ref(this);
  if (Storage* other = other_.load(std::memory_order_acquire)) return Ref(other);
  Ref<Storage> copy = allocate(bytes_);
  const profiler::Scope scope("rows from blocks", [&] { return work_of(images_); });
  to_plain(images_, floats(*this), floats(*copy));
  return Ref(keep(copy));
}

Ref<Storage> Storage::in_blocks(const ImageExtents& images) {
  if (is_blocked() && images_ == images) return Ref(this);
  Storage* const other = other_.load(std::memory_order_acquire);
  if (other != nullptr && other->is_blocked() && other->images_ == images) return Ref(other);
  Ref<Storage> copy = allocate_blocked(images);
  const profiler::Scope scope("blocks from rows", [&] { return work_of(images); });
  to_blocked(images, reinterpret_cast<const float*>(data()), floats(*copy));
  if (other != nullptr || is_blocked()) return copy;  // blocks of other extents are kept already
  return Ref(keep(copy));
}

void Storage::forget_blocks() {
  if (is_blocked()) {
    std::memcpy(own(), row_major()->own(), bytes_);
    blocked_ = false;
  }
  forget_other();
}

void Storage::forget_other() noexcept {
  if (Storage* other = other_.exchange(nullptr)) Ref<Storage>::adopt(other);
}

std::int64_t channel_block() noexcept {
#if defined(__x86_64__)
  static const std::int64_t block = __builtin_cpu_supports("avx512f") ? 16 : 8;
  return block;
#else
  return 8;
#endif
}

void destroy(Storage* storage) noexcept {
  static_assert(sizeof(Storage) <= Storage::alignment);
  const std::size_t bytes = storage->byte_count();
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
