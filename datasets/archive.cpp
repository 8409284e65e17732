#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/datasets/archive.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <zlib.h>

namespace xgrad::datasets {
namespace {

gzFile handle(void* file) { return static_cast<gzFile>(file); }

constexpr std::uint64_t deflate_limit = 1032;

}  // namespace

/// Size of a plain, readable file; an IOError that says why not otherwise.
std::uint64_t size_of_file(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::status_known(status))
    raise<IOError>("{}: {}", excerpt(path), error.message());
  if (!std::filesystem::exists(status)) raise<IOError>("{}: no such file", excerpt(path));
  if (std::filesystem::is_directory(status))
    raise<IOError>("{}: is a directory, expected a file", excerpt(path));
  const auto size = std::filesystem::file_size(path, error);
  if (error) raise<IOError>("{}: {}", excerpt(path), error.message());
  if (size == 0) raise<IOError>("{}: the file is empty", excerpt(path));
  return size;
}

ByteFile::ByteFile(const std::string& path) : path_(path), size_(size_of_file(path)) {
  file_ = gzopen(path.c_str(), "rb");
  if (file_ == nullptr)
    raise<IOError>("{}: cannot be read: {}", excerpt(path), std::strerror(errno));
  gzbuffer(handle(file_), 1 << 17);
}

ByteFile::~ByteFile() {
  if (file_ != nullptr) gzclose_r(handle(file_));
}

void ByteFile::fail(const std::string& what) const {
  raise<IOError>("{}: {}", excerpt(path_), what);
}

int ByteFile::read_some(void* data, unsigned bytes) {
  const int got = gzread(handle(file_), data, bytes);
  // Kept, since zlib 1.3.2 forgets at the next call that the end was missing.
  int code = Z_OK;
  const char* reason = gzerror(handle(file_), &code);
  if (error_ == Z_OK && code != Z_OK && code != Z_STREAM_END) {
    error_ = code;
    reason_ = reason;
  }
  return got;
}

void ByteFile::read(void* data, std::size_t bytes, const char* what) {
  constexpr std::size_t most = 1 << 30;
  auto* out = static_cast<std::uint8_t*>(data);
  for (std::size_t done = 0; done < bytes;) {
    const auto want = static_cast<unsigned>(std::min(most, bytes - done));
    const int got = read_some(out + done, want);
    if (got <= 0) {
      const bool damaged = error_ != Z_OK && error_ != Z_BUF_ERROR;
      fail(fmt::format("offset {}: the file {} in {}: {} of {} bytes were there{}", offset_,
                       damaged ? "is damaged" : "ends", what, done, bytes,
                       damaged ? fmt::format(" ({})", reason_) : ""));
    }
    done += static_cast<std::size_t>(got);
    offset_ += static_cast<std::uint64_t>(got);
  }
}

std::size_t ByteFile::read_up_to(void* data, unsigned bytes, const char* doing) {
  const int got = read_some(data, bytes);
  if (error_ != Z_OK)
    fail(fmt::format("{}: offset {}: what is packed {} ({})", doing, offset_,
                     error_ == Z_BUF_ERROR ? "does not end properly" : "is damaged", reason_));
  offset_ += static_cast<std::uint64_t>(std::max(got, 0));
  return static_cast<std::size_t>(std::max(got, 0));
}

std::uint32_t ByteFile::read_u32(const char* what) {
  std::uint8_t b[4];
  read(b, sizeof b, what);
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

void ByteFile::expect_end() {
  std::uint8_t more = 0;
  if (read_some(&more, 1) > 0)
    fail(fmt::format("offset {}: more bytes follow where the header says the data ends", offset_));
  if (error_ != Z_OK)
    fail(
        fmt::format("offset {}: the compressed data does not end properly ({})", offset_, reason_));
}

void ByteFile::expect_room(std::uint64_t bytes, const char* what) const {
  const bool raw = gzdirect(handle(file_)) != 0;
  const std::uint64_t most = raw ? size_ - std::min(size_, offset_) : size_ * deflate_limit;
  if (bytes > most)
    fail(fmt::format("the header promises {} bytes of {}, a {} file of {} bytes holds at most {}",
                     bytes, what, raw ? "raw" : "gzip", size_, most));
}

}  // namespace xgrad::datasets
