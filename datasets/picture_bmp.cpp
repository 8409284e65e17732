// BMP, as Windows and OS/2 wrote it: palettes, run lengths, bit masks.

#include <xgrad/datasets/picture.hpp>

#include <algorithm>
#include <array>
#include <bit>

namespace xgrad::datasets {
namespace {

enum Compression { none = 0, runs_of_8 = 1, runs_of_4 = 2, masks = 3, masks_with_alpha = 6 };

/// Where a channel's bits are in a pixel.
struct Mask {
  std::uint32_t bits;

  std::uint16_t level(std::uint32_t pixel) const {
    if (bits == 0) return 0;
    const int low = std::countr_zero(bits);
    const std::uint64_t most = bits >> low, value = (pixel & bits) >> low;
    if (most == 255) return static_cast<std::uint16_t>(value * (full_level / 255));
    return static_cast<std::uint16_t>((value * full_level + most / 2) / most);
  }
  bool is_run() const {
    return bits == 0 || std::has_single_bit((bits >> std::countr_zero(bits)) + 1ULL);
  }
};

struct Header {
  std::uint32_t pixels_at = 0;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool top_down = false;
  std::uint32_t depth = 0;
  std::uint32_t compression = none;
  std::uint32_t colours = 0;  // 0: all that the depth can name
  std::array<Mask, 3> channels{};
  std::vector<Rgb> palette = {};
};

constexpr std::uint32_t core_header = 12, info_header = 40;

void read_size(ByteReader& in, std::uint32_t header_bytes, Header& header) {
  if (header_bytes == core_header) {
    header.width = in.little(2);
    header.height = in.little(2);
  } else {
    header.width = in.little(4);
    header.height = in.little(4);
    header.top_down = header.height >> 31 != 0;
    if (header.top_down) header.height = 0 - header.height;
  }
  in.take(2);  // planes
  header.depth = in.little(2);
  if (header_bytes == core_header) return;
  header.compression = in.little(4);
  in.take(12);  // size of the pixels, pixels a metre
  header.colours = in.little(4);
  in.take(4);
}

void read_channels(ByteReader& in, Header& header) {
  if (header.compression == masks || header.compression == masks_with_alpha) {
    for (Mask& mask : header.channels) mask.bits = in.little(4);
    for (const Mask& mask : header.channels)
      if (!mask.is_run())
        bad_picture("the channel's bits {:08x} are not beside each other", mask.bits);
    const std::uint32_t all =
        header.channels[0].bits | header.channels[1].bits | header.channels[2].bits;
    if (all == 0) bad_picture("no bit of a pixel has a colour");
  } else if (header.depth == 16) {
    header.channels = {Mask{0x7C00}, Mask{0x3E0}, Mask{0x1F}};
  } else {
    header.channels = {Mask{0xFF0000}, Mask{0xFF00}, Mask{0xFF}};
  }
}

void check(const Header& header) {
  constexpr std::array<std::uint32_t, 7> depths{1, 2, 4, 8, 16, 24, 32};
  const bool masked = header.compression == masks || header.compression == masks_with_alpha;
  const bool fits = header.compression == none
                        ? std::ranges::find(depths, header.depth) != depths.end()
                    : header.compression == runs_of_8 ? header.depth == 8
                    : header.compression == runs_of_4 ? header.depth == 4
                    : masked                          ? header.depth == 16 || header.depth == 32
                                                      : false;
  if (!fits)
    bad_picture("{} bits a pixel with compression {} are not read", header.depth,
                header.compression);
  if (header.top_down && (header.compression == runs_of_8 || header.compression == runs_of_4))
    bad_picture("run lengths from the top down, which the format has not");
}

/// Blue, green, red, and from Windows on an unused byte.
void read_colours(ByteReader& in, std::uint32_t header_bytes, Header& header) {
  if (header.depth > 8) return;
  const std::size_t entry = header_bytes == core_header ? 3 : 4;
  const std::size_t room =
      header.pixels_at > in.position() ? (header.pixels_at - in.position()) / entry : 0;
  const std::size_t named = std::size_t{1} << header.depth;
  const std::size_t count = std::min({header.colours == 0 ? named : header.colours, named, room});
  for (std::size_t i = 0; i < count; ++i) {
    ByteReader bytes(in.take(entry));
    const Rgb stored = read_palette(bytes, 1)[0];
    header.palette.push_back({stored.blue, stored.green, stored.red});
  }
}

Header read_header(Bytes file) {
  ByteReader in(file);
  in.seek(10);
  Header header{.pixels_at = in.little(4)};
  const std::size_t start = in.position();
  const std::uint32_t bytes = in.little(4);
  // Of OS/2, Windows 3, NT with masks, 4 and 5; two with masks that no documentation names.
  constexpr std::array<std::uint32_t, 6> known{core_header, info_header, 52, 56, 108, 124};
  if (std::ranges::find(known, bytes) == known.end())
    bad_picture("a header of {} bytes is not known", bytes);
  read_size(in, bytes, header);
  check(header);
  read_channels(in, header);
  // Masks are in the header from its third version on, behind it before.
  const std::size_t behind = header.compression == masks_with_alpha ? 16
                             : header.compression == masks          ? 12
                                                                    : 0;
  in.seek(start + bytes + (bytes == info_header ? behind : 0));
  read_colours(in, bytes, header);
  return header;
}

void put(Raster& raster, const Header& header, std::uint64_t x, std::uint64_t row, Rgb colour) {
  const std::uint64_t y = header.top_down ? row : header.height - 1 - row;
  std::uint16_t* out = raster.levels.data() + (y * header.width + x) * 3;
  out[0] = colour.red;
  out[1] = colour.green;
  out[2] = colour.blue;
}

void read_rows(ByteReader& in, const Header& header, Raster& raster) {
  const std::uint64_t row_bytes = (std::uint64_t{header.width} * header.depth + 31) / 32 * 4;
  for (std::uint64_t row = 0; row < header.height; ++row) {
    const Bytes bytes = in.take(row_bytes);
    for (std::uint64_t x = 0; x < header.width; ++x) {
      if (header.depth <= 8) {
        const std::uint64_t bit = x * header.depth;
        const auto index =
            static_cast<std::size_t>(bytes[bit / 8] >> (8 - header.depth - bit % 8)) &
            ((std::size_t{1} << header.depth) - 1);
        put(raster, header, x, row, colour_at(header.palette, index));
      } else {
        const std::size_t width = header.depth / 8;
        const std::uint32_t pixel = ByteReader(bytes.subspan(x * width, width)).little(width);
        const auto& [red, green, blue] = header.channels;
        put(raster, header, x, row, {red.level(pixel), green.level(pixel), blue.level(pixel)});
      }
    }
  }
}

/// Runs of one colour (or of two by turns, where a byte names two), and stretches without runs.
/// What is skipped has the palette's first colour.
class RunReader {
 public:
  RunReader(ByteReader in, const Header& header, Raster& raster)
      : in_(in), header_(header), raster_(raster) {}

