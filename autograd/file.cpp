#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace xgrad::detail {

using namespace std::string_view_literals;

void raise_errno(const std::string& doing, const std::string& path) {
  raise<IOError>("{}: {}: {}", doing, path, std::strerror(errno));
}

namespace fs = std::filesystem;

std::string behind_link(const std::string& path) {
  std::error_code none;
  const fs::file_status there = fs::status(path, none);
  if (!fs::is_symlink(path, none)) return path;
  if (fs::is_regular_file(there)) return fs::canonical(path).string();
  if (fs::exists(there)) return path;
  fs::path at = path;
  constexpr int most_links = 40;  // as the system follows; a circle is told when it is opened
  for (int i = 0; i < most_links && fs::is_symlink(at, none); ++i)
    at = at.parent_path() / fs::read_symlink(at, none);
  return at.string();
}

namespace {

void inherit_attributes(int file, const std::string& old) {
  std::string names(1 << 16, '\0');
  const ssize_t size = listxattr(old.c_str(), names.data(), names.size());
  for (const char* name = names.data(); name < names.data() + size; name += std::strlen(name) + 1) {
    std::string value(1 << 16, '\0');
    if (!std::string_view(name).starts_with("user.") && name != "system.posix_acl_access"sv)
      continue;
    const ssize_t bytes = getxattr(old.c_str(), name, value.data(), value.size());
    if (bytes >= 0) fsetxattr(file, name, value.data(), static_cast<std::size_t>(bytes), 0);
  }
}

/// Only a file can be put in a file's place: a device or a pipe is written as it is. What cannot
/// be looked at, a directory, and links in a circle are told when they are opened.
std::string beside(const std::string& target) {
  std::error_code none;
  const fs::file_status there = fs::status(target, none);
  const bool other = fs::exists(there) && !fs::is_regular_file(there);
  return other || fs::is_symlink(target, none) ? target : target + ".partial";
}

/// Renaming does not ask whether the old file is write-protected.
void require_unprotected(const std::string& doing, const std::string& target) {
  std::error_code none;
  if (fs::is_regular_file(target, none) && access(target.c_str(), W_OK) != 0)
    raise_errno(doing + ": cannot write", target);
}

/// A new file that nobody else reads before it has the permissions of the old one.
std::FILE* open_beside(const std::string& partial, const std::string& target) {
  std::error_code none;
  const mode_t mode = fs::exists(target, none) ? 0600 : 0666;
  const int file = open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (file < 0) return nullptr;
  if (partial != target) inherit(file, target);
  return fdopen(file, "wb");
}

}  // namespace

void inherit(int file, const std::string& old) {
  struct stat from {};
  struct stat to {};
  if (stat(old.c_str(), &from) != 0 || fstat(file, &to) != 0) return;
  if (!S_ISREG(from.st_mode) || !S_ISREG(to.st_mode)) return;
  mode_t mode = from.st_mode & 07777;
  if (fchown(file, from.st_uid, from.st_gid) != 0 &&
      fchown(file, static_cast<uid_t>(-1), from.st_gid) != 0)
    mode = (mode & 0707) | ((mode & 07) << 3);
  fchmod(file, mode);
  inherit_attributes(file, old);
}

NewFile::NewFile(std::string doing, std::string path)
    : doing_(std::move(doing)),
      path_(std::move(path)),
      target_(behind_link(path_)),
      partial_(beside(target_)),
      file_(nullptr) {
  require_unprotected(doing_, target_);
  file_ = open_beside(partial_, target_);
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
  require_unprotected(doing, target);
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
