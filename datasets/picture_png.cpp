// PNG (www.w3.org/TR/png): every colour type, depth and order; all checksums are checked.

#include <xgrad/datasets/picture.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <zlib.h>

namespace xgrad::datasets {
namespace {

enum Colours { grey = 0, rgb = 2, indexed = 3, grey_alpha = 4, rgb_alpha = 6 };

struct Header {
  std::uint32_t width;
  std::uint32_t height;
  std::uint32_t depth;
  std::uint32_t colours;
  bool interlaced;

  std::size_t samples() const {  // of a pixel
    constexpr std::array<std::size_t, 7> counts{1, 0, 3, 1, 2, 0, 4};
    return counts[colours];
  }
  std::size_t row_bytes(std::uint64_t pixels) const { return (pixels * samples() * depth + 7) / 8; }
};

Header read_header(Bytes data) {
  ByteReader in(data);
  Header header{.width = in.big(4),
                .height = in.big(4),
                .depth = in.u8(),
                .colours = in.u8(),
                .interlaced = false};
  const bool power = header.depth == 1 || header.depth == 2 || header.depth == 4 ||
                     header.depth == 8 || header.depth == 16;
  const bool known =
      header.colours == grey      ? power
      : header.colours == indexed ? power && header.depth <= 8
      : header.colours == rgb || header.colours == grey_alpha || header.colours == rgb_alpha
          ? power && header.depth >= 8
          : false;
  if (!known)
    bad_picture("colour type {} with {} bits is none the format has", header.colours, header.depth);
  const std::uint8_t compression = in.u8(), filter = in.u8(), interlace = in.u8();
  if (compression != 0 || filter != 0 || interlace > 1)
    bad_picture("compression {}, filter {}, interlace {} are none the format has", compression,
                filter, interlace);
  header.interlaced = interlace == 1;
  return header;
}

/// The chunks of a file that matter for its pixels.
struct Chunks {
  Header header{};
  std::vector<Rgb> palette = {};
  std::vector<std::uint8_t> packed = {};
  int orientation = 1;
};

Bytes next_chunk(ByteReader& in, std::string_view& type) {
  const std::size_t start = in.position();
  const std::uint32_t length = in.big(4);
  const Bytes name = in.take(4);
  type = {reinterpret_cast<const char*>(name.data()), name.size()};
  const Bytes data = in.take(length);
  uLong sum = crc32(0, name.data(), 4);
  if (!data.empty()) sum = crc32_z(sum, data.data(), data.size());
  if (const std::uint32_t stored = in.big(4); stored != sum)
    bad_picture("the chunk at byte {} is damaged: its CRC is {:08x}, its bytes give {:08x}", start,
                stored, sum);
  return data;
}

Chunks read_chunks(Bytes file) {
  constexpr std::size_t signature = 8, header_bytes = 13;
  ByteReader in(file);
  in.seek(signature);
  Chunks chunks;
  std::string_view type;
  const Bytes first = next_chunk(in, type);
  if (type != "IHDR" || first.size() != header_bytes)
    bad_picture("it does not begin with a header");
  chunks.header = read_header(first);
  while (true) {
    const Bytes data = next_chunk(in, type);
    if (type == "IEND") return chunks;
    if (type == "IDAT") {
      chunks.packed.insert(chunks.packed.end(), data.begin(), data.end());
    } else if (type == "PLTE") {
      if (data.empty() || data.size() % 3 != 0 || data.size() > 3 * 256)
        bad_picture("a palette of {} bytes", data.size());
      ByteReader entries(data);
      chunks.palette = read_palette(entries, data.size() / 3);
    } else if (type == "eXIf") {
      chunks.orientation = exif_orientation(data);
    } else if ((type[0] & 0x20) == 0) {  // a small letter says that it may be left out
      bad_picture("it needs the chunk {}, which is not known", type);
    }
  }
}

/// Every n-th pixel of every m-th row, from (x, y) on.
struct Pass {
  std::uint32_t x, y, across, down;
  std::uint32_t width(const Header& header) const { return count(header.width, x, across); }
  std::uint32_t height(const Header& header) const { return count(header.height, y, down); }

