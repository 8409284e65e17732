#pragma once
// What the fuzz targets share: inputs taken apart, files that hold them, and the one way out that a
// reader has.

#include <xgrad/autograd/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include <unistd.h>

namespace fuzz {

/// An input read from front to back: numbers that say how the rest is to be taken, then the rest.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : left_(reinterpret_cast<const char*>(data), size) {}

  /// 0 where the input is at its end.
  std::uint8_t byte() { return left_.empty() ? 0 : static_cast<std::uint8_t>(take(1)[0]); }
  /// As many as there are, where that is less.
  std::string take(std::size_t count) {
    const std::string taken(left_.substr(0, count));
    left_.remove_prefix(taken.size());
    return taken;
  }
  /// Up to the next `end`, which is dropped, or to the input's end.
  std::string up_to(char end) {
    const std::string taken = take(left_.find(end));
    take(1);
    return taken;
  }
  bool empty() const { return left_.empty(); }
  std::string rest() { return take(left_.size()); }

 private:
  std::string_view left_;
};

/// A folder for the process, below TMPDIR; gone at its end unless that is a crash.
class Folder {
 public:
  Folder() : path_((std::filesystem::temp_directory_path() / "xgrad-fuzz-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) std::abort();
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  /// Makes a file; its path.
  std::string put(const std::string& name, std::string_view bytes) const {
    std::string path = path_ + '/' + name;
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }

 private:
  std::string path_;
};

/// Only xgrad's own errors may come out: any other exception ends the program, which is a finding.
template <class Read>
void only_errors(const Read& read) {
  try {
    read();
  } catch (const xgrad::Error&) {
  }
}

}  // namespace fuzz
