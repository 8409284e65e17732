#include <xgrad/autograd/locks.hpp>
#include <xgrad/ops/kernels/scratch.hpp>

#include <mutex>
#include <utility>

namespace xgrad::kernels {
namespace {

/// The largest block that nobody uses.
struct Spare {
  xgrad::detail::Mutex mutex;
  Ref<Storage> room;
};

// Never destroyed: threads may still convolve while the program ends.
Spare& spare() {
  static Spare* const instance = new Spare;
  return *instance;
}
[[maybe_unused]] const Spare& made_before_main = spare();

}  // namespace

Scratch::Scratch(std::size_t bytes) {
  {
    const std::lock_guard lock(spare().mutex);
    room_ = std::exchange(spare().room, {});
  }
  if (room_ && room_->byte_count() >= bytes) return;
  room_ = {};
  room_ = Storage::allocate(bytes);
}

Scratch::~Scratch() {
  const std::lock_guard lock(spare().mutex);
  if (!spare().room || spare().room->byte_count() < room_->byte_count())
    spare().room = std::move(room_);
}

}  // namespace xgrad::kernels
