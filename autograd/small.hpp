#pragma once
// Internal: memory for the small objects that every operation makes: tensors' heads, nodes of the
// tape, entries of a backward pass. Each thread keeps lists of freed blocks, so that a training
// step in its steady state takes neither a lock nor anything from malloc.

#include <cstddef>

#pragma GCC visibility push(default)

namespace xgrad::detail {

void* take_small(std::size_t bytes);
void give_back_small(void* block, std::size_t bytes) noexcept;

/// Base of classes whose objects live there.
struct SmallObject {
  static void* operator new(std::size_t bytes) { return take_small(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept {
    give_back_small(block, bytes);
  }
};

/// For the standard containers.
template <class T>
struct SmallAllocator {
  using value_type = T;

  SmallAllocator() = default;
  template <class U>
  SmallAllocator(const SmallAllocator<U>&) noexcept {}  // NOLINT: containers convert them

  T* allocate(std::size_t n) { return static_cast<T*>(take_small(n * sizeof(T))); }
  void deallocate(T* block, std::size_t n) noexcept { give_back_small(block, n * sizeof(T)); }
  friend bool operator==(SmallAllocator, SmallAllocator) noexcept { return true; }
};

}  // namespace xgrad::detail

#pragma GCC visibility pop
