#pragma once
// How an input becomes a safetensors file: after a first byte that is odd, a header up to the end
// of its line, whose length is put right, and the values; after an even one, the file as it is.

#include <string>

#include "fuzz.hpp"

namespace fuzz {

inline std::string safetensors(Input input) {
  if (input.byte() % 2 == 0) return input.rest();
  const std::string header = input.up_to('\n');
  std::string file;
  for (std::size_t i = 0; i < 8; ++i)
    file += static_cast<char>(std::uint64_t{header.size()} >> (8 * i) & 255);
  return file + header + input.rest();
}

}  // namespace fuzz
