#include <xgrad/autograd/dtype.hpp>
#include <xgrad/autograd/raise.hpp>

#include <ostream>

namespace xgrad {

std::string_view name(DType dtype) noexcept {
  constexpr std::string_view names[] = {"float32", "float64", "int64", "bool"};
  return names[static_cast<std::size_t>(dtype)];
}

std::ostream& operator<<(std::ostream& stream, DType dtype) { return stream << name(dtype); }

DType promote(DType a, DType b) noexcept {
  constexpr int ranks[] = {2, 3, 1, 0};
  return ranks[static_cast<std::size_t>(a)] >= ranks[static_cast<std::size_t>(b)] ? a : b;
}

namespace detail {

void throw_not_floating(DType dtype, const char* operation) {
  raise<DTypeError>("{}: takes float32 or float64, got {}; convert with x.to(xgrad::float32)",
                    operation, dtype);
}

void throw_not_numeric(DType dtype, const char* operation) {
  raise<DTypeError>("{}: takes numbers, got {}; convert with x.to(xgrad::int64)", operation, dtype);
}

}  // namespace detail
}  // namespace xgrad
