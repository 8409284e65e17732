#pragma once
// Internal: what the picture formats have in common, and a reader for each.

#include <xgrad/autograd/raise.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace xgrad::datasets {

using Bytes = std::span<const std::uint8_t>;

/// A picture as its file has it, without transparency.
struct Raster {
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t channels = 0;  // one, or red, green and blue
  /// [height, width, channels], of 65535: a multiple of what 1, 2, 4 and 8 bits reach.
  std::vector<std::uint16_t> levels = {};
  int orientation = 1;  // 1 to 8 as in EXIF; 1: as it lies
};

inline constexpr std::uint16_t full_level = 65535;

/// A raster of that size, all black. No reader makes one before PictureFile::require_size.
Raster make_raster(std::uint64_t width, std::uint64_t height, std::int64_t channels);

/// Why a file is no picture, or none that is read; read_image puts the file's name in front.
struct PictureError {
  std::string why;
};

template <class... Args>
[[noreturn]] void bad_picture(fmt::format_string<Args...> format, Args&&... args) {
  throw PictureError{fmt::vformat(format, fmt::make_format_args(args...))};
}

/// A file, and how large a picture its reader's caller takes.
struct PictureFile {
  Bytes bytes;
  std::uint64_t most_pixels;

  /// Throws PictureError where a picture of that size has no pixel, too many, or more than
  /// `held`, all that these bytes can hold at their format's densest: a few bytes may not cost
  /// gigabytes. What is small is read in any case, as formats know to skip what is of one colour.
  void require_size(std::uint64_t width, std::uint64_t height, std::uint64_t held) const;
};

/// Bytes read from front to back, never past their end.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

  std::size_t position() const { return at_; }
  std::size_t left() const { return bytes_.size() - at_; }
  void seek(std::size_t position) {
    if (position > bytes_.size()) ends_early();
    at_ = position;
  }
  Bytes take(std::size_t count) {
    if (count > left()) ends_early();
    return bytes_.subspan(std::exchange(at_, at_ + count), count);
  }
  Bytes rest() const { return bytes_.subspan(at_); }
  std::uint8_t u8() { return take(1)[0]; }
  std::uint32_t little(std::size_t count) {
    std::uint32_t value = 0;
    const Bytes bytes = take(count);
    for (std::size_t i = count; i-- > 0;) value = value << 8 | bytes[i];
    return value;
  }
  std::uint32_t big(std::size_t count) {
    std::uint32_t value = 0;
    for (const std::uint8_t byte : take(count)) value = value << 8 | byte;
    return value;
  }

 private:
  [[noreturn]] void ends_early() const {
    bad_picture("the file ends early, after {} bytes", bytes_.size());
  }

  Bytes bytes_;
  std::size_t at_ = 0;
};

struct Rgb {
  std::uint16_t red = 0;
  std::uint16_t green = 0;
  std::uint16_t blue = 0;
};

/// `count` entries of red, green, blue, 8 bits each.
std::vector<Rgb> read_palette(ByteReader& in, std::size_t count);
/// Throws PictureError for an index that the palette has no colour for.
Rgb colour_at(const std::vector<Rgb>& palette, std::size_t index);

/// The orientation that EXIF data say, from their byte order on; 1 where they say none.
int exif_orientation(Bytes tiff);

Raster read_png(const PictureFile& file);
Raster read_jpeg(const PictureFile& file);
Raster read_bmp(const PictureFile& file);
Raster read_gif(const PictureFile& file);

}  // namespace xgrad::datasets
