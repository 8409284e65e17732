#pragma once
// Internal: files that are whole or not there.

#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace xgrad::detail {

/// A file being written beside its final place, `path` + ".partial". finish() renames it into
/// place; without that nothing is left. A link stays, and the file that it leads to is replaced, or
/// made where it leads to none; a device or a pipe is written straight. The new file keeps what was
/// set on the old one (inherit), and one that is write-protected is not replaced. IOError with
/// `doing` in front where something fails.
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

/// The file that a link leads to, there already or not: it is replaced, not the link.
std::string behind_link(const std::string& path);

/// Sets owner, permissions and extended attributes (access lists among them) of the file that is
/// open as those of the file `old` are, as far as this process may; nothing where there is none.
/// Where the group cannot be kept, the new one gets no more than everybody has.
void inherit(int file, const std::string& old);

/// Writes `bytes` as the whole of a file.
void write_file(const std::string& doing, const std::string& path, std::string_view bytes);

/// Throws IOError with errno's words: "load: cannot read: a/b: No such file or directory".
[[noreturn]] void raise_errno(const std::string& doing, const std::string& path);

}  // namespace xgrad::detail
