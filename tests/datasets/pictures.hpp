#pragma once
// Pictures with known pixels, and writers of PNG, BMP and GIF files that hold them.

#include <xgrad/datasets/image.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <random>

#include "support.hpp"
#include <zlib.h>

namespace support {

inline std::mt19937 random_numbers(1);  // NOLINT: the same pictures each time

inline unsigned any(unsigned below) { return static_cast<unsigned>(random_numbers() % below); }

/// Red, green and blue of each pixel, 0 to 1.
struct Expected {
  std::size_t width;
  std::size_t height;
  std::vector<std::array<double, 3>> pixels;
};

class Read {
 public:
  explicit Read(const std::string& bytes) { write_file(path, bytes); }
  Tensor image(std::int64_t channels = 3) const { return datasets::read_image(path, channels); }
  /// What is said of the file, without its name.
  std::string problem() const {
    const auto message = message_of<IOError>([&] { image(); });
    const std::string begin = "read_image: " + path + ": ";
    return message.starts_with(begin) ? message.substr(begin.size()) : message;
  }

 private:
  TemporaryDirectory directory_;

 public:
  const std::string path = directory_.file("picture");
};

/// The largest difference of any value, in units of 1.
inline double difference(const Tensor& image, const Expected& expected) {
  const auto height = static_cast<std::int64_t>(expected.height);
  const auto width = static_cast<std::int64_t>(expected.width);
  REQUIRE(image.shape() == Shape{3, height, width});
  const auto got = values(image);
  double most = 0;
  for (std::size_t c = 0; c < 3; ++c)
    for (std::size_t i = 0; i < expected.pixels.size(); ++i)
      most = std::max(most, std::abs(got[c * expected.pixels.size() + i] - expected.pixels[i][c]));
  return most;
}

// A level over its largest, rounded to float32 and compared with float64.
inline constexpr double exact = 0x1p-24;

inline void little(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}

inline void big(std::string& out, std::uint32_t value, int bytes) {
  for (int i = bytes; i-- > 0;) out += static_cast<char>(value >> (8 * i) & 255);
}

// ----------------------------------------------------------------------------------------------
// PNG

inline std::string chunk(const std::string& type, const std::string& data) {
  std::string out;
  big(out, static_cast<std::uint32_t>(data.size()), 4);
  out += type + data;
  const std::string summed = type + data;
  big(out,
      static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(summed.data()),
                                       static_cast<uInt>(summed.size()))),
      4);
  return out;
}

inline std::string packed(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  REQUIRE(compress(reinterpret_cast<Bytef*>(out.data()), &size,
                   reinterpret_cast<const Bytef*>(bytes.data()),
                   static_cast<uLong>(bytes.size())) == Z_OK);
  out.resize(size);
  return out;
}

inline const std::string png_signature = "\x89PNG\r\n\x1a\n";

struct Png {
  std::uint32_t width, height, depth, type;
  bool interlaced = false;
  std::size_t colours = 0;  // of the palette
  std::vector<std::uint32_t> samples = {};
  std::string palette = {};

  std::size_t channels() const { return std::array<std::size_t, 7>{1, 0, 3, 1, 2, 0, 4}[type]; }

  void draw() {
    const unsigned levels = type == 3 ? static_cast<unsigned>(colours) : 1U << depth;
    samples.resize(std::size_t{width} * height * channels());
    for (auto& sample : samples) sample = any(levels);
    for (std::size_t i = 0; i < 3 * colours; ++i) palette += static_cast<char>(any(256));
  }

  std::string header() const {
    std::string data;
    big(data, width, 4);
    big(data, height, 4);
    for (const std::uint32_t byte : {depth, type, 0U, 0U, interlaced ? 1U : 0U}) big(data, byte, 1);
    return chunk("IHDR", data);
  }

  /// One filtered row after another, as the format's chapters 7 and 9 say.
  std::string rows() const {
    std::string out;
    for (const auto& [x0, y0, dx, dy] :
         interlaced ? std::vector<std::array<std::uint32_t, 4>>{{0, 0, 8, 8},
                                                                {4, 0, 8, 8},
                                                                {0, 4, 4, 8},
                                                                {2, 0, 4, 4},
                                                                {0, 2, 2, 4},
                                                                {1, 0, 2, 2},
                                                                {0, 1, 1, 2}}
                    : std::vector<std::array<std::uint32_t, 4>>{{0, 0, 1, 1}}) {
      std::string above;
      for (std::uint32_t y = y0; y < height && x0 < width; y += dy) {
        std::string row;
        std::uint32_t bits = 0, have = 0;
        for (std::uint32_t x = x0; x < width; x += dx)
          for (std::size_t c = 0; c < channels(); ++c) {
            const std::uint32_t sample = samples[(std::size_t{y} * width + x) * channels() + c];
            bits = bits << depth | sample;
            for (have += depth; have >= 8; have -= 8) row += static_cast<char>(bits >> (have - 8));
          }
        if (have > 0) row += static_cast<char>(bits << (8 - have));
        if (above.empty()) above.assign(row.size(), '\0');
        filter(out, row, above);
        above = row;
      }
    }
    return out;
  }

