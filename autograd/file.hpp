#pragma once
// Internal: files that are whole or not there.

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace xgrad::detail {

/// A file being written beside its final place, `path` + ".partial". finish() renames it into
/// place; without that nothing is left. A link stays, and the file that it leads to is replaced; a
/// device or a pipe is written straight. IOError with `doing` in front where something fails.
class NewFile {
 public:
  NewFile(std::string doing, std::string path);
  ~NewFile();
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void write(const void* data, std::size_t bytes);
  /// Waits until what was written is on the disk, for a file that a power cut must not take.
  void sync();
  void finish();

 private:
  [[noreturn]] void fail(const std::string& path) const;

  std::string doing_;
  std::string path_;
  std::string target_;
  std::string partial_;  // target_ itself where that is no file
  std::FILE* file_;
};

/// Throws the IOError that a NewFile there would begin with; leaves nothing behind.
void require_writable(const std::string& doing, const std::string& path);

/// Writes `bytes` as the whole of a file.
void write_file(const std::string& doing, const std::string& path, std::string_view bytes);

/// Throws IOError with errno's words: "load: cannot read: a/b: No such file or directory".
[[noreturn]] void raise_errno(const std::string& doing, const std::string& path);

}  // namespace xgrad::detail
