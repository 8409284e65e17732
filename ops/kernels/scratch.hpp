#pragma once
// Internal: memory for a convolution's intermediate results.

#include <xgrad/autograd/storage.hpp>

namespace xgrad::kernels {

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
