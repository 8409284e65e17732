#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/sizes.hpp>

namespace xgrad {
namespace detail {

void throw_too_large(const char* operation, std::int64_t a, char symbol, std::int64_t b) {
  raise<ValueError>("{}: a size is too large: {} {} {} does not fit 63 bits", operation, a, symbol,
                    b);
}

}  // namespace detail

std::size_t bytes_of(const Shape& shape, DType dtype) {
  for (auto extent : shape)
    require<ShapeError>(extent >= 0, "tensor: shape {} has a negative extent", shape);
  const auto count = static_cast<std::size_t>(shape.numel());
  require<ValueError>(count < (std::size_t{1} << 44), "tensor: no memory for shape {} of {}", shape,
                      dtype);
  return count * item_size(dtype);
}

}  // namespace xgrad
