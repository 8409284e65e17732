// A pair of IDX files. An input is a byte whose lowest bits say which of the two is packed, the
// number of bytes of the images, and both files.

#include <xgrad/datasets/idx.hpp>

#include "fuzz.hpp"
#include "packed.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  fuzz::Input input(data, size);
  const std::uint8_t packed = input.byte();
  const std::size_t low = input.byte(), high = input.byte();
  const std::string images = input.take(low | high << 8), labels = input.rest();
  const auto put = [&](const char* name, const std::string& bytes, bool pack) {
    return folder.put(name, pack ? fuzz::gzip(bytes) : bytes);
  };
  const std::string images_path = put("images", images, (packed & 1) != 0);
  const std::string labels_path = put("labels", labels, (packed & 2) != 0);
  fuzz::only_errors([&] { xgrad::datasets::read_idx(images_path, labels_path); });
  return 0;
}