  void read() {
    const Rgb ground = colour_at(header_.palette, 0);
    for (std::uint64_t row = 0; row < header_.height; ++row)
      for (std::uint64_t x = 0; x < header_.width; ++x) put(raster_, header_, x, row, ground);
    while (true) {
      const std::uint32_t count = in_.u8(), what = in_.u8();
      if (count > 0) {
        for (std::uint32_t i = 0; i < count; ++i) next(index(what, i));
      } else if (what == 0) {
        x_ = 0;
        ++row_;
      } else if (what == 1) {
        return;
      } else if (what == 2) {
        x_ += in_.u8();
        row_ += in_.u8();
      } else {
        stretch(what);
      }
    }
  }

 private:
  std::size_t index(std::uint32_t byte, std::uint32_t i) const {
    if (header_.compression == runs_of_8) return byte;
    return i % 2 == 0 ? byte >> 4 : byte & 15;
  }

  void stretch(std::uint32_t count) {
    const std::size_t bytes = header_.compression == runs_of_8 ? count : (count + 1) / 2;
    const Bytes values = in_.take((bytes + 1) / 2 * 2);
    for (std::uint32_t i = 0; i < count; ++i)
      next(index(values[header_.compression == runs_of_8 ? i : i / 2], i));
  }

  void next(std::size_t colour) {
    if (x_ >= header_.width || row_ >= header_.height) bad_picture("a run leaves the picture");
    put(raster_, header_, x_++, row_, colour_at(header_.palette, colour));
  }

  ByteReader in_;
  const Header& header_;
  Raster& raster_;
  std::uint64_t x_ = 0;
  std::uint64_t row_ = 0;
};

}  // namespace

Raster read_bmp(const PictureFile& file) {
  const Header header = read_header(file.bytes);
  ByteReader in(file.bytes);
  in.seek(header.pixels_at);
  const bool runs = header.compression == runs_of_8 || header.compression == runs_of_4;
  const std::uint64_t row_bytes = (std::uint64_t{header.width} * header.depth + 31) / 32 * 4;
  if (!runs && header.height > 0 && row_bytes > in.left() / header.height)
    bad_picture("the file ends early: {} bytes of pixels, {} rows of {} are needed", in.left(),
                header.height, row_bytes);
  // A run of 255 pixels takes two bytes. What runs skip they could skip without end.
  const std::uint64_t bytes = file.bytes.size();
  file.require_size(header.width, header.height, runs ? bytes * 255 / 2 : bytes * 8);
  Raster raster = make_raster(header.width, header.height, 3);
  if (runs) {
    RunReader(in, header, raster).read();
  } else {
    read_rows(in, header, raster);
  }
  return raster;
}

}  // namespace xgrad::datasets