  void filter(std::string& out, const std::string& row, const std::string& above) const {
    const unsigned kind = any(5);
    const std::size_t step = std::max<std::size_t>(1, channels() * depth / 8);
    out += static_cast<char>(kind);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto byte = [&](const std::string& from, bool there, std::size_t at) {
        return there ? static_cast<int>(static_cast<unsigned char>(from[at])) : 0;
      };
      const int a = byte(row, i >= step, i - step), b = byte(above, true, i),
                c = byte(above, i >= step, i - step);
      const int p = a + b - c;
      const int pa = std::abs(p - a), pb = std::abs(p - b), pc = std::abs(p - c);
      const std::array<int, 5> guess{0, a, b, (a + b) / 2,
                                     pa <= pb && pa <= pc ? a
                                     : pb <= pc           ? b
                                                          : c};
      out += static_cast<char>(row[i] - static_cast<char>(guess[kind]));
    }
  }

  std::string file(const std::string& more = "") const {
    return png_signature + header() + (palette.empty() ? "" : chunk("PLTE", palette)) + more +
           chunk("IDAT", packed(rows())) + chunk("IEND", "");
  }

  Expected expected() const {
    Expected result{width, height, {}};
    const double most = (1U << depth) - 1;
    for (std::size_t i = 0; i < std::size_t{width} * height; ++i) {
      const std::uint32_t* at = &samples[i * channels()];
      std::array<double, 3> pixel{};
      for (std::size_t c = 0; c < 3; ++c)
        pixel[c] = type == 3 ? static_cast<unsigned char>(palette[3 * at[0] + c]) / 255.
                             : at[channels() < 3 ? 0 : c] / most;
      result.pixels.push_back(pixel);
    }
    return result;
  }
};

/// Calls f with one picture of every colour type, depth and order.
inline void every_png(const std::function<void(Png&)>& f) {
  const std::vector<std::pair<std::uint32_t, std::vector<std::uint32_t>>> kinds{
      {0, {1, 2, 4, 8, 16}}, {2, {8, 16}}, {3, {1, 2, 4, 8}}, {4, {8, 16}}, {6, {8, 16}}};
  // clang++ 14 captures no structured bindings.
  for (const auto& kind : kinds)
    for (const std::uint32_t depth : kind.second)
      for (const bool interlaced : {false, true})
        for (const auto& size : {std::pair{1U, 1U}, {3U, 2U}, {5U, 9U}, {17U, 11U}}) {
          const std::uint32_t type = kind.first, width = size.first, height = size.second;
          CAPTURE(type);
          CAPTURE(depth);
          CAPTURE(interlaced);
          CAPTURE(width);
          Png png{width, height, depth, type, interlaced, type == 3 ? (1U << depth) : 0};
          png.draw();
          f(png);
        }
}

// ----------------------------------------------------------------------------------------------
// BMP

struct Bmp {
  std::uint32_t width, height, depth;
  std::uint32_t compression = 0;
  std::uint32_t header = 40;
  bool top_down = false;
  std::array<std::uint32_t, 3> masks{};
  std::vector<std::uint32_t> pixels = {};  // indices or bits, rows from the top
  std::string palette = {};                // red, green, blue

  void draw() {
    const std::uint64_t values = std::uint64_t{1} << depth;
    for (std::size_t i = 0; i < std::size_t{width} * height; ++i)
      pixels.push_back(static_cast<std::uint32_t>(random_numbers() % values));
    if (depth <= 8)
      for (std::size_t i = 0; i < 3 * values; ++i) palette += static_cast<char>(any(256));
  }

  std::string rows() const {
    std::string out;
    for (std::uint32_t i = 0; i < height; ++i) {
      const std::uint32_t y = top_down ? i : height - 1 - i;
      std::string row;
      std::uint32_t bits = 0, have = 0;
      for (std::uint32_t x = 0; x < width; ++x) {
        const std::uint32_t pixel = pixels[std::size_t{y} * width + x];
        if (depth >= 8) {
          little(row, pixel, static_cast<int>(depth / 8));
          continue;
        }
        bits = bits << depth | pixel;
        have += depth;
        if (have == 8) row += static_cast<char>(std::exchange(bits, 0));
        have %= 8;
      }
      if (have > 0) row += static_cast<char>(bits << (8 - have));
      row.resize((row.size() + 3) / 4 * 4, '\0');
      out += row;
    }
    return out;
  }

  std::string file() const { return file(rows()); }

