#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>

namespace xgrad {
namespace detail {

void throw_too_large(const char* operation, std::int64_t a, char symbol, std::int64_t b) {
  raise<ValueError>("{}: a size is too large: {} {} {} does not fit 63 bits", operation, a, symbol,
                    b);
}

void throw_no_memory(const char* operation, std::int64_t count) {
  raise<MemoryError>("{}: no memory for {} values", operation, count);
}

}  // namespace detail

std::size_t bytes_of(const Shape& shape, DType dtype) {
  for (auto extent : shape)
    require<ShapeError>(extent >= 0, "{}: shape {} has a negative extent",
                        detail::running_or("tensor"), shape);
  const auto count = static_cast<std::size_t>(shape.numel());
  require<MemoryError>(count < (std::size_t{1} << 44), "{}: no memory for shape {} of {}",
                       detail::running_or("tensor"), shape, dtype);
  return count * item_size(dtype);
}

}  // namespace xgrad
