#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/sizes.hpp>

namespace xgrad {
namespace {

/// The result of one of the compiler's operations that tell of an overflow.
template <class Operation>
std::int64_t checked(std::int64_t a, char symbol, std::int64_t b, const char* operation,
                     const Operation& compute) {
  std::int64_t result = 0;
  const bool fits = !compute(a, b, &result);
  require<ValueError>(fits, "{}: a size is too large: {} {} {} does not fit 63 bits", operation, a,
                      symbol, b);
  return result;
}

const char* either(const char* a, const char* b) { return a != nullptr ? a : b; }

}  // namespace

Size operator+(const Size& a, const Size& b) {
  const char* const operation = either(a.operation_, b.operation_);
  return {checked(a.value_, '+', b.value_, operation,
                  [](auto u, auto v, auto* w) { return __builtin_add_overflow(u, v, w); }),
          operation};
}

Size operator-(const Size& a, const Size& b) {
  const char* const operation = either(a.operation_, b.operation_);
  return {checked(a.value_, '-', b.value_, operation,
                  [](auto u, auto v, auto* w) { return __builtin_sub_overflow(u, v, w); }),
          operation};
}

Size operator*(const Size& a, const Size& b) {
  const char* const operation = either(a.operation_, b.operation_);
  return {checked(a.value_, '*', b.value_, operation,
                  [](auto u, auto v, auto* w) { return __builtin_mul_overflow(u, v, w); }),
          operation};
}

std::size_t bytes_of(const Shape& shape, DType dtype) {
  for (auto extent : shape)
    require<ShapeError>(extent >= 0, "tensor: shape {} has a negative extent", shape);
  const auto count = static_cast<std::size_t>(shape.numel());
  require<ValueError>(count < (std::size_t{1} << 44), "tensor: no memory for shape {} of {}", shape,
                      dtype);
  return count * item_size(dtype);
}

}  // namespace xgrad
