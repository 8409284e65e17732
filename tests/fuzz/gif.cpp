// GIF files.

#include "picture.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::read_picture(fuzz::Input(data, size).rest(), "GIF89a");
  return 0;
}
