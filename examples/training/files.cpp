#include "files.hpp"

#include <xgrad/autograd/error.hpp>
#include <xgrad/nn/state.hpp>

#include <fmt/format.h>

namespace examples {

void require_writable(const std::string& path, const std::string& option) {
  try {
    xgrad::nn::require_writable(path);
  } catch (const xgrad::IOError& error) {
    throw xgrad::IOError(fmt::format("{}; name another place with {}", error.what(), option));
  }
}

}  // namespace examples
