#include <xgrad/autograd/storage.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/sort.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

namespace xgrad::kernels {
namespace {

// Nanoseconds that an element takes.
constexpr double sorting = 8;
constexpr double selecting = 1;

/// Unsigned, in the order of T.
template <class T>
auto key_of(T given) {
  using Number = std::conditional_t<std::is_arithmetic_v<T>, T, float>;
  const Number value = given;
  if constexpr (std::is_floating_point_v<Number>) {
    using Key = std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>;
    constexpr Key sign = Key{1} << (8 * sizeof(Key) - 1);
    const auto bits = std::bit_cast<Key>(value + Number{0});  // −0 + 0 = 0
    const Key ordered = (bits & sign) != 0 ? ~bits : bits | sign;
    return value != value ? std::numeric_limits<Key>::max() : ordered;
  } else if constexpr (sizeof(Number) == 8) {
    return std::bit_cast<std::uint64_t>(value) ^ std::uint64_t{1} << 63;
  } else if constexpr (std::is_signed_v<Number>) {
    return static_cast<std::uint32_t>(value) ^ std::uint32_t{1} << 31;
  } else {
    return static_cast<std::uint32_t>(value);
  }
}
template <class T>
using KeyOf = decltype(key_of(T{}));

/// A key and a place in one number, for keys of 32 bits and rows that 32 bits count.
struct NarrowItem {
  NarrowItem() = default;
  NarrowItem(std::uint64_t key, std::int64_t place)
      : both(key << 32 | static_cast<std::uint64_t>(place)) {}
  std::uint64_t key() const { return both >> 32; }
  std::int64_t place() const { return static_cast<std::int64_t>(both & 0xFFFFFFFF); }
  friend bool operator<(const NarrowItem& a, const NarrowItem& b) { return a.both < b.both; }

  static constexpr int key_bits = 32;
  std::uint64_t both;
};

struct WideItem {
  WideItem() = default;
  WideItem(std::uint64_t key, std::int64_t place) : key_(key), place_(place) {}
  std::uint64_t key() const { return key_; }
  std::int64_t place() const { return place_; }
  friend bool operator<(const WideItem& a, const WideItem& b) {
    return a.key_ < b.key_ || (a.key_ == b.key_ && a.place_ < b.place_);
  }

  static constexpr int key_bits = 64;
  std::uint64_t key_;
  std::int64_t place_;
};

/// Uninitialised items, from the pool of tensors.
template <class Item>
class Room {
 public:
  explicit Room(std::int64_t count)
      : room_(Storage::allocate(static_cast<std::size_t>(count) * sizeof(Item))) {}
  Item* items() const { return reinterpret_cast<Item*>(room_->own()); }

 private:
  Ref<Storage> room_;
};

constexpr int digit_bits = 8;
constexpr std::size_t digits = std::size_t{1} << digit_bits;
using Counts = std::array<std::int64_t, digits>;

template <class Item>
std::size_t digit_of(const Item& item, int shift) {
  return static_cast<std::size_t>(item.key() >> shift) % digits;
}

/// Items in order of one digit of their keys, those of one digit as they came. False, and nothing
/// done, where all have the same.
template <class Item>
bool sort_by_digit(const Item* from, Item* to, std::int64_t n, int shift, int parts) {
  std::vector<Counts> counts(static_cast<std::size_t>(parts));
  parallel_parts(n, parts, [&](int part, std::int64_t begin, std::int64_t end) {
    Counts own{};
    for (std::int64_t i = begin; i < end; ++i) ++own[digit_of(from[i], shift)];
    counts[static_cast<std::size_t>(part)] = own;
  });
  std::int64_t place = 0;
  for (std::size_t digit = 0; digit < digits; ++digit) {
    const std::int64_t before = place;
    for (Counts& own : counts) place += std::exchange(own[digit], place);
    if (place - before == n) return false;
  }
  parallel_parts(n, parts, [&](int part, std::int64_t begin, std::int64_t end) {
    Counts next = counts[static_cast<std::size_t>(part)];
    for (std::int64_t i = begin; i < end; ++i) to[next[digit_of(from[i], shift)]++] = from[i];
  });
  return true;
}

/// The items in order, in one of the two places, both of which it uses.
template <class Item>
Item* sorted(Item* items, Item* other, std::int64_t n) {
  constexpr std::int64_t few = 256;
  if (n <= few) {
    std::sort(items, items + n);
    return items;
  }
  const int parts = part_count(n, grain_of(sorting));
  for (int shift = 0; shift < Item::key_bits; shift += digit_bits)
    if (sort_by_digit(items, other, n, shift, parts)) std::swap(items, other);
  return items;
}

/// The values of a row as items.
template <class T, class Item>
struct RowOf {
  const T* values;
  std::int64_t length;
  std::uint64_t flip;  ///< of the bits of keys, for falling order

  std::uint64_t key(std::int64_t i) const { return key_of(values[i]) ^ flip; }
  Item item(std::int64_t i) const { return {key(i), i}; }
  void write(const Item* items, std::int64_t count, T* to, std::int64_t* places) const {
    for (std::int64_t i = 0; i < count; ++i) places[i] = items[i].place();
    if (to == nullptr) return;
    for (std::int64_t i = 0; i < count; ++i) to[i] = values[items[i].place()];
  }
  void fill(Item* items) const {
    parallel_for(length, grain_of(selecting), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) items[i] = item(i);
    });
  }
};

