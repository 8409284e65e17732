#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/scalar.hpp>

#include <limits>
#include <ostream>

namespace xgrad {

void Scalar::throw_too_large(std::uint64_t value) {
  raise<ValueError>("number: {} is too large: the largest int64 is {}", value,
                    std::numeric_limits<std::int64_t>::max());
}

void Scalar::throw_does_not_fit(const char* operation, std::size_t bits, bool is_signed) const {
  raise<ValueError>("{}: {} does not fit {}int{}", operation, *this, is_signed ? "" : "u", bits);
}

std::string to_string(const Scalar& number) {
  if (number.kind() == float64) return fmt::format("{}", number.to<double>());
  if (number.kind() == int64) return fmt::format("{}", number.to<std::int64_t>());
  return number.to<bool>() ? "true" : "false";
}

std::ostream& operator<<(std::ostream& stream, const Scalar& number) {
  return stream << to_string(number);
}

}  // namespace xgrad
