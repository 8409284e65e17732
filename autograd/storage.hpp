#pragma once
#include <xgrad/autograd/ref.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace xgrad {

/// A block of memory that tensors share: 64-byte aligned, from the caching pool, uninitialised.
/// Its version counts the changes made in place, so that the tape notices when a tensor it saved
/// is no longer what it was.
class Storage : public RefCounted {
 public:
  /// Throws ValueError where the machine has no `bytes` to give.
  static Ref<Storage> allocate(std::size_t bytes);

  std::byte* data() noexcept { return reinterpret_cast<std::byte*>(this) + alignment; }
  std::size_t bytes() const noexcept { return bytes_; }

  std::uint32_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  void bump_version() noexcept { version_.fetch_add(1, std::memory_order_relaxed); }

  static constexpr std::size_t alignment = 64;

 private:
  explicit Storage(std::size_t bytes) noexcept : bytes_(bytes) {}
  friend void destroy(Storage* storage) noexcept;

  std::size_t bytes_;
  std::atomic<std::uint32_t> version_{0};
};

/// The caching pool behind Storage. Freed blocks are kept by size and handed out again, so that a
/// training step in its steady state asks the system for nothing.
namespace memory {

struct Statistics {
  std::int64_t bytes_in_use = 0;       ///< held by living tensors (rounded up to block sizes)
  std::int64_t peak_bytes_in_use = 0;  ///< its highest value since reset_peak()
  std::int64_t bytes_cached = 0;       ///< freed blocks that wait to be used again
  std::int64_t blocks_in_use = 0;      ///< living storages
  std::int64_t allocations = 0;        ///< storages made so far
  std::int64_t cache_hits = 0;         ///< of these, served without asking the system
};

Statistics statistics();
void reset_peak();

/// Returns all cached blocks to the system.
void release_cache();

/// Off: every storage is allocated and freed by itself, so that sanitizers see each block. Off from
/// the start in builds with the address or thread sanitizer, or with XGRAD_POOL=0 set.
void set_pooling(bool on);
bool pooling();

}  // namespace memory
}  // namespace xgrad
