#include "files.hpp"

#include <xgrad/autograd/error.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <unistd.h>

namespace examples {

namespace fs = std::filesystem;

void require_writable(const std::string& path, const std::string& option) {
  const auto refuse = [&](int error) {
    throw xgrad::IOError(fmt::format("{} cannot be written ({}); name another place with {}", path,
                                     std::strerror(error), option));
  };
  std::error_code none;  // what cannot be looked at is told by the opening
  const fs::file_status there = fs::status(path, none);
  if (fs::is_directory(there)) refuse(EISDIR);
  if (fs::exists(there) && !fs::is_regular_file(there)) {
    // Devices and pipes are written as they are; opening a pipe would be its reader's end already.
    if (access(path.c_str(), W_OK) != 0) refuse(errno);
    return;
  }
  const std::string partial = path + ".partial";  // what it will be written as
  const bool existed = fs::exists(partial, none);
  std::FILE* file = std::fopen(partial.c_str(), "ab");
  if (file == nullptr) refuse(errno);
  std::fclose(file);
  if (!existed) fs::remove(partial);
}

}  // namespace examples