/// The first k of a row's items from `begin` to before `end`, in no order: those that may be among
/// them are kept until there are too many, and what is worse than the k best of these is passed
/// over.
template <class T, class Item>
std::int64_t select(const RowOf<T, Item>& row, std::int64_t begin, std::int64_t end, std::int64_t k,
                    std::int64_t capacity, Item* kept) {
  std::int64_t count = 0;
  std::uint64_t bound = std::numeric_limits<std::uint64_t>::max();  // above all that may come in
  bool is_bound = false;
  for (std::int64_t i = begin; i < end; ++i) {
    const std::uint64_t key = row.key(i);
    if (is_bound && key >= bound) continue;
    kept[count++] = {key, i};
    if (count < capacity) continue;
    std::nth_element(kept, kept + k - 1, kept + count);
    bound = kept[k - 1].key();
    is_bound = true;
    count = k;
  }
  if (count > k) std::nth_element(kept, kept + k - 1, kept + count);
  return std::min(count, k);
}

/// The first k items of a row, in order if `in_order`, at the start of the room that it gives. What
/// it does depends on the sizes alone.
template <class T, class Item>
Room<Item> first_items(const RowOf<T, Item>& row, std::int64_t k, bool in_order) {
  const std::int64_t capacity = std::max<std::int64_t>(2 * k, 1024);
  const bool few = capacity < row.length / 16;
  const int parts = few ? part_count(row.length, std::max(grain_of(selecting), 4 * capacity)) : 1;
  Room<Item> room(few ? capacity * parts : row.length);
  Item* const items = room.items();
  std::int64_t count = row.length;
  if (few) {
    std::vector<std::int64_t> found(static_cast<std::size_t>(parts));
    parallel_parts(row.length, parts, [&](int part, std::int64_t begin, std::int64_t end) {
      found[static_cast<std::size_t>(part)] =
          select(row, begin, end, k, capacity, items + part * capacity);
    });
    count = found[0];
    for (int part = 1; part < parts; ++part) {
      const std::int64_t more = found[static_cast<std::size_t>(part)];
      std::copy_n(items + part * capacity, more, items + count);
      count += more;
    }
  } else {
    row.fill(items);
  }
  if (k < count) std::nth_element(items, items + k, items + count);
  // By digits would not do: these are in no order, in which equal keys would stay. How few were
  // found depends on the parts, and their order with it.
  if (in_order || few) std::sort(items, items + k);
  return room;
}

/// Calls f(row, values, places) with each row and where its results go, `stride` of them each;
/// several rows at once, or each by all threads.
template <class F>
void visit_rows(const SortRows& rows, const SortResult& result, std::int64_t stride, double cost,
                const F& f) {
  const auto with = [&]<class T, class Item>(const T* values, Item*) {
    constexpr auto all = std::numeric_limits<KeyOf<T>>::max();
    const auto visit = [&](std::int64_t r) {
      const RowOf<T, Item> row{values + r * rows.length, rows.length,
                               rows.descending ? std::uint64_t{all} : 0};
      T* const to =
          result.values == nullptr ? nullptr : static_cast<T*>(result.values) + r * stride;
      f(row, to, result.places + r * stride);
    };
    if (rows.count < available_threads()) {
      for (std::int64_t r = 0; r < rows.count; ++r) visit(r);
    } else {
      parallel_for(rows.count, grain_of(cost * static_cast<double>(rows.length)),
                   [&](std::int64_t begin, std::int64_t end) {
                     for (std::int64_t r = begin; r < end; ++r) visit(r);
                   });
    }
  };
  dispatch(rows.dtype, [&]<class T>() {
    const T* const values = static_cast<const T*>(rows.values);
    if constexpr (sizeof(KeyOf<T>) == 4) {
      if (rows.length <= std::int64_t{1} << 32)
        return with(values, static_cast<NarrowItem*>(nullptr));
    }
    with(values, static_cast<WideItem*>(nullptr));
  });
}

}  // namespace

void sort_rows(const SortRows& rows, const SortResult& result) {
  visit_rows(rows, result, rows.length, sorting,
             [&]<class T, class Item>(const RowOf<T, Item>& row, T* values, std::int64_t* places) {
               const Room<Item> room(2 * row.length);
               row.fill(room.items());
               const Item* const items =
                   sorted(room.items(), room.items() + row.length, row.length);
               row.write(items, row.length, values, places);
             });
}

void first_of_rows(const SortRows& rows, std::int64_t k, bool in_order, const SortResult& result) {
  if (k == 0) return;
  visit_rows(rows, result, k, selecting,
             [&]<class T, class Item>(const RowOf<T, Item>& row, T* values, std::int64_t* places) {
               const Room<Item> room = first_items(row, k, in_order);
               row.write(room.items(), k, values, places);
             });
}

void nth_of_rows(const SortRows& rows, std::int64_t k, const SortResult& result) {
  visit_rows(rows, result, 1, selecting,
             [&]<class T, class Item>(const RowOf<T, Item>& row, T* values, std::int64_t* places) {
               const Room<Item> room(row.length);
               Item* const items = room.items();
               row.fill(items);
               std::nth_element(items, items + k, items + row.length);
               row.write(items + k, 1, values, places);
             });
}

}  // namespace xgrad::kernels
