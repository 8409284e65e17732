#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <string>

namespace xgrad::datasets {

/// A picture from a file (PNG, JPEG, BMP, GIF, by stb_image): float32 [channels, H, W] in [0, 1],
/// one channel (grey) or three (red, green, blue) whatever the file has; transparency is dropped.
/// Where a file breaks off, the rest may be black. IOError where it is missing or no picture,
/// ValueError for other numbers of channels.
Tensor read_image(const std::string& path, std::int64_t channels = 3);

}  // namespace xgrad::datasets
