#include "files.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/nn/state.hpp>

#include <filesystem>

#include <fmt/format.h>

namespace examples {

void require_writable(const std::string& path, const std::string& option) {
  try {
    xgrad::nn::require_writable(path);
  } catch (const xgrad::IOError& error) {
    throw xgrad::IOError(fmt::format("{}; name another place with {}", error.what(), option));
  }
}

std::string shown(const std::string& path) {
  std::error_code gone;  // the folder that the program was started in
  const std::string whole = std::filesystem::absolute(path, gone).string();
  return xgrad::excerpt(gone ? path : whole);
}

}  // namespace examples
