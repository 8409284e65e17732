#pragma once
// Internal: how values of each dtype lie in a safetensors file, and what they become in memory.

#include <xgrad/autograd/tensor.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace xgrad::nn::detail {

/// One of the format's dtypes.
struct Stored {
  std::string_view code;
  DType dtype;        // in memory
  std::size_t bytes;  // of a value in the file
  /// Converts values into x from its element `first` on; says which of them has no value in x's
  /// dtype, if one has none. Null where they lie in memory as in the file.
  std::string (*decode)(std::span<const std::byte> values, Tensor& x, std::int64_t first);
};

/// Null for a dtype whose values xgrad cannot hold.
const Stored* find_stored(std::string_view code);
/// As values of a dtype are written; `half`: float32 rounded to half precision.
const Stored& stored_as(DType dtype, bool half);
/// The nearest number of half precision, 16 bits; infinity beyond its range.
std::uint16_t to_half(float value);

/// What a file seems to be that is no safetensors file, with a hint; "" where its first bytes do
/// not say.
std::string other_format(std::string_view begin);

}  // namespace xgrad::nn::detail
