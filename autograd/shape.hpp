#pragma once
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

#pragma GCC visibility push(default)

namespace xgrad {

namespace detail {

[[noreturn]] void throw_too_many_axes(std::size_t count);

/// A list of up to max_size integers without a heap allocation.
class ShortList {
 public:
  static constexpr std::size_t max_size = 8;

  constexpr ShortList() = default;
  constexpr ShortList(std::initializer_list<std::int64_t> values)
      : ShortList(std::span(values.begin(), values.size())) {}
  explicit constexpr ShortList(std::span<const std::int64_t> values) {
    for (auto value : values) push_back(value);
  }

  constexpr std::size_t size() const noexcept { return size_; }
  constexpr bool empty() const noexcept { return size_ == 0; }
  constexpr const std::int64_t* data() const noexcept { return values_.data(); }
  constexpr const std::int64_t* begin() const noexcept { return values_.data(); }
  constexpr const std::int64_t* end() const noexcept { return values_.data() + size_; }
  constexpr std::int64_t* begin() noexcept { return values_.data(); }
  constexpr std::int64_t* end() noexcept { return values_.data() + size_; }
  constexpr std::int64_t operator[](std::size_t i) const noexcept { return values_[i]; }
  constexpr std::int64_t& operator[](std::size_t i) noexcept { return values_[i]; }
  constexpr std::int64_t back() const noexcept { return values_[size_ - 1]; }
  constexpr std::int64_t& back() noexcept { return values_[size_ - 1]; }

  constexpr void push_back(std::int64_t value) {
    if (size_ == max_size) throw_too_many_axes(size_ + 1);
    values_[size_++] = value;
  }
  constexpr void insert(std::size_t position, std::int64_t value) {
    push_back(value);
    for (std::size_t i = size_ - 1; i > position; --i) values_[i] = values_[i - 1];
    values_[position] = value;
  }
  constexpr void erase(std::size_t position) {
    for (std::size_t i = position; i + 1 < size_; ++i) values_[i] = values_[i + 1];
    --size_;
  }

  friend constexpr bool operator==(const ShortList& a, const ShortList& b) noexcept {
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.size_; ++i)
      if (a.values_[i] != b.values_[i]) return false;
    return true;
  }

 private:
  std::array<std::int64_t, max_size> values_{};
  std::size_t size_ = 0;
};

}  // namespace detail

/// The extents of a tensor, outermost axis first; a scalar's is empty. At most 8 axes.
class Shape : public detail::ShortList {
 public:
  using ShortList::ShortList;

  /// Product of the extents; 1 for a scalar. ShapeError where the product of those that are not 0
  /// does not fit 63 bits: no product of some of a tensor's extents can then overflow, even where
  /// another is 0.
  std::int64_t numel() const;
};

/// How far apart in memory, in elements, neighbours along each axis lie.
class Strides : public detail::ShortList {
 public:
  using ShortList::ShortList;
};

/// Those of values in row-major order without gaps.
Strides row_major(const Shape& shape);

/// Axes an operation works on. Negative ones count from the back; none given means all of them.
/// A single axis converts: sum(x, 1), sum(x, {0, 2}), sum(x).
class Axes : public detail::ShortList {
 public:
  using ShortList::ShortList;
  template <std::integral T>
  constexpr Axes(T axis)  // NOLINT: sum(x, 1) is meant to work
      : ShortList{static_cast<std::int64_t>(axis)} {}
};

/// "[64, 1, 28, 28]"
std::string to_string(const detail::ShortList& list);
std::ostream& operator<<(std::ostream& stream, const detail::ShortList& list);

/// The shape both broadcast to, as NumPy's rules have it. ShapeError naming `operation` otherwise.
Shape broadcast(const Shape& a, const Shape& b, const char* operation);

/// `axis` counted from the front; ShapeError naming `operation` where a tensor of `rank` axes has
/// no such axis.
std::size_t normalize_axis(std::int64_t axis, std::size_t rank, const char* operation);

/// `axes` counted from the front, sorted, all of them if none is given; ShapeError on repetition.
Axes normalize_axes(const Axes& axes, std::size_t rank, const char* operation);

}  // namespace xgrad

#pragma GCC visibility pop
