#pragma once
// What the targets of the picture formats share.

#include <xgrad/datasets/image.hpp>

#include <string>
#include <string_view>

#include "fuzz.hpp"

namespace fuzz {

/// Reads a picture that begins with `magic`, so that no input is lost to another format. It may not
/// be large: a target's worth is how many inputs it sees.
inline void read_picture(std::string bytes, std::string_view magic) {
  static const Folder folder;
  bytes.replace(0, magic.size(), magic);
  const std::string path = folder.put("picture", bytes);
  only_errors([&] { xgrad::datasets::read_image(path, 3, {.most_pixels = 1 << 16}); });
  only_errors([&] { xgrad::datasets::read_image(path, 1, {.most_pixels = 1 << 10}); });
}

}  // namespace fuzz
