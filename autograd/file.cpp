#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>

#include <cerrno>
#include <cstring>
#include <utility>

#include <unistd.h>

namespace xgrad::detail {

void raise_errno(const std::string& doing, const std::string& path) {
  raise<IOError>("{}: {}: {}", doing, path, std::strerror(errno));
}

NewFile::NewFile(std::string doing, std::string path)
    : doing_(std::move(doing)),
      path_(std::move(path)),
      partial_(path_ + ".partial"),
      file_(std::fopen(partial_.c_str(), "wb")) {
  if (file_ == nullptr) fail(partial_);
}

NewFile::~NewFile() {
  if (file_ != nullptr) std::fclose(file_);
  std::remove(partial_.c_str());
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
  const bool closed = std::fclose(std::exchange(file_, nullptr)) == 0;
  if (!closed || std::rename(partial_.c_str(), path_.c_str()) != 0) fail(path_);
}

void write_file(const std::string& doing, const std::string& path, std::string_view bytes) {
  NewFile file(doing, path);
  file.write(bytes.data(), bytes.size());
  file.finish();
}

}  // namespace xgrad::detail
