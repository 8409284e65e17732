#include <xgrad/autograd/block_pool.hpp>
#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/storage.hpp>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

namespace xgrad {

Ref<Storage> Storage::allocate(std::size_t bytes) {
  constexpr std::size_t most = std::size_t{1} << 47;
  void* const block = bytes < most ? detail::block_pool().take(bytes + alignment) : nullptr;
  if (block == nullptr)
    raise<MemoryError>("{}: no memory for {} bytes", detail::running_or("tensor"), bytes);
  return Ref(new (block) Storage(bytes));
}

Ref<Storage> Storage::allocate_blocked(const ImageExtents& images) {
  auto storage = allocate(static_cast<std::size_t>(images.numel()) * sizeof(float));
  storage->blocked_ = true;
  storage->images_ = images;
  return storage;
}

namespace {

using Release = std::function<void(void*)>;

}  // namespace

Ref<Storage> Storage::around(void* memory, std::size_t bytes, Release release) {
  auto storage = allocate(sizeof(Release));
  new (storage->behind()) Release(std::move(release));
  storage->bytes_ = bytes;
  storage->values_ = static_cast<std::byte*>(memory);
  storage->foreign_ = true;
  return storage;
}

Storage::~Storage() {
  forget_other();
  if (!foreign_) return;
  auto& release = *std::launder(reinterpret_cast<Release*>(behind()));
  if (release) release(values_);
  release.~Release();
}

namespace {

/// f(start of a block's plane, lane, where the channel's own plane starts) for all channels.
template <class F>
void for_channels(const ImageExtents& images, const F& f) {
  const std::int64_t block = channel_block();
  const std::int64_t plane = images.plane;
  const std::int64_t grain = detail::grain_of(3 + 0.3 * static_cast<double>(plane));
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
  // Blocks of other extents are kept already; somebody else's values may change unseen.
  if (other != nullptr || is_blocked() || is_foreign()) return copy;
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

// A friend, to which its header's pragma does not reach.
#pragma GCC visibility push(default)
void destroy(Storage* storage) noexcept {
  static_assert(sizeof(Storage) <= Storage::alignment);
  const std::size_t bytes = storage->is_foreign() ? sizeof(Release) : storage->byte_count();
  storage->~Storage();
  detail::block_pool().give_back(storage, bytes + Storage::alignment);
}
#pragma GCC visibility pop

namespace memory {

Statistics statistics() { return detail::block_pool().statistics(); }
void reset_peak() { detail::block_pool().reset_peak(); }
void release_cache() { detail::block_pool().release_cache(); }
void set_limit(std::optional<std::int64_t> bytes) { detail::block_pool().set_limit(bytes); }
std::optional<std::int64_t> limit() { return detail::block_pool().limit(); }
void set_pooling(bool on) { detail::block_pool().set_pooling(on); }
bool pooling() { return detail::block_pool().pooling(); }

}  // namespace memory
}  // namespace xgrad
