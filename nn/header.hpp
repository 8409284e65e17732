#pragma once
// Internal: the header of a safetensors file, as text.

#include <xgrad/nn/state.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace xgrad::nn::detail {

constexpr std::uint64_t most_header_bytes = 100'000'000;  // the format's own limit
constexpr std::uint64_t header_offset = 8;                // behind its length

/// A tensor as a header describes it.
struct Entry {
  std::string name;
  std::string dtype;  // its code
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  // of its bytes, behind the header
  std::uint64_t end = 0;
  std::uint32_t checksum = 0;  // of them
};

struct Header {
  std::vector<Entry> entries;  // as they stand there
  Metadata metadata = {};
  bool checked = false;  // it has checksums, and its own is right
};

/// Reads the header of the file at `path`, in time and memory that grow with its length alone.
/// IOError says what is wrong where. Whether the entries fit the file is left to the caller.
Header parse_header(const std::string& path, std::string_view text);

/// The same the other way, with checksums, filled up with blanks so that the values are aligned.
/// ValueError for what the format cannot hold.
std::string compose_header(const Header& header);

std::uint32_t checksum(std::uint32_t before, const void* data, std::size_t bytes);

}  // namespace xgrad::nn::detail
