#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <unistd.h>

namespace xgrad::detail {

void raise_errno(const std::string& doing, const std::string& path) {
  raise<IOError>("{}: {}: {}", doing, path, std::strerror(errno));
}

namespace {

namespace fs = std::filesystem;

/// The file that a link leads to: it is replaced, not the link.
std::string behind_link(const std::string& path) {
  std::error_code none;
  const bool link = fs::is_symlink(path, none) && fs::is_regular_file(path, none);
  return link ? fs::canonical(path).string() : path;
}

/// Only a file can be put in a file's place: a device or a pipe is written as it is. What cannot
/// be looked at, and a directory, is told when it is opened.
std::string beside(const std::string& target) {
  std::error_code none;
  const fs::file_status there = fs::status(target, none);
  return fs::exists(there) && !fs::is_regular_file(there) ? target : target + ".partial";
}

}  // namespace

NewFile::NewFile(std::string doing, std::string path)
    : doing_(std::move(doing)),
      path_(std::move(path)),
      target_(behind_link(path_)),
      partial_(beside(target_)),
      file_(std::fopen(partial_.c_str(), "wb")) {
  if (file_ == nullptr) fail(partial_);
}

NewFile::~NewFile() {
  if (file_ != nullptr) std::fclose(file_);
  if (partial_ != target_) std::remove(partial_.c_str());
}

void NewFile::fail(const std::string& path) const { raise_errno(doing_ + ": cannot write", path); }

void NewFile::write(const void* data, std::size_t bytes) {
  if (bytes > 0 && std::fwrite(data, 1, bytes, file_) != bytes) fail(path_);
}

void NewFile::sync() {
  if (std::fflush(file_) != 0) fail(path_);
  // Files that cannot be synced, such as pipes and devices, are as good as they get.
  if (fsync(fileno(file_)) != 0 && errno != EINVAL && errno != EROFS) fail(path_);
}

void NewFile::finish() {
  if (std::fclose(std::exchange(file_, nullptr)) != 0) fail(path_);
  if (partial_ != target_ && std::rename(partial_.c_str(), target_.c_str()) != 0) fail(path_);
}

void require_writable(const std::string& doing, const std::string& path) {
  const std::string target = behind_link(path), partial = beside(target);
  std::error_code none;
  const bool existed = fs::exists(partial, none);
  if (partial == target && !fs::is_directory(target, none)) {
    // Opening a pipe would be its reader's end already.
    if (access(target.c_str(), W_OK) != 0) raise_errno(doing + ": cannot write", path);
    return;
  }
  std::FILE* file = std::fopen(partial.c_str(), "ab");
  if (file == nullptr) raise_errno(doing + ": cannot write", path);
  std::fclose(file);
  if (!existed) fs::remove(partial, none);
}

void write_file(const std::string& doing, const std::string& path, std::string_view bytes) {
  NewFile file(doing, path);
  file.write(bytes.data(), bytes.size());
  file.finish();
}

}  // namespace xgrad::detail
