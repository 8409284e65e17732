#include <xgrad/autograd/block_pool.hpp>
#include <xgrad/autograd/small.hpp>

#include <array>
#include <cstdint>
#include <new>
#include <utility>

#include <pthread.h>

namespace xgrad::detail {
namespace {

constexpr std::size_t step = 64;
constexpr std::size_t largest = 1024;
constexpr std::uint32_t longest = 1 << 16;  // blocks in a list; beyond, they go back to the system

struct Block {
  Block* next;
};

struct List {
  Block* first = nullptr;
  std::uint32_t length = 0;
};

// Plain data, so that it is there before and after everything else on its thread.
struct Lists {
  std::array<List, largest / step> of_size;
  bool watched;  // close() is called when the thread ends
  bool closed;
};
thread_local constinit Lists lists{};

/// Gives the blocks back when their thread ends; what is freed later goes to the system.
void close(void*) {
  lists.closed = true;
  for (List& list : lists.of_size)
    while (list.first != nullptr) ::operator delete(std::exchange(list.first, list.first->next));
}

// Not a thread_local with a destructor: glibc takes memory to remember those, and ends the program
// where there is none.
pthread_key_t at_end{};

bool is_small(std::size_t bytes) { return bytes <= largest && bytes > 0; }
std::size_t class_of(std::size_t bytes) { return (bytes - 1) / step; }

// Sanitizers are to see each object.
const bool enabled = pools_by_default() && pthread_key_create(&at_end, close) == 0;

/// Whether what this thread keeps will be given back.
bool is_watched() {
  if (!lists.watched) lists.watched = pthread_setspecific(at_end, &lists) == 0;
  return lists.watched;
}

}  // namespace

void* take_small(std::size_t bytes) {
  if (!is_small(bytes)) return ::operator new(bytes);
  List& list = lists.of_size[class_of(bytes)];
  if (list.first == nullptr) return ::operator new((class_of(bytes) + 1) * step);
  --list.length;
  return std::exchange(list.first, list.first->next);
}

void give_back_small(void* block, std::size_t bytes) noexcept {
  if (!is_small(bytes) || !enabled || lists.closed || !is_watched())
    return ::operator delete(block);
  List& list = lists.of_size[class_of(bytes)];
  if (list.length >= longest) return ::operator delete(block);
  list.first = new (block) Block{list.first};
  ++list.length;
}

}  // namespace xgrad::detail
