#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/shape.hpp>

#include <array>
#include <ostream>

#include <fmt/ranges.h>

namespace xgrad {

namespace detail {

void throw_too_many_axes(std::size_t count) {
  raise<ShapeError>("{}: {} axes; a tensor has at most {}", running_or("shape"), count,
                    ShortList::max_size);
}

}  // namespace detail

std::int64_t Shape::numel() const {
  std::int64_t product = 1;
  bool empty = false;
  bool overflow = false;
  for (auto extent : *this) {
    empty |= extent == 0;
    overflow |= __builtin_mul_overflow(product, extent == 0 ? 1 : extent, &product);
  }
  require<ShapeError>(!overflow, "{}: shape {} has more elements than 63 bits count",
                      detail::running_or("tensor"), *this);
  return empty ? 0 : product;
}

std::string to_string(const detail::ShortList& list) {
  return fmt::format("[{}]", fmt::join(list.begin(), list.end(), ", "));
}

std::ostream& operator<<(std::ostream& stream, const detail::ShortList& list) {
  return stream << to_string(list);
}

Strides row_major(const Shape& shape) {
  Strides strides(shape);
  std::int64_t step = 1;
  for (std::size_t i = shape.size(); i-- > 0; step *= shape[i]) strides[i] = step;
  return strides;
}

Shape broadcast(const Shape& a, const Shape& b, const char* operation) {
  const Shape& longer = a.size() >= b.size() ? a : b;
  const Shape& shorter = a.size() >= b.size() ? b : a;
  Shape result = longer;
  const std::size_t offset = longer.size() - shorter.size();
  for (std::size_t i = 0; i < shorter.size(); ++i) {
    auto& extent = result[offset + i];
    if (shorter[i] == extent || shorter[i] == 1) continue;
    require<ShapeError>(extent == 1,
                        "{}: shapes {} and {} do not broadcast: axis {} has {} and {}; "
                        "they must be equal, or one of them 1",
                        operation, a, b, offset + i, longer[offset + i], shorter[i]);
    extent = shorter[i];
  }
  return result;
}

std::size_t normalize_axis(std::int64_t axis, std::size_t rank, const char* operation) {
  const auto count = static_cast<std::int64_t>(rank);
  require<ShapeError>(count > 0, "{}: axis {} of a scalar, which has no axes", operation, axis);
  require<ShapeError>(axis >= -count && axis < count,
                      "{}: axis {} of a tensor with {} axes; it must lie in {}..{}", operation,
                      axis, rank, -count, count - 1);
  return static_cast<std::size_t>(axis < 0 ? axis + count : axis);
}

Axes normalize_axes(const Axes& axes, std::size_t rank, const char* operation) {
  std::array<bool, Axes::max_size> named{};
  for (auto axis : axes) {
    bool& is_named = named[normalize_axis(axis, rank, operation)];
    require<ShapeError>(!is_named, "{}: axes {} name an axis twice", operation, axes);
    is_named = true;
  }
  Axes result;
  for (std::size_t i = 0; i < rank; ++i)
    if (axes.empty() || named[i]) result.push_back(static_cast<std::int64_t>(i));
  return result;
}

}  // namespace xgrad
