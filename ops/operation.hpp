#pragma once
// Internal: the names of the differentiable operations, and how they get on the tape.

#include <xgrad/autograd/function.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace xgrad {

#define PRIMITIVE(name) name,
#define COMPOSED(name) name,
enum class Op : std::uint16_t {
#include <xgrad/ops/operations.def>
};
#undef COMPOSED
#undef PRIMITIVE

#define PRIMITIVE(name) +1  // NOLINT: a term of a sum
#define COMPOSED(name) +1   // NOLINT
inline constexpr std::size_t operation_count = 0
#include <xgrad/ops/operations.def>
    ;
#undef COMPOSED
#undef PRIMITIVE

#define PRIMITIVE(name) #name,
#define COMPOSED(name) #name,
inline constexpr std::array<const char*, operation_count> operation_names = {
#include <xgrad/ops/operations.def>
};
#undef COMPOSED
#undef PRIMITIVE

#define PRIMITIVE(name) false,
#define COMPOSED(name) true,
inline constexpr std::array<bool, operation_count> operations_composed = {
#include <xgrad/ops/operations.def>
};
#undef COMPOSED
#undef PRIMITIVE

/// Whether the operation is put together from others and records no node of its own name.
constexpr bool is_composed(Op op) noexcept {
  return operations_composed[static_cast<std::size_t>(op)];
}

constexpr const char* name(Op op) noexcept { return operation_names[static_cast<std::size_t>(op)]; }

template <class Results, class... Arguments>
auto record(Op op, Results results, Arguments... arguments) {
  return record(name(op), std::move(results), std::move(arguments)...);
}

}  // namespace xgrad
