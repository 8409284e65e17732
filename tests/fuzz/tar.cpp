// Tar archives whose headers have the right checksums. An input is a byte whose lowest bit says
// whether the archive is packed, and the archive.

#include <xgrad/datasets/archive.hpp>

#include "fuzz.hpp"
#include "packed.hpp"

namespace {

constexpr std::size_t block = 512;

/// The sum of a header's bytes, its own place taken for blanks.
void put_checksum(std::string& archive, std::size_t header) {
  constexpr std::size_t at = 148, digits = 6, bytes = 8;
  archive.replace(header + at, bytes, bytes, ' ');
  unsigned sum = 0;
  for (std::size_t i = 0; i < block; ++i) sum += static_cast<unsigned char>(archive[header + i]);
  for (std::size_t i = digits; i-- > 0; sum /= 8)
    archive[header + at + i] = static_cast<char>('0' + sum % 8);
  archive[header + at + digits] = '\0';
}

/// How many blocks of data follow a header.
std::size_t blocks_behind(const std::string& archive, std::size_t header) {
  constexpr std::size_t at = 124, digits = 12;
  const auto bytes = std::strtoull(archive.substr(header + at, digits).c_str(), nullptr, 8);
  return static_cast<std::size_t>(bytes / block + (bytes % block != 0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  fuzz::Input input(data, size);
  const bool pack = (input.byte() & 1) != 0;
  std::string archive = input.rest();
  for (std::size_t at = 0; at + block <= archive.size();) {
    if (archive[at] != '\0') put_checksum(archive, at);
    const std::size_t left = (archive.size() - at) / block;
    at += std::min(left, 1 + blocks_behind(archive, at)) * block;
  }
  const std::string path = folder.put("archive", pack ? fuzz::gzip(archive) : archive);
  fuzz::only_errors([&] {
    constexpr std::uint64_t most_bytes = 1 << 16;
    xgrad::datasets::read_tar(
        path, most_bytes, [](const std::string& name) { return name.size() % 2 == 0; },
        [](const std::string&, const std::vector<std::uint8_t>&) {});
  });
  return 0;
}
