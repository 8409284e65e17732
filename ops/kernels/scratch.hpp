#pragma once
// Internal: memory for a convolution's intermediate results.

#include <xgrad/autograd/storage.hpp>

namespace xgrad::kernels {

/// Bytes to leave between the rooms of parts that run at once. What a core fetches ahead past the
/// end of its own room it takes, time and again, from the core that writes there: with rooms side
/// by side a weight's gradient took twice as long.
inline constexpr std::size_t apart = 16384;

/// Up to hundreds of MB, so one block serves all convolutions, one after the other, where the pool
/// would keep one of each size. Uninitialised. Throws ValueError where the machine has not so much.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  std::byte* data() const { return room_->own(); }

 private:
  Ref<Storage> room_;
};

}  // namespace xgrad::kernels