 private:
  static std::uint32_t count(std::uint32_t extent, std::uint32_t from, std::uint32_t step) {
    return extent > from ? (extent - from - 1) / step + 1 : 0;
  }
};

std::vector<Pass> passes_of(const Header& header) {
  if (!header.interlaced) return {{0, 0, 1, 1}};
  return {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
          {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
}

/// Exactly `bytes` of them.
std::vector<std::uint8_t> unpack(std::vector<std::uint8_t>& packed, std::uint64_t bytes) {
  constexpr std::uint64_t deflate_limit = 1032;
  constexpr std::uint64_t most = std::numeric_limits<uInt>::max();
  if (bytes > deflate_limit * packed.size() || bytes > most || packed.size() > most)
    bad_picture("its {} bytes of packed pixels cannot be the {} that its size needs", packed.size(),
                bytes);
  std::vector<std::uint8_t> result(bytes + 1);  // one more, to see where there are too many
  z_stream stream{};
  stream.next_in = packed.data();
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = result.data();
  stream.avail_out = static_cast<uInt>(result.size());
  if (inflateInit(&stream) != Z_OK) bad_picture("zlib does not start");
  const int code = inflate(&stream, Z_FINISH);
  const std::string why = stream.msg != nullptr ? stream.msg : "they break off";
  inflateEnd(&stream);
  if (stream.total_out > bytes) bad_picture("it has more pixels than its size needs");
  if (code != Z_STREAM_END) bad_picture("its pixels are damaged: {}", why);
  if (stream.total_out < bytes) bad_picture("it has fewer pixels than its size needs");
  return result;
}

std::uint8_t paeth(int left, int above, int corner) {
  const int guess = left + above - corner;
  const int to_left = std::abs(guess - left), to_above = std::abs(guess - above),
            to_corner = std::abs(guess - corner);
  if (to_left <= to_above && to_left <= to_corner) return static_cast<std::uint8_t>(left);
  return static_cast<std::uint8_t>(to_above <= to_corner ? above : corner);
}

/// Takes what was predicted from the pixel to the left (`step` bytes away) and from the row above
/// back out of a row.
void unfilter(int filter, std::span<std::uint8_t> row, Bytes above, std::size_t step) {
  const auto undo = [&](const auto& guess) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const int left = i < step ? 0 : row[i - step], corner = i < step ? 0 : above[i - step];
      row[i] = static_cast<std::uint8_t>(row[i] + guess(left, int{above[i]}, corner));
    }
  };
  switch (filter) {
    case 0:
      return;
    case 1:
      return undo([](int left, int, int) { return left; });
    case 2:
      return undo([](int, int up, int) { return up; });
    case 3:
      return undo([](int left, int up, int) { return (left + up) / 2; });
    case 4:
      return undo([](int left, int up, int corner) { return int{paeth(left, up, corner)}; });
    default:
      bad_picture("a row has filter {}, which the format has not", filter);
  }
}

/// Sample i of a row.
std::uint32_t sample(const std::uint8_t* row, std::size_t i, std::uint32_t depth) {
  if (depth == 8) return row[i];
  if (depth == 16) return static_cast<std::uint32_t>(row[2 * i] << 8 | row[2 * i + 1]);
  const std::size_t bit = i * depth;
  return row[bit / 8] >> (8 - depth - bit % 8) & ((1U << depth) - 1);
}

/// Puts a row's pixels, without their transparency, into a raster from `out` on, `step` apart.
void emit(const Chunks& chunks, const std::uint8_t* row, std::size_t pixels, std::uint16_t* out,
          std::size_t step) {
  const Header& header = chunks.header;
  if (header.colours == indexed) {
    for (std::size_t x = 0; x < pixels; ++x, out += step) {
      const Rgb colour = colour_at(chunks.palette, sample(row, x, header.depth));
      out[0] = colour.red;
      out[1] = colour.green;
      out[2] = colour.blue;
    }
    return;
  }
  const std::size_t samples = header.samples(), kept = samples < 3 ? 1 : 3;
  const std::uint32_t scale = full_level / ((1U << header.depth) - 1);
  for (std::size_t x = 0; x < pixels; ++x, out += step)
    for (std::size_t c = 0; c < kept; ++c)
      out[c] = static_cast<std::uint16_t>(sample(row, x * samples + c, header.depth) * scale);
}

}  // namespace

Raster read_png(Bytes file) {
  Chunks chunks = read_chunks(file);
  const Header& header = chunks.header;
  Raster raster = make_raster(header.width, header.height, header.colours % 4 == grey ? 1 : 3);
  raster.orientation = chunks.orientation;
  const auto passes = passes_of(header);
  std::uint64_t bytes = 0;
  for (const Pass& pass : passes)
    if (pass.width(header) > 0)
      bytes += (1 + header.row_bytes(pass.width(header))) * pass.height(header);
  auto pixels = unpack(chunks.packed, bytes);
  const std::size_t step = std::max<std::size_t>(1, header.samples() * header.depth / 8);
  const auto channels = static_cast<std::size_t>(raster.channels);
  std::uint8_t* next = pixels.data();
  for (const Pass& pass : passes) {
    const std::size_t width = pass.width(header), row_bytes = header.row_bytes(width);
    const std::vector<std::uint8_t> nothing(row_bytes);
    Bytes above = nothing;
    for (std::uint32_t y = 0; width > 0 && y < pass.height(header); ++y) {
      const std::span row(next + 1, row_bytes);
      unfilter(*next, row, above, step);
      const std::size_t at = std::size_t{pass.y + y * pass.down} * header.width + pass.x;
      emit(chunks, row.data(), width, raster.levels.data() + at * channels, pass.across * channels);
      above = row;
      next += 1 + row_bytes;
    }
  }
  return raster;
}

}  // namespace xgrad::datasets