  std::string file(const std::string& data) const {
    std::string info;
    little(info, header, 4);
    const int size = header == 12 ? 2 : 4;
    little(info, width, size);
    little(info, top_down ? 0 - height : height, size);
    little(info, 1, 2);
    little(info, depth, 2);
    if (header > 12) {
      little(info, compression, 4);
      info.resize(40, '\0');
      if (compression == 3)
        for (const std::uint32_t mask : masks) little(info, mask, 4);
      info.resize(std::max<std::size_t>(info.size(), header), '\0');
    }
    for (std::size_t i = 0; i < palette.size(); i += 3) {
      info += {palette[i + 2], palette[i + 1], palette[i]};
      if (header > 12) info += '\0';
    }
    std::string out = "BM";
    little(out, static_cast<std::uint32_t>(14 + info.size() + data.size()), 4);
    little(out, 0, 4);
    little(out, static_cast<std::uint32_t>(14 + info.size()), 4);
    return out + info + data;
  }

  Expected expected() const {
    Expected result{width, height, {}};
    for (const std::uint32_t pixel : pixels) {
      std::array<double, 3> colour{};
      for (std::size_t c = 0; c < 3; ++c) {
        if (depth <= 8) {
          colour[c] = static_cast<unsigned char>(palette[3 * pixel + c]) / 255.;
        } else {
          const std::uint32_t mask = masks[c];
          colour[c] = mask == 0 ? 0 : static_cast<double>(pixel & mask) / mask;
        }
      }
      result.pixels.push_back(colour);
    }
    return result;
  }
};

// A level is one of 65536, half a step off at most.
inline constexpr double nearest = 0.5 / 65535 + exact;

// ----------------------------------------------------------------------------------------------
// GIF

struct Gif {
  std::uint32_t width, height;
  int index_bits;
  bool interlaced = false;
  bool own_palette = false;
  std::string before = {};  // the picture
  std::vector<unsigned> pixels = {};
  std::string palette = {};

  void draw() {
    for (std::size_t i = 0; i < std::size_t{width} * height; ++i)
      pixels.push_back(any(1U << index_bits));
    for (std::size_t i = 0; i < std::size_t{3} << index_bits; ++i)
      palette += static_cast<char>(any(256));
  }

  /// Codes of one index each; a clear code before they would become longer.
  std::string codes() const {
    const int smallest = std::max(index_bits, 2);
    std::string out;
    std::uint32_t bits = 0;
    int have = 0;
    const auto code = [&](unsigned value) {
      bits |= value << have;
      for (have += smallest + 1; have >= 8; have -= 8) {
        out += static_cast<char>(bits);
        bits >>= 8;
      }
    };
    const unsigned clear = 1U << smallest;
    std::vector<std::uint32_t> rows;
    if (interlaced) {
      for (const auto& [from, step] : {std::pair{0U, 8U}, {4U, 8U}, {2U, 4U}, {1U, 2U}})
        for (std::uint32_t y = from; y < height; y += step) rows.push_back(y);
    } else {
      for (std::uint32_t y = 0; y < height; ++y) rows.push_back(y);
    }
    unsigned since = 0;
    for (const std::uint32_t y : rows)
      for (std::uint32_t x = 0; x < width; ++x) {
        if (since++ % (clear - 2) == 0) code(clear);
        code(pixels[std::size_t{y} * width + x]);
      }
    code(clear + 1);
    if (have > 0) out += static_cast<char>(bits);
    return out;
  }

  std::string file(std::uint32_t canvas_width = 0, std::uint32_t canvas_height = 0,
                   std::uint32_t left = 0, std::uint32_t top = 0) const {
    std::string out = "GIF89a";
    little(out, std::max(width, canvas_width), 2);
    little(out, std::max(height, canvas_height), 2);
    const unsigned flags = 0x80U | static_cast<unsigned>(index_bits - 1);
    little(out, own_palette ? 0 : flags, 1);
    little(out, 1, 1);  // the ground's colour
    little(out, 0, 1);
    if (!own_palette) out += palette;
    out += before + ',';
    for (const std::uint32_t number : {left, top, width, height}) little(out, number, 2);
    little(out, (own_palette ? flags : 0) | (interlaced ? 0x40U : 0), 1);
    if (own_palette) out += palette;
    little(out, static_cast<std::uint32_t>(std::max(index_bits, 2)), 1);
    const std::string data = codes();
    for (std::size_t at = 0; at < data.size(); at += 255) {
      const std::string block = data.substr(at, 255);
      out += static_cast<char>(block.size());
      out += block;
    }
    return out + '\0' + ';';
  }

  std::array<double, 3> colour(unsigned index) const {
    std::array<double, 3> result{};
    for (std::size_t c = 0; c < 3; ++c)
      result[c] = static_cast<unsigned char>(palette[3 * index + c]) / 255.;
    return result;
  }

  Expected expected() const {
    Expected result{width, height, {}};
    for (const unsigned pixel : pixels) result.pixels.push_back(colour(pixel));
    return result;
  }
};

}  // namespace support
