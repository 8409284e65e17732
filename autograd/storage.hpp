#pragma once
#include <xgrad/autograd/ref.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#pragma GCC visibility push(default)

namespace xgrad {

/// Images [batch, channels, plane] of float32 whose values may lie in blocks of channels.
struct ImageExtents {
  std::int64_t batch = 0;
  std::int64_t channels = 0;
  std::int64_t plane = 0;  ///< height · width

  std::int64_t numel() const noexcept { return batch * channels * plane; }
  friend bool operator==(const ImageExtents&, const ImageExtents&) = default;
};

/// A block of memory that tensors share: 64-byte aligned, from the caching pool, uninitialised.
/// Its version counts the changes made in place, so that the tape notices when a tensor it saved
/// is no longer what it was.
///
/// Convolution is fastest on images whose channels lie in blocks of one vector register: [batch,
/// channels / block, plane, block]. What it computes stays like that; data() gives the values in
/// row-major order all the same, from a copy that is made when first asked for.
class Storage : public RefCounted {
 public:
  /// Throws MemoryError where the machine has no `bytes` to give.
  static Ref<Storage> allocate(std::size_t bytes);
  /// For images in blocks; their channels must be a multiple of channel_block().
  static Ref<Storage> allocate_blocked(const ImageExtents& images);
  /// Sees `bytes` of somebody else's memory, which stays until `release` is called: once, by the
  /// last handle. It must not throw.
  static Ref<Storage> around(void* memory, std::size_t bytes, std::function<void(void*)> release);
  ~Storage();

  /// The values in row-major order.
  std::byte* data() { return is_blocked() ? row_major()->own() : own(); }
  /// The values as they lie, in blocks or not.
  std::byte* own() noexcept { return values_; }
  std::size_t byte_count() const noexcept { return bytes_; }

  /// Whether the memory is somebody else's, who may change it unseen.
  bool is_foreign() const noexcept { return foreign_; }

  bool is_blocked() const noexcept { return blocked_; }
  /// The extents given to allocate_blocked().
  const ImageExtents& images() const noexcept { return images_; }
  /// The same values in row-major order, in blocks: this storage, or a copy that is kept until the
  /// values change.
  Ref<Storage> row_major();
  Ref<Storage> in_blocks(const ImageExtents& images);

  std::uint32_t version() const noexcept { return version_.load(std::memory_order_relaxed); }
  /// Gives the values in row-major order to be changed: a new version.
  std::byte* change() {
    version_.fetch_add(1, std::memory_order_relaxed);
    if (is_blocked() || other_.load(std::memory_order_relaxed) != nullptr) forget_blocks();
    return own();
  }

  /// Gives the values as they lie to be changed: a new version.
  std::byte* change_own() {
    version_.fetch_add(1, std::memory_order_relaxed);
    if (other_.load(std::memory_order_relaxed) != nullptr) forget_other();
    return own();
  }

  /// Whether a module went on with other memory (Module::to), so that changes here reach it no
  /// more.
  bool is_superseded() const noexcept { return superseded_; }
  void supersede() noexcept { superseded_ = true; }

  static constexpr std::size_t alignment = 64;

 private:
  explicit Storage(std::size_t bytes) noexcept : bytes_(bytes), values_(behind()) {}
  friend void destroy(Storage* storage) noexcept;

  /// Where the block goes on: the values, or of somebody else's memory what releases it.
  std::byte* behind() noexcept { return reinterpret_cast<std::byte*>(this) + alignment; }
  Storage* keep(Ref<Storage>& other) noexcept;
  void forget_blocks();
  void forget_other() noexcept;

  std::atomic<std::uint32_t> version_{0};
  bool blocked_ = false;
  bool superseded_ = false;
  bool foreign_ = false;
  std::size_t bytes_;
  ImageExtents images_;
  std::atomic<Storage*> other_{nullptr};  // the same values in the other order
  std::byte* values_;
};

/// Channels in a block: the float32 values in this processor's widest vector register.
std::int64_t channel_block() noexcept;

/// The caching pool behind Storage. Freed blocks are kept by size and handed out again, so that a
/// training step in its steady state asks the system for nothing; those that waited longest go back
/// to it where more is kept than the limit says.
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

/// bytes_cached stays at or below this many bytes; 0 keeps nothing. Without a limit, as it is by
/// default, what is in use and what is cached are together at most twice the most that was ever in
/// use. XGRAD_POOL_LIMIT sets it from the start: a number, or one with K, M, G or T behind it (of
/// 1024, 1024², …); the first tensor throws ValueError where it is anything else. ValueError for a
/// negative number.
void set_limit(std::optional<std::int64_t> bytes);
std::optional<std::int64_t> limit();

/// Off: every storage is allocated and freed by itself, so that sanitizers see each block. Off from
/// the start in builds with the address or thread sanitizer, or with XGRAD_POOL=0 set.
void set_pooling(bool on);
bool pooling();

}  // namespace memory
}  // namespace xgrad

#pragma GCC visibility pop
