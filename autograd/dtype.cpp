#include <xgrad/autograd/dtype.hpp>
#include <xgrad/autograd/raise.hpp>

#include <iterator>
#include <ostream>

namespace xgrad {

namespace {

constexpr std::string_view names[] = {"float32", "float64", "bfloat16", "float16",
                                      "int64",   "int32",   "uint8",    "bool"};
static_assert(std::size(names) == detail::Elements::size);

/// Those of a kind in their order; two of one rank meet in the next.
constexpr int ranks[] = {5, 6, 4, 4, 3, 2, 1, 0};
static_assert(std::size(ranks) == detail::Elements::size);

}  // namespace

std::string_view name(DType dtype) noexcept { return names[static_cast<std::size_t>(dtype)]; }

std::ostream& operator<<(std::ostream& stream, DType dtype) { return stream << name(dtype); }

DType promote(DType a, DType b) noexcept {
  const int of_a = ranks[static_cast<std::size_t>(a)];
  const int of_b = ranks[static_cast<std::size_t>(b)];
  if (of_a == of_b && a != b) return float32;
  return of_a > of_b ? a : b;
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
