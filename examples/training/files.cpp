#include "files.hpp"

#include <xgrad/autograd/error.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

namespace examples {

void require_writable(const std::string& path, const std::string& option) {
  const std::string partial = path + ".partial";  // what it will be written as
  const bool existed = std::filesystem::exists(partial);
  std::FILE* file = std::fopen(partial.c_str(), "ab");
  if (file == nullptr)
    throw xgrad::IOError(fmt::format("{} cannot be written ({}); name another place with {}", path,
                                     std::strerror(errno), option));
  std::fclose(file);
  if (!existed) std::filesystem::remove(partial);
}

}  // namespace examples
