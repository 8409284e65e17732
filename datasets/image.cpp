#include <xgrad/autograd/file.hpp>
#include <xgrad/datasets/image.hpp>
#include <xgrad/datasets/picture.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string_view>
#include <type_traits>

namespace xgrad::datasets {

void PictureFile::require_size(std::uint64_t width, std::uint64_t height,
                               std::uint64_t held) const {
  constexpr std::uint64_t small = std::uint64_t{1} << 20;
  if (width == 0 || height == 0 || width > most_pixels / height)
    bad_picture("{} x {} pixels; it must be from 1 to {} in all", width, height, most_pixels);
  if (width * height > std::max(small, held))
    bad_picture("its {} bytes cannot hold {} x {} pixels", bytes.size(), width, height);
}

Raster make_raster(std::uint64_t width, std::uint64_t height, std::int64_t channels) {
  Raster raster{.width = static_cast<std::int64_t>(width),
                .height = static_cast<std::int64_t>(height),
                .channels = channels};
  raster.levels.resize(static_cast<std::size_t>(raster.width * raster.height * channels));
  return raster;
}

std::vector<Rgb> read_palette(ByteReader& in, std::size_t count) {
  constexpr int scale = full_level / 255;
  std::vector<Rgb> palette;
  for (std::size_t i = 0; i < count; ++i) {
    const auto level = [&] { return static_cast<std::uint16_t>(in.u8() * scale); };
    palette.push_back({level(), level(), level()});
  }
  return palette;
}

Rgb colour_at(const std::vector<Rgb>& palette, std::size_t index) {
  if (index >= palette.size())
    bad_picture("a pixel has colour {} of a palette of {}", index, palette.size());
  return palette[index];
}

int exif_orientation(Bytes tiff) try {
  ByteReader in(tiff);
  const std::uint32_t order = in.big(2);
  const bool little = order == 0x4949;  // "II"; otherwise "MM"
  if (!little && order != 0x4D4D) return 1;
  const auto number = [&](std::size_t bytes) { return little ? in.little(bytes) : in.big(bytes); };
  if (number(2) != 42) return 1;
  in.seek(number(4));
  for (std::uint32_t entries = number(2); entries > 0; --entries) {
    constexpr std::uint32_t orientation_tag = 0x112, short_type = 3;
    const std::uint32_t tag = number(2), type = number(2), count = number(4), value = number(2);
    in.take(2);
    if (tag == orientation_tag && type == short_type && count == 1)
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
} catch (const PictureError&) {
  return 1;  // data beside the picture that break off say nothing of it
}

namespace {

struct Format {
  std::string_view magic;
  const char* name;
  Raster (*read)(const PictureFile& file);
};

constexpr std::array formats{Format{"\x89PNG\r\n\x1a\n", "PNG", &read_png},
                             Format{"\xff\xd8\xff", "JPEG", &read_jpeg},
                             Format{"BM", "BMP", &read_bmp}, Format{"GIF87a", "GIF", &read_gif},
                             Format{"GIF89a", "GIF", &read_gif}};

const Format& format_of(const std::string& path, Bytes begin) {
  const std::string_view text(reinterpret_cast<const char*>(begin.data()), begin.size());
  const auto* const found = std::ranges::find_if(
      formats, [&](const Format& format) { return text.starts_with(format.magic); });
  if (found == formats.end())
    raise<IOError>("read_image: {}: not a PNG, JPEG, BMP or GIF file", path);
  return *found;
}

struct Contents {
  const Format& format;
  std::vector<std::uint8_t> bytes;
};

/// What is no picture is not read further than to see that: it may have no end, as /dev/zero.
Contents contents_of(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             std::fclose);
  if (file == nullptr) xgrad::detail::raise_errno("read_image: cannot read", path);
  std::vector<std::uint8_t> bytes;
  const auto read_block = [&] {
    constexpr std::size_t block = 1 << 16;
    const std::size_t before = bytes.size();
    bytes.resize(before + block);
    const std::size_t got = std::fread(bytes.data() + before, 1, block, file.get());
    if (std::ferror(file.get()) != 0) xgrad::detail::raise_errno("read_image: cannot read", path);
    bytes.resize(before + got);
    return got == block;
  };
  bool more = read_block();
  const Format& format = format_of(path, bytes);
  while (more) more = read_block();
  return {format, std::move(bytes)};
}

Raster read_raster(const std::string& path, std::uint64_t most_pixels) {
  const auto [format, bytes] = contents_of(path);
  try {
    return format.read({bytes, most_pixels});
  } catch (const PictureError& error) {
    raise<IOError>("read_image: {}: {}: {}", path, format.name, error.why);
  }
}

/// How the upright picture lies in the raster, in pixels.
struct Walk {
  std::int64_t start;
  std::int64_t right;  // to the next pixel of a row
  std::int64_t down;   // to the next row
};

Walk walk_of(const Raster& raster) {
  const std::int64_t w = raster.width, last_row = w * (raster.height - 1);
  const std::int64_t top_right = w - 1, last = last_row + w - 1;
  const std::array<Walk, 8> walks{{{0, 1, w},
                                   {top_right, -1, w},
                                   {last, -1, -w},
                                   {last_row, 1, -w},
                                   {0, w, 1},
                                   {last_row, -w, 1},
                                   {last, -w, -1},
                                   {top_right, w, -1}}};
  return walks[static_cast<std::size_t>(raster.orientation - 1)];
}

float brightness(const std::uint16_t* rgb) {
  return static_cast<float>((299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / (1000. * full_level));
}

}  // namespace

Tensor read_image(const std::string& path, std::int64_t channels, const ReadImageOptions& options) {
  require<ValueError>(channels == 1 || channels == 3, "read_image: {} channels; it gives 1 or 3",
                      channels);
  require<ValueError>(options.most_pixels > 0,
                      "read_image: most_pixels is {}; it must be at least 1", options.most_pixels);
  const Raster raster = read_raster(path, static_cast<std::uint64_t>(options.most_pixels));
  const bool turned = raster.orientation > 4;  // by a quarter
  const std::int64_t height = turned ? raster.width : raster.height;
  const std::int64_t width = turned ? raster.height : raster.width;
  Tensor image = Tensor::empty({channels, height, width}, float32);
  const Walk walk = walk_of(raster);
  // Most pictures lie upright: then the compiler knows how far apart the pixels of a row are.
  const auto fill = [&](std::int64_t channel, const auto& value) {
    const auto rows = [&](auto step) {
      float* out = image.mutable_data<float>() + channel * height * width;
      for (std::int64_t y = 0; y < height; ++y, out += width) {
        const std::uint16_t* in =
            raster.levels.data() + (walk.start + y * walk.down) * raster.channels;
        for (std::int64_t x = 0; x < width; ++x) out[x] = value(in + x * step);
      }
    };
    if (walk.right == 1 && raster.channels == 3) return rows(std::integral_constant<int, 3>());
    if (walk.right == 1) return rows(std::integral_constant<int, 1>());
    rows(walk.right * raster.channels);
  };
  if (channels < raster.channels) {
    fill(0, brightness);
    return image;
  }
  for (std::int64_t c = 0; c < channels; ++c)
    fill(c, [from = std::min(c, raster.channels - 1)](const std::uint16_t* pixel) {
      return static_cast<float>(pixel[from]) / full_level;
    });
  return image;
}

}  // namespace xgrad::datasets
