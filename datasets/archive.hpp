#pragma once
// Internal: files that may be packed, read with bounds.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace xgrad::datasets {

/// Size of a plain, readable file; an IOError that says why not otherwise.
std::uint64_t size_of_file(const std::string& path);

/// A file of bytes, gzip or raw, read from front to back. Every failure is an IOError that names
/// the file, the offset, what was found and what was expected.
class ByteFile {
 public:
  explicit ByteFile(const std::string& path);
  ~ByteFile();
  ByteFile(const ByteFile&) = delete;
  ByteFile& operator=(const ByteFile&) = delete;

  /// Exactly the next bytes.
  void read(void* data, std::size_t bytes, const char* what);
  /// Up to `bytes` of what comes next, 0 at the end. The message of damage begins with `doing`.
  std::size_t read_up_to(void* data, unsigned bytes, const char* doing);
  /// A big-endian 32-bit number, as IDX has them.
  std::uint32_t read_u32(const char* what);
  /// Throws unless the file ends here.
  void expect_end();
  /// Throws unless a file of this size on disk can hold `bytes` more (gzip: at 1032 to 1, its
  /// limit).
  void expect_room(std::uint64_t bytes, const char* what) const;

  [[noreturn]] void fail(const std::string& what) const;
  std::uint64_t offset() const noexcept { return offset_; }

 private:
  /// zlib's read, whose first error is kept: the number of bytes, or −1.
  int read_some(void* data, unsigned bytes);

  std::string path_;
  void* file_ = nullptr;  // gzFile
  std::uint64_t size_ = 0;
  std::uint64_t offset_ = 0;
  int error_ = 0;  // zlib's first
  std::string reason_;
};

/// Calls visit(name, bytes) for every plain file of a tar archive (gzip or not) whose base name
/// `wants` accepts. IOError where it is damaged, or an entry is larger than `most_bytes`: of a
/// packed one maybe when all files have been visited, as its checksum stands at its end.
void read_tar(const std::string& path, std::uint64_t most_bytes,
              const std::function<bool(const std::string& name)>& wants,
              const std::function<void(const std::string& name, std::vector<std::uint8_t>)>& visit);

}  // namespace xgrad::datasets
