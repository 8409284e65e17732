// PNG files whose chunks have the right checksums: these stop damage, not malice.

#include "picture.hpp"
#include <zlib.h>

namespace {

std::uint32_t big(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void put_checksums(std::string& file) {
  constexpr std::size_t signature = 8, length = 4, type = 4, checksum = 4;
  for (std::size_t at = signature; at + length + type + checksum <= file.size();) {
    const std::size_t room = file.size() - at - length - type - checksum;
    const std::size_t bytes = big(file, at);
    if (bytes > room) return;
    const auto* begin = reinterpret_cast<const Bytef*>(file.data() + at + length);
    const auto sum = crc32(0, begin, static_cast<uInt>(type + bytes));
    at += length + type + bytes;
    for (std::size_t i = 0; i < checksum; ++i) file[at++] = static_cast<char>(sum >> (24 - 8 * i));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string file = fuzz::Input(data, size).rest();
  put_checksums(file);
  fuzz::read_picture(file, "\x89PNG\r\n\x1a\n");
  return 0;
}
