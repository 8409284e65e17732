#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <string>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

struct ReadImageOptions {
  /// A larger picture is an error. 2²⁷ take 1.6 GB in three channels, and about as much again while
  /// they are read.
  std::int64_t most_pixels = std::int64_t{1} << 27;
};

/// A picture from a PNG, JPEG, BMP or GIF file (its first picture): float32 [channels, H, W] in
/// [0, 1], one channel (grey: 0.299 red + 0.587 green + 0.114 blue) or three (red, green, blue)
/// whatever the file has. Every colour model, depth and order of these formats is read, 16 bits as
/// such, and turned upright as its EXIF data say. Transparency is dropped, and so are colour
/// profiles, as in PIL and torchvision. IOError with the reason where the file is missing, is no
/// such picture, ends early, fails a checksum, is damaged as far as the format lets it be seen or
/// is coded as few are (a JPEG with 12 bits, lossless coding or more than 100 scans), where the
/// picture is too large for the options or, from 2²⁰ pixels on, for the size of its file, and where
/// libjpeg-turbo or libpng is missing; ValueError for other numbers of channels.
Tensor read_image(const std::string& path, std::int64_t channels = 3,
                  const ReadImageOptions& options = {});

}  // namespace xgrad::datasets

#pragma GCC visibility pop
