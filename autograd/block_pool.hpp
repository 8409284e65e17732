#pragma once
// Internal: where storages get their memory. Freed blocks are linked through themselves, so that
// giving one back needs no memory and cannot fail.

#include <xgrad/autograd/storage.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace xgrad::detail {

/// Whether freed memory is kept at all: neither under sanitizers nor with XGRAD_POOL=0.
bool pools_by_default() noexcept;

class BlockPool {
 public:
  /// ValueError where XGRAD_POOL_LIMIT is no number of bytes.
  BlockPool();

  /// nullptr where the machine has no more.
  void* take(std::size_t wanted);
  /// A block that take(wanted) gave.
  void give_back(void* block, std::size_t wanted) noexcept;

  void release_cache() noexcept;
  memory::Statistics statistics() const;
  void reset_peak();
  void set_limit(std::optional<std::int64_t> bytes);
  std::optional<std::int64_t> limit() const;
  void set_pooling(bool on);
  bool pooling() const;

 private:
  struct Free {
    Free* newer;
    Free* older;
    std::uint64_t freed;  // grows with every block given back
  };
  struct List {
    Free* newest = nullptr;
    Free* oldest = nullptr;
  };

  static void release(Free* first) noexcept;
  Free* take_newest(std::size_t list);
  void keep(void* block, std::size_t list);
  Free* drop_oldest();
  Free* surplus();
  std::int64_t most_cached() const;
  void count(std::int64_t bytes, std::int64_t blocks);

  static constexpr std::size_t lists = 64 * 4 + 4;

  std::array<List, lists> free_;
  std::uint64_t freed_ = 0;
  memory::Statistics statistics_;
  std::int64_t most_in_use_ = 0;  // ever, whatever reset_peak() does
  std::optional<std::int64_t> limit_;
  bool pooling_ = pools_by_default();
};

/// Never destroyed: tensors of static storage duration may outlive any static object of ours.
BlockPool& block_pool();

}  // namespace xgrad::detail
