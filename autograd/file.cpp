#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <new>
#include <utility>

#include <climits>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace xgrad::detail {

using namespace std::string_view_literals;

void raise_errno(const std::string& doing, const std::string& path) {
  const char* const reason = std::strerror(errno);  // before anything else can change it
  raise<IOError>("{}: {}: {}", doing, excerpt(path), reason);
}

namespace fs = std::filesystem;

std::string behind_link(const std::string& path) {
  std::error_code none;
  const fs::file_status there = fs::status(path, none);
  if (!fs::is_symlink(path, none)) return path;
  if (fs::is_regular_file(there)) {
    const fs::path target = fs::canonical(path, none);
    return none ? path : target.string();
  }
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

/// The name under which a file in the place of `target` is written.
std::string name_beside(const fs::path& target, std::size_t most, unsigned number) {
  const std::string end = fmt::format(".{}.partial", number);
  const std::string name = target.filename().string();
  return (target.parent_path() / fmt::format(".{}{}", beginning(name, most - 1 - end.size()), end))
      .string();
}

/// The longest name that a file beside `target` can have.
std::size_t longest_name(const fs::path& target) {
  const std::string directory = target.has_parent_path() ? target.parent_path().string() : ".";
  const long most = pathconf(directory.c_str(), _PC_NAME_MAX);
  constexpr long least = 32;  // room for number and ending
  return static_cast<std::size_t>(most < least ? NAME_MAX : most);
}

bool lock(const Descriptor& file) { return flock(file.number(), LOCK_EX | LOCK_NB) == 0; }

/// Removes what a program that was killed left: whoever still writes has it locked.
bool remove_leftover(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return file && lock(file) && is_same_file(file, path) && unlink(path.c_str()) == 0;
}

/// Of several that were killed nobody may come by the higher numbers again.
void remove_later_leftovers(const std::string& target, std::size_t most, unsigned number) {
  constexpr unsigned more = 8;
  try {
    for (unsigned i = 1; i <= more; ++i) remove_leftover(name_beside(target, most, number + i));
  } catch (const std::bad_alloc&) {  // the next one will
  }
}

/// Makes a file beside `target` that nobody else writes, and locks it; none where errno says why.
Descriptor make_beside(const std::string& target, mode_t mode, std::string& path) {
  const std::size_t most = longest_name(target);
  for (unsigned number = 0;; ++number) {
    path = name_beside(target, most, number);
    const auto make = [&] {
      return Descriptor(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    };
    Descriptor file = make();
    if (!file && errno == EEXIST) {
      if (!remove_leftover(path)) continue;
      file = make();
    }
    if (!file && errno == EEXIST) continue;
    if (!file) return file;
    remove_later_leftovers(target, most, number);
    // Before it was locked it may have looked like a leftover. Some file systems have no locks: on
    // them nothing does.
    if ((lock(file) || errno != EWOULDBLOCK) && is_same_file(file, path)) return file;
  }
}

/// Renaming does not ask whether the old file is write-protected.
void require_unprotected(const std::string& doing, const std::string& target) {
  std::error_code none;
  if (fs::is_regular_file(target, none) && access(target.c_str(), W_OK) != 0)
    raise_errno(doing + ": cannot write", target);
}

/// What stands at `target`: a file or nothing is replaced, anything else written as it is. IOError
/// where that cannot be told, for a reason that would come up when all is written.
bool is_replaced(const std::string& doing, const std::string& path, const std::string& target) {
  struct stat there {};
  if (target.empty() || target.find('\0') != std::string::npos) {
    errno = target.empty() ? ENOENT : EINVAL;
    raise_errno(doing + ": cannot write", path);
  }
  if (stat(target.c_str(), &there) == 0) return S_ISREG(there.st_mode);
  if (errno != ENOENT) raise_errno(doing + ": cannot write", path);
  return true;
}

/// The names in a directory are on the disk; where that cannot be asked for, they are as safe as
/// they get.
bool sync_directory(const fs::path& directory) {
  const Descriptor file(
      open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return !file || fsync(file.number()) == 0 || errno == EINVAL || errno == EROFS;
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

bool is_same_file(const Descriptor& file, const std::string& path) {
  struct stat open {};
  struct stat there {};
  return fstat(file.number(), &open) == 0 && stat(path.c_str(), &there) == 0 &&
         open.st_dev == there.st_dev && open.st_ino == there.st_ino;
}

void Descriptor::close() noexcept {
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

NewFile::NewFile(std::string doing, std::string path)
    : doing_(std::move(doing)), path_(std::move(path)), target_(behind_link(path_)) {
  const bool replaced = is_replaced(doing_, path_, target_);
  require_unprotected(doing_, target_);
  Descriptor file = replaced ? make_replacement()
                             : Descriptor(open(target_.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (file && (!replaced || lock_)) file_ = fdopen(file.number(), "wb");
  if (file_ != nullptr) {
    file.release();
    return;
  }
  const int reason = errno;
  if (file && replaced) unlink(partial_.c_str());
  errno = reason;
  fail();
}

/// Makes the file beside the old one, with a lock on it that outlives the stream, whose end may
/// fail, until the file has its name.
Descriptor NewFile::make_replacement() {
  // One that nobody else reads before it has the permissions of the old one.
  const bool existed = access(target_.c_str(), F_OK) == 0;
  Descriptor file = make_beside(target_, existed ? 0600 : 0666, partial_);
  if (!file) return file;
  try {
    inherit(file.number(), target_);
  } catch (...) {  // without memory
    unlink(partial_.c_str());
    throw;
  }
  lock_ = Descriptor(fcntl(file.number(), F_DUPFD_CLOEXEC, 0));
  return file;
}

NewFile::~NewFile() {
  if (file_ != nullptr) std::fclose(file_);
  if (!partial_.empty()) unlink(partial_.c_str());
}

void NewFile::fail() const { raise_errno(doing_ + ": cannot write", path_); }

void NewFile::write(const void* data, std::size_t bytes) {
  if (bytes > 0 && std::fwrite(data, 1, bytes, file_) != bytes) fail();
}

void NewFile::sync() {
  durable_ = true;
  if (std::fflush(file_) != 0) fail();
  // Files that cannot be synced, such as pipes and devices, are as good as they get.
  if (fsync(fileno(file_)) != 0 && errno != EINVAL && errno != EROFS) fail();
}

void NewFile::finish() {
  if (std::fclose(std::exchange(file_, nullptr)) != 0) fail();
  if (partial_.empty()) return;
  if (std::rename(partial_.c_str(), target_.c_str()) != 0) fail();
  partial_.clear();
  lock_.close();
  if (durable_ && !sync_directory(fs::path(target_).parent_path())) fail();
}

OldFile::OldFile(std::string doing, std::string path)
    : doing_(std::move(doing)),
      path_(std::move(path)),
      // Opening a pipe would wait for somebody who writes to it.
      file_(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  struct stat there {};
  if (path_.find('\0') != std::string::npos) fail("has a zero byte in its name");
  if (!file_ || fstat(file_.number(), &there) != 0) raise_errno(doing_ + ": cannot read", path_);
  if (S_ISDIR(there.st_mode)) fail("is a directory");
  if (!S_ISREG(there.st_mode)) fail("is a pipe or a device, not a file");
  size_ = static_cast<std::uint64_t>(there.st_size);
}

void OldFile::read(void* data, std::size_t bytes, std::uint64_t offset) const {
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t got = pread(file_.number(), static_cast<char*>(data) + done, bytes - done,
                              static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) raise_errno(doing_ + ": cannot read", path_);
    if (got == 0) fail("ends early");
    done += static_cast<std::size_t>(got);
  }
}

void OldFile::fail(const char* what) const {
  raise<IOError>("{}: {}: {}", doing_, excerpt(path_), what);
}

void require_writable(const std::string& doing, const std::string& path) {
  const std::string target = behind_link(path);
  std::error_code none;
  if (is_replaced(doing, path, target) || fs::is_directory(target, none)) {
    const NewFile tried(doing, path);
  } else if (access(target.c_str(), W_OK) != 0) {
    // Opening a pipe would be its reader's end already.
    raise_errno(doing + ": cannot write", path);
  }
}

void write_file(const std::string& doing, const std::string& path, std::string_view bytes) {
  NewFile file(doing, path);
  file.write(bytes.data(), bytes.size());
  file.finish();
}

}  // namespace xgrad::detail
