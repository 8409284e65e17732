#pragma once
// Internal: files that are whole or not there, and files read as what they were when opened.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#pragma GCC visibility push(default)

namespace xgrad::detail {

/// A file descriptor; -1 for none.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) noexcept : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }

  explicit operator bool() const noexcept { return number_ >= 0; }
  int number() const noexcept { return number_; }
  int release() noexcept { return std::exchange(number_, -1); }
  void close() noexcept;

 private:
  int number_;
};

/// Whether what is open is the file that stands at `path` now.
bool is_same_file(const Descriptor& file, const std::string& path);

/// A file being written beside its final place, as ".NAME.0.partial" or with the next number that
/// nobody writes under; finish() renames it into place. Of several that write to one path the last
/// to finish wins. Without finish() nothing is left; what a program that was killed left is removed
/// by the next one that writes there. A link stays, and the file that it leads to is replaced, or
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
  /// Waits until what was written is on the disk, for a file that a power cut must not take; then
  /// finish() waits for the new name too.
  void sync();
  void finish();

 private:
  Descriptor make_replacement();
  [[noreturn]] void fail() const;

  std::string doing_;
  std::string path_;
  std::string target_;
  std::string partial_;  // empty where the target itself is written, and once it has its name
  Descriptor lock_;      // held until then: it says that somebody still writes
  std::FILE* file_ = nullptr;
  bool durable_ = false;
};

/// A plain file open for reading. What is read is of the one that stood there when it was opened,
/// also where another takes its place. IOError with `doing` in front where something fails.
class OldFile {
 public:
  OldFile(std::string doing, std::string path);

  std::uint64_t size() const noexcept { return size_; }
  /// IOError where the file has become shorter.
  void read(void* data, std::size_t bytes, std::uint64_t offset) const;

 private:
  [[noreturn]] void fail(const char* what) const;

  std::string doing_;
  std::string path_;
  Descriptor file_;
  std::uint64_t size_ = 0;
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

#pragma GCC visibility pop
