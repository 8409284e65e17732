#pragma once
// Files of tensors, made by hand.

#include <cstdint>
#include <cstring>
#include <string>

namespace support {

/// A safetensors file: the header's length, the header, the values.
inline std::string file_with(const std::string& header, const std::string& data = "") {
  const std::uint64_t size = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &size, 8);
  return bytes + header + data;
}

}  // namespace support
