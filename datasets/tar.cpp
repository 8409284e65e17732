#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/datasets/archive.hpp>
#include <xgrad/datasets/shared_library.hpp>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>

#include <archive.h>
#include <archive_entry.h>

namespace xgrad::datasets {
namespace {

/// What is used of libarchive.
struct Archive {
  SharedLibrary library{"libarchive.so.13", "read_tar", "libarchive-dev"};
  XGRAD_SHARED_FUNCTION(archive_entry_filetype)
  XGRAD_SHARED_FUNCTION(archive_entry_pathname)
  XGRAD_SHARED_FUNCTION(archive_errno)
  XGRAD_SHARED_FUNCTION(archive_error_string)
  XGRAD_SHARED_FUNCTION(archive_read_data)
  XGRAD_SHARED_FUNCTION(archive_read_free)
  XGRAD_SHARED_FUNCTION(archive_read_new)
  XGRAD_SHARED_FUNCTION(archive_read_next_header)
  XGRAD_SHARED_FUNCTION(archive_read_open)
  XGRAD_SHARED_FUNCTION(archive_read_support_format_tar)
};

const Archive& lib() {
  static const Archive instance;
  return instance;
}

constexpr const char* unreadable = "not a readable tar archive";
constexpr std::size_t block = 1 << 17;

/// The archive's bytes, unpacked by zlib: libarchive does not look at the checksums of gzip.
class Source {
 public:
  explicit Source(const std::string& path) : file_(path), block_(block) {}

  /// For libarchive, which no exception may pass.
  static la_ssize_t next(archive*, void* source, const void** bytes) noexcept {
    auto& self = *static_cast<Source*>(source);
    try {
      *bytes = self.block_.data();
      return static_cast<la_ssize_t>(self.read());
    } catch (...) {
      self.error_ = std::current_exception();
      return -1;
    }
  }

  void check() const {
    if (error_) std::rethrow_exception(error_);
  }
  /// The checksum is behind all that libarchive reads.
  void finish() {
    while (read() > 0) {
    }
  }

 private:
  std::size_t read() {
    return file_.read_up_to(block_.data(), static_cast<unsigned>(block), unreadable);
  }

  ByteFile file_;
  std::vector<std::uint8_t> block_;
  std::exception_ptr error_;
};

}  // namespace

void read_tar(
    const std::string& path, std::uint64_t most_bytes,
    const std::function<bool(const std::string& name)>& wants,
    const std::function<void(const std::string& name, std::vector<std::uint8_t>)>& visit) {
  require<ValueError>(wants && visit, "read_tar: a function is empty");
  Source source(path);
  const std::unique_ptr<archive, decltype(archive_read_free)*> tar(lib().archive_read_new(),
                                                                   lib().archive_read_free);
  lib().archive_read_support_format_tar(tar.get());
  const auto check = [&](la_ssize_t code) {
    if (code >= ARCHIVE_OK) return;
    source.check();
    const char* const what = lib().archive_error_string(tar.get());
    const int error = lib().archive_errno(tar.get());
    const bool is_of_system =
        error > 0 && error != EILSEQ && error != EINVAL;  // its own kinds of damage
    raise<IOError>("{}: {}: {}{}", excerpt(path), unreadable,
                   excerpt(what != nullptr ? what : "damaged"),
                   is_of_system ? std::string(": ") + std::strerror(error) : "");
  };
  check(lib().archive_read_open(tar.get(), &source, nullptr, &Source::next, nullptr));
  archive_entry* entry = nullptr;
  while (true) {
    const int code = lib().archive_read_next_header(tar.get(), &entry);
    if (code == ARCHIVE_EOF) break;
    check(code);
    const char* full = lib().archive_entry_pathname(entry);
    const std::string name = std::filesystem::path(full ? full : "").filename().string();
    if (lib().archive_entry_filetype(entry) != AE_IFREG || !wants(name)) continue;
    std::vector<std::uint8_t> bytes;
    while (true) {
      const std::size_t before = bytes.size();
      if (before > most_bytes)
        raise<IOError>("{}: entry {} has more than {} bytes", excerpt(path), excerpt(name),
                       most_bytes);
      bytes.resize(before + block);
      const la_ssize_t got = lib().archive_read_data(tar.get(), bytes.data() + before, block);
      check(got);
      bytes.resize(before + static_cast<std::size_t>(got));
      if (got == 0) break;
    }
    visit(name, std::move(bytes));
  }
  source.finish();
}

}  // namespace xgrad::datasets
