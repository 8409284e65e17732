#pragma once
#include <string>

namespace examples {

/// Fails before the training, not after it, where a file cannot be written (IOError); `option` is
/// what names it.
void require_writable(const std::string& path, const std::string& option);

/// A path as it is shown: from the root, where there is a folder to start from.
std::string shown(const std::string& path);

}  // namespace examples
