#include <xgrad/autograd/block_pool.hpp>
#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/sanitized.hpp>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <new>
#include <string_view>
#include <utility>

#include <sys/mman.h>

namespace xgrad::detail {
namespace {

constexpr std::size_t smallest_block = 128;
constexpr std::size_t steps_per_doubling = 4;

// Four block sizes between a power of two and the next: at most a fifth of a block lies idle.
struct BlockSize {
  std::size_t list;
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

std::int64_t bytes_of_list(std::size_t list) {
  const std::size_t exponent = list / steps_per_doubling;
  return static_cast<std::int64_t>((std::size_t{1} << exponent) / steps_per_doubling *
                                   (steps_per_doubling + list % steps_per_doubling));
}

// Large blocks ask for huge pages: walking through them in steps of a row would otherwise miss
// the table of pages at every step.
void* allocate(std::size_t bytes) {
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

/// "1500", "64K", "512M", "2G" and "1T" in bytes.
std::optional<std::int64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view units = "KMGT";
  int shift = 0;
  if (const std::size_t unit = text.empty() ? text.npos : units.find(text.back());
      unit != text.npos) {
    shift = 10 * (static_cast<int>(unit) + 1);
    text.remove_suffix(1);
  }
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || stop != end || count < 0) return {};
  if (count > std::numeric_limits<std::int64_t>::max() >> shift) return {};
  return count << shift;
}

std::optional<std::int64_t> limit_by_default() {
  const char* const setting = std::getenv("XGRAD_POOL_LIMIT");
  if (setting == nullptr) return {};
  const auto bytes = parse_bytes(setting);
  require<ValueError>(bytes.has_value(),
                      "XGRAD_POOL_LIMIT: '{}' is not a number of bytes such as 0, 512M or 2G",
                      setting);
  return bytes;
}

Mutex mutex;  // of the only pool, which is made with the first tensor

}  // namespace

bool pools_by_default() noexcept {
#ifdef XGRAD_SANITIZED
  return false;
#else
  const char* setting = std::getenv("XGRAD_POOL");
  return setting == nullptr || std::string_view(setting) != "0";
#endif
}

BlockPool::BlockPool() : limit_(limit_by_default()) {}

void* BlockPool::take(std::size_t wanted) {
  const auto [list, bytes] = block_size(wanted);
  {
    const std::lock_guard lock(mutex);
    ++statistics_.allocations;
    if (Free* const block = take_newest(list)) {
      ++statistics_.cache_hits;
      count(static_cast<std::int64_t>(bytes), 1);
      return block;
    }
  }
  void* block = allocate(bytes);
  if (block == nullptr) {
    release_cache();
    block = allocate(bytes);
  }
  if (block == nullptr) return nullptr;
  Free* unwanted = nullptr;
  {
    const std::lock_guard lock(mutex);
    count(static_cast<std::int64_t>(bytes), 1);
    unwanted = surplus();
  }
  release(unwanted);
  return block;
}

void BlockPool::give_back(void* block, std::size_t wanted) noexcept {
  const auto [list, bytes] = block_size(wanted);
  Free* unwanted = nullptr;
  {
    const std::lock_guard lock(mutex);
    count(-static_cast<std::int64_t>(bytes), -1);
    if (static_cast<std::int64_t>(bytes) > most_cached()) {
      unwanted = new (block) Free{};
    } else {
      keep(block, list);
      unwanted = surplus();
    }
  }
  release(unwanted);
}

void BlockPool::release_cache() noexcept {
  Free* unwanted = nullptr;
  {
    const std::lock_guard lock(mutex);
    for (List& list : std::exchange(free_, {}))
      if (list.newest != nullptr) {
        list.oldest->older = unwanted;
        unwanted = list.newest;
      }
    statistics_.bytes_cached = 0;
  }
  release(unwanted);
}

memory::Statistics BlockPool::statistics() const {
  const std::lock_guard lock(mutex);
  return statistics_;
}

void BlockPool::reset_peak() {
  const std::lock_guard lock(mutex);
  statistics_.peak_bytes_in_use = statistics_.bytes_in_use;
}

void BlockPool::set_limit(std::optional<std::int64_t> bytes) {
  if (bytes && *bytes < 0)
    raise<ValueError>("memory::set_limit: got {} bytes, needs at least 0", *bytes);
  Free* unwanted = nullptr;
  {
    const std::lock_guard lock(mutex);
    limit_ = bytes;
    unwanted = surplus();
  }
  release(unwanted);
}

std::optional<std::int64_t> BlockPool::limit() const {
  const std::lock_guard lock(mutex);
  return limit_;
}

void BlockPool::set_pooling(bool on) {
  {
    const std::lock_guard lock(mutex);
    pooling_ = on;
  }
  if (!on) release_cache();
}

bool BlockPool::pooling() const {
  const std::lock_guard lock(mutex);
  return pooling_;
}

void BlockPool::release(Free* first) noexcept {
  while (first != nullptr) std::free(std::exchange(first, first->older));
}

BlockPool::Free* BlockPool::take_newest(std::size_t list) {
  Free* const block = free_[list].newest;
  if (block == nullptr) return nullptr;
  free_[list].newest = block->older;
  (block->older != nullptr ? block->older->newer : free_[list].oldest) = nullptr;
  statistics_.bytes_cached -= bytes_of_list(list);
  return block;
}

void BlockPool::keep(void* memory, std::size_t list) {
  Free* const newest = free_[list].newest;
  Free* const block = new (memory) Free{nullptr, newest, freed_++};
  free_[list].newest = block;
  (newest != nullptr ? newest->newer : free_[list].oldest) = block;
  statistics_.bytes_cached += bytes_of_list(list);
}

/// The block that has waited longest.
BlockPool::Free* BlockPool::drop_oldest() {
  std::size_t from = lists;
  for (std::size_t i = 0; i < lists; ++i) {
    if (free_[i].oldest == nullptr) continue;
    if (from == lists || free_[i].oldest->freed < free_[from].oldest->freed) from = i;
  }
  Free* const block = free_[from].oldest;
  free_[from].oldest = block->newer;
  (block->newer != nullptr ? block->newer->older : free_[from].newest) = nullptr;
  statistics_.bytes_cached -= bytes_of_list(from);
  return block;
}

/// Takes out what is kept beyond the limit, to be released without the lock.
BlockPool::Free* BlockPool::surplus() {
  Free* first = nullptr;
  while (statistics_.bytes_cached > most_cached()) {
    Free* const block = drop_oldest();
    block->older = first;
    first = block;
  }
  return first;
}

std::int64_t BlockPool::most_cached() const {
  if (!pooling_) return 0;
  return limit_.value_or(2 * most_in_use_ - statistics_.bytes_in_use);
}

void BlockPool::count(std::int64_t bytes, std::int64_t blocks) {
  statistics_.bytes_in_use += bytes;
  statistics_.blocks_in_use += blocks;
  statistics_.peak_bytes_in_use = std::max(statistics_.peak_bytes_in_use, statistics_.bytes_in_use);
  most_in_use_ = std::max(most_in_use_, statistics_.bytes_in_use);
}

BlockPool& block_pool() {
  static BlockPool* const instance = new BlockPool;
  return *instance;
}

}  // namespace xgrad::detail
