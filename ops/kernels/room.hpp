#pragma once
// Internal: for libraries that end the program, or wait for ever, where they get no memory.

#include <cstddef>

#include <sys/mman.h>

namespace xgrad::kernels {

/// What oneDNN takes at most to compile a kernel, and the many of its matrix products (18 MB).
inline constexpr std::size_t room_to_compile = std::size_t{16} << 20;
inline constexpr std::size_t room_for_products = std::size_t{32} << 20;

/// What OpenBLAS takes for each of its threads.
inline constexpr std::size_t room_for_openblas = std::size_t{128} << 20;

/// Whether the system would give so much memory now.
inline bool has_room(std::size_t bytes) noexcept {
  void* const room =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return room != MAP_FAILED && munmap(room, bytes) == 0;
}

}  // namespace xgrad::kernels
