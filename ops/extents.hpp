#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#pragma GCC visibility push(default)

namespace xgrad {

/// A number for each of `rank` axes, as the height and the width of a window; one number means all
/// of them.
///
///     Extents<2> window{3, 5};  // window[0] rows, window[1] columns
///     Extents<2> square = 3;
template <int rank>
class Extents {
  static_assert(rank >= 1 && rank <= 3);

 public:
  constexpr Extents(std::int64_t all) { values_.fill(all); }  // NOLINT: {.padding = 2} is meant
  constexpr Extents(std::int64_t height, std::int64_t width) requires(rank == 2)
      : values_{height, width} {}
  constexpr Extents(std::int64_t depth, std::int64_t height, std::int64_t width) requires(rank == 3)
      : values_{depth, height, width} {}

  constexpr std::int64_t operator[](std::size_t axis) const { return values_[axis]; }
  constexpr std::int64_t& operator[](std::size_t axis) { return values_[axis]; }
  constexpr const std::int64_t* begin() const { return values_.data(); }
  constexpr const std::int64_t* end() const { return values_.data() + rank; }

  friend constexpr bool operator==(const Extents&, const Extents&) = default;

 private:
  std::array<std::int64_t, rank> values_{};
};

}  // namespace xgrad

#pragma GCC visibility pop
