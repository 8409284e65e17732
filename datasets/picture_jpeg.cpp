// JPEG (ITU T.81; JFIF; EXIF 2.3): sequential and progressive, every sampling, grey, YCbCr, RGB,
// CMYK and YCCK. Whatever is missing or wrong is an error, as far as the format lets it be seen.

#include <xgrad/datasets/jpeg.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string_view>

namespace xgrad::datasets {
namespace {

using jpeg::area;
using jpeg::Component;
using jpeg::Frame;
using jpeg::Huffman;
using jpeg::side;

enum Marker : std::uint8_t {
  frame_baseline = 0xC0,
  frame_extended = 0xC1,
  frame_progressive = 0xC2,
  huffman_tables = 0xC4,
  restart_first = 0xD0,
  restart_last = 0xD7,
  start = 0xD8,
  end = 0xD9,
  scan = 0xDA,
  quantization_tables = 0xDB,
  restart_interval = 0xDD,
  app_jfif = 0xE0,
  app_exif = 0xE1,
  app_adobe = 0xEE,
};

/// What a marker begins that is not read; "" where it may be passed over.
std::string_view not_read(std::uint8_t marker) {
  if (marker == 0xC3) return "lossless coding";
  if ((marker >= 0xC5 && marker <= 0xC7) || marker == 0xDE || marker == 0xDF)
    return "hierarchical coding";
  if (marker >= 0xC8 && marker <= 0xCF) return "arithmetic coding";
  return marker == 0xDC ? "a height that follows the pixels" : "";
}

enum class Colours { grey, ycc, rgb, cmyk, inverted_cmyk, inverted_ycck };

class JpegReader {
 public:
  explicit JpegReader(Bytes file) : in_(file) {}

  void read() {
    in_.take(2);
    while (true) {
      const std::uint8_t marker = next_marker();
      if (marker == end) break;
      if (marker == start || (marker >= restart_first && marker <= restart_last))
        bad_picture("the marker {:02x} is not due at byte {}", marker, in_.position());
      const std::uint32_t length = in_.big(2);
      if (length < 2) bad_picture("a segment of {} bytes at byte {}", length, in_.position());
      segment(marker, ByteReader(in_.take(length - 2)));
    }
    if (frame_.components.empty()) bad_picture("it has no picture");
    for (const Component& component : frame_.components)
      if (!component.seen) bad_picture("the values of component {} are missing", component.name);
  }

  const Frame& frame() const { return frame_; }
  int orientation() const { return orientation_; }

  /// As libjpeg has it: JFIF means YCbCr, Adobe's marker says what it says, then names count.
  Colours colours() const {
    const auto& c = frame_.components;
    if (c.size() == 1) return Colours::grey;
    if (c.size() == 4) {
      if (!adobe_) return Colours::cmyk;
      if (*adobe_ != 0 && *adobe_ != 2) bad_picture("four colours by transform {}", *adobe_);
      return *adobe_ == 0 ? Colours::inverted_cmyk : Colours::inverted_ycck;
    }
    if (jfif_) return Colours::ycc;
    if (adobe_) return *adobe_ == 0 ? Colours::rgb : Colours::ycc;
    const bool named = c[0].name == 'R' && c[1].name == 'G' && c[2].name == 'B';
    return named ? Colours::rgb : Colours::ycc;
  }

 private:
  std::uint8_t next_marker() {
    if (const std::uint8_t byte = in_.u8(); byte != 0xFF)
      bad_picture("byte {} is {:02x} where a marker is due", in_.position() - 1, byte);
    std::uint8_t marker = 0xFF;
    while (marker == 0xFF) marker = in_.u8();
    return marker;
  }

  void segment(std::uint8_t marker, ByteReader in) {
    switch (marker) {
      case frame_baseline:
      case frame_extended:
      case frame_progressive:
        return read_frame(marker, in);
      case huffman_tables:
        return read_huffman(in);
      case quantization_tables:
        return read_quantization(in);
      case restart_interval:
        interval_ = in.big(2);
        return;
      case scan:
        return read_scan(in);
      case app_jfif:
        jfif_ = jfif_ || begins(in, "JFIF");
        return;
      case app_exif:
        if (!begins(in, "Exif") || std::exchange(exif_, true)) return;
        in.take(2);
        orientation_ = exif_orientation(in.take(in.left()));
        return;
      case app_adobe:
        if (!begins(in, "Adobe")) return;
        in.take(6);  // version and flags
        adobe_ = in.u8();
        return;
      default:
        if (const auto what = not_read(marker); !what.empty()) bad_picture("{} is not read", what);
    }
  }

  static bool begins(ByteReader& in, std::string_view word) {
    if (in.left() < word.size()) return false;
    const Bytes bytes = in.take(word.size());
    return std::equal(bytes.begin(), bytes.end(), word.begin());
  }

  void read_frame(std::uint8_t marker, ByteReader in) {
    if (!frame_.components.empty()) bad_picture("it has two frames");
    frame_.progressive = marker == frame_progressive;
    if (const std::uint8_t bits = in.u8(); bits != 8)
      bad_picture("{} bits a sample are not read", bits);
    frame_.height = in.big(2);
    frame_.width = in.big(2);
    if (frame_.height == 0) bad_picture("{} is not read", not_read(0xDC));
    require_size(frame_.width, frame_.height);
    const std::size_t count = in.u8();
    if (count != 1 && count != 3 && count != 4) bad_picture("{} colours are not read", count);
    for (std::size_t i = 0; i < count; ++i) {
      Component c{.name = in.u8()};
      const std::uint8_t both = in.u8();
      c.across = both >> 4;
      c.down = both & 15;
      c.quantizer = in.u8();
      if (c.across < 1 || c.across > 4 || c.down < 1 || c.down > 4 || c.quantizer > 3)
        bad_picture("component {} with {} x {} samples, table {}", c.name, c.across, c.down,
                    c.quantizer);
      frame_.components.push_back(c);
    }
    lay_out();
  }

  void lay_out() {
    const auto up = [](std::size_t a, std::size_t b) { return (a + b - 1) / b; };
    std::size_t across = 1, down = 1;
    for (const Component& c : frame_.components) {
      across = std::max<std::size_t>(across, c.across);
      down = std::max<std::size_t>(down, c.down);
    }
    frame_.units_across = up(frame_.width, side * across);
    frame_.units_down = up(frame_.height, side * down);
    for (Component& c : frame_.components) {
      c.width = up(frame_.width * c.across, across);
      c.height = up(frame_.height * c.down, down);
      c.blocks_across = frame_.units_across * c.across;
      c.blocks_down = frame_.units_down * c.down;
    }
  }

  void read_huffman(ByteReader in) {
    while (in.left() > 0) {
      const std::uint8_t id = in.u8();
      if ((id & 0xEC) != 0) bad_picture("a Huffman table {:02x}", id);
      const Bytes counts = in.take(16);
      std::size_t codes = 0;
      for (const std::uint8_t count : counts) codes += count;
      tables_[id >> 4][id & 3] = Huffman(counts, in.take(codes));
    }
  }

  void read_quantization(ByteReader in) {
    while (in.left() > 0) {
      const std::uint8_t id = in.u8();
      if ((id & 0xEC) != 0) bad_picture("a quantization table {:02x}", id);
      auto& steps = steps_[id & 3].emplace();
      for (const std::uint8_t at : jpeg::zigzag)
        steps[at] = static_cast<std::uint16_t>(in.big(id >> 4 == 0 ? 1 : 2));
    }
  }

  void read_scan(ByteReader in) {
    const std::size_t count = in.u8();
    if (count < 1 || count > frame_.components.size())
      bad_picture("a scan of {} components", count);
    jpeg::Scan what{.interval = interval_};
    std::vector<std::uint8_t> tables;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t name = in.u8();
      const auto found = std::ranges::find(frame_.components, name, &Component::name);
      if (found == frame_.components.end())
        bad_picture("a scan of component {}, which is not there", name);
      what.parts.push_back({&*found, nullptr, nullptr});
      tables.push_back(in.u8());
    }
    const int first = in.u8(), last = in.u8(), bits = in.u8();
    if (frame_.progressive) {
      what.first = first;
      what.last = last;
      what.refines = bits >> 4;
      what.bit = bits & 15;
      if (first > last || last > 63 || (first == 0) != (last == 0) || (first > 0 && count > 1) ||
          what.bit > 13)
        bad_picture("a scan of the frequencies {} to {}, bit {}", first, last, what.bit);
    }
    for (std::size_t i = 0; i < count; ++i) prepare(what, i, tables[i]);
    jpeg::read_scan(in_, frame_, what);
    to_marker();
  }

  void prepare(jpeg::Scan& what, std::size_t i, std::uint8_t tables) {
    Component& c = *what.parts[i].component;
    if (c.blocks.empty()) {
      c.blocks.resize(c.blocks_across * c.blocks_down);
      if (!steps_[c.quantizer]) bad_picture("quantization table {} is missing", c.quantizer);
      c.steps = *steps_[c.quantizer];
    }
    if (what.first == 0 && what.refines == 0) {
      c.seen = true;
      what.parts[i].means = &table(0, tables >> 4);
    } else if (!c.seen) {
      bad_picture("component {} is made finer before it is there", c.name);
    }
    if (what.last > 0) what.parts[i].others = &table(1, tables & 15);
  }

  const Huffman& table(std::size_t kind, std::size_t id) const {
    if (id > 3 || tables_[kind][id].empty())
      bad_picture("Huffman table {:x}{:x} is missing", kind, id);
    return tables_[kind][id];
  }

  /// Some writers put a restart marker, or bytes that say nothing, behind the last pixels.
  void to_marker() {
    while (true) {
      while (in_.u8() != 0xFF) continue;
      const std::uint8_t next = in_.u8();
      if (next == 0 || next == 0xFF || (next >= restart_first && next <= restart_last)) {
        if (next == 0xFF) in_.seek(in_.position() - 1);
        continue;
      }
      return in_.seek(in_.position() - 2);
    }
  }

  ByteReader in_;
  Frame frame_;
  std::array<std::array<Huffman, 4>, 2> tables_{};
  std::array<std::optional<std::array<std::uint16_t, area>>, 4> steps_{};
  std::uint64_t interval_ = 0;
  bool jfif_ = false;
  bool exif_ = false;
  std::optional<std::uint8_t> adobe_;  // its colour transform
  int orientation_ = 1;
};

/// basis[u][x] of the cosine transform.
const auto basis = [] {
  std::array<std::array<float, side>, side> result{};
  for (std::size_t u = 0; u < side; ++u)
    for (std::size_t x = 0; x < side; ++x)
      result[u][x] = static_cast<float>(
          (u == 0 ? std::numbers::sqrt2 / 4 : 0.5) *
          std::cos(static_cast<double>((2 * x + 1) * u) * std::numbers::pi / (2 * side)));
  return result;
}();

/// Samples of a component, whole blocks of them.
struct Plane {
  std::size_t stride;
  std::vector<std::uint8_t> samples;
};

void transform(const jpeg::Block& block, const std::array<std::uint16_t, area>& steps,
               std::uint8_t* out, std::size_t stride) {
  std::array<std::array<float, side>, side> rows{};
  std::size_t used = 1;  // rows up to the last that is not all zero
  for (std::size_t v = 0; v < side; ++v) {
    const std::int16_t* values = block.data() + v * side;
    int any = 0;
    for (std::size_t u = 0; u < side; ++u) any |= values[u];
    if (any == 0) continue;
    used = v + 1;
    for (std::size_t u = 0; u < side; ++u) {
      const float value = static_cast<float>(values[u] * steps[v * side + u]);
      for (std::size_t x = 0; x < side; ++x) rows[v][x] += value * basis[u][x];
    }
  }
  for (std::size_t y = 0; y < side; ++y) {
    std::array<float, side> row{};
    row.fill(128.5F);  // the middle, and what rounds
    for (std::size_t v = 0; v < used; ++v)
      for (std::size_t x = 0; x < side; ++x) row[x] += basis[v][y] * rows[v][x];
    for (std::size_t x = 0; x < side; ++x)
      out[y * stride + x] = static_cast<std::uint8_t>(std::clamp(row[x], 0.F, 255.F));
  }
}

Plane transform(const Component& c) {
  Plane plane{c.blocks_across * side, std::vector<std::uint8_t>(c.blocks.size() * area)};
  for (std::size_t i = 0; i < c.blocks.size(); ++i)
    transform(c.blocks[i], c.steps,
              plane.samples.data() + i / c.blocks_across * side * plane.stride +
                  i % c.blocks_across * side,
              plane.stride);
  return plane;
}

/// A row of the picture from a component that may have fewer samples: where it has half as many,
/// each pixel lies a quarter of the way from one sample to the next.
class Row {
 public:
  Row(const Frame& frame, const Component& component)
      : component_(component),
        plane_(transform(component)),
        sums_(component.width),
        levels_(frame.width) {
    for (const Component& c : frame.components) {
      most_across_ = std::max<std::size_t>(most_across_, c.across);
      most_down_ = std::max<std::size_t>(most_down_, c.down);
    }
    half_across_ = component.across * 2 == most_across_;
    half_down_ = component.down * 2 == most_down_;
    // As libjpeg has it.
    if (half_across_ && component.width <= 2) half_across_ = half_down_ = false;
  }

  const std::vector<int>& at(std::size_t y) {
    add_rows(y);
    const std::size_t width = component_.width;
    if (half_across_) {
      for (std::size_t x = 0; x < levels_.size(); ++x) {
        const std::size_t i = x / 2, next = x % 2 == 0 ? std::max<std::size_t>(i, 1) - 1
                                                       : std::min(i + 1, width - 1);
        levels_[x] = (3 * sums_[i] + sums_[next] + (x % 2 == 0 ? 8 : 7)) >> 4;
      }
    } else {
      for (std::size_t x = 0; x < levels_.size(); ++x)
        levels_[x] = (sums_[x * component_.across / most_across_] + 2) >> 2;
    }
    return levels_;
  }

 private:
  /// Four times the level of every sample in the height of this row.
  void add_rows(std::size_t y) {
    const std::size_t i = y * component_.down / most_down_;
    std::size_t next = i;
    if (half_down_)
      next = y % 2 == 0 ? std::max<std::size_t>(i, 1) - 1 : std::min(i + 1, component_.height - 1);
    const std::uint8_t* near = plane_.samples.data() + i * plane_.stride;
    const std::uint8_t* far = plane_.samples.data() + next * plane_.stride;
    for (std::size_t x = 0; x < sums_.size(); ++x) sums_[x] = 3 * near[x] + far[x];
  }

  const Component& component_;
  Plane plane_;
  std::vector<int> sums_;
  std::vector<int> levels_;
  std::size_t most_across_ = 1;
  std::size_t most_down_ = 1;
  bool half_across_ = false;
  bool half_down_ = false;
};

/// 0 to 255 each.
struct Levels {
  int red, green, blue;
};

/// With factors of JFIF's times 2^16.
inline Levels from_ycc(int y, int cb, int cr) {
  constexpr int half = 1 << 15;
  const auto level = [y](int rest) { return std::clamp(y + ((rest + half) >> 16), 0, 255); };
  return {level(91881 * (cr - 128)), level(-22554 * (cb - 128) - 46802 * (cr - 128)),
          level(116130 * (cb - 128))};
}

constexpr int scale = full_level / 255;

/// What `ink` and `black`, 255 where there is none, leave of the light.
int left(int ink, int black) { return (ink * black * scale + 127) / 255; }

/// `levels`: a row of each component.
void write_row(Colours colours, const std::array<const int*, 4>& levels, std::size_t width,
               std::uint16_t* out) {
  const int *a = levels[0], *b = levels[1], *c = levels[2], *d = levels[3];
  const auto each = [out, width](const auto& pixel) {
    for (std::size_t x = 0; x < width; ++x) {
      const Levels at = pixel(x);
      out[3 * x] = static_cast<std::uint16_t>(at.red);
      out[3 * x + 1] = static_cast<std::uint16_t>(at.green);
      out[3 * x + 2] = static_cast<std::uint16_t>(at.blue);
    }
  };
  switch (colours) {
    case Colours::grey:
      std::transform(a, a + width, out,
                     [](int v) { return static_cast<std::uint16_t>(v * scale); });
      return;
    case Colours::ycc:
      return each([a, b, c](std::size_t x) {
        const Levels at = from_ycc(a[x], b[x], c[x]);
        return Levels{at.red * scale, at.green * scale, at.blue * scale};
      });
    case Colours::rgb:
      return each([a, b, c](std::size_t x) {
        return Levels{a[x] * scale, b[x] * scale, c[x] * scale};
      });
    case Colours::cmyk:
      return each([a, b, c, d](std::size_t x) {
        const int black = 255 - d[x];
        return Levels{left(255 - a[x], black), left(255 - b[x], black), left(255 - c[x], black)};
      });
    case Colours::inverted_cmyk:
      return each([a, b, c, d](std::size_t x) {
        return Levels{left(a[x], d[x]), left(b[x], d[x]), left(c[x], d[x])};
      });
    case Colours::inverted_ycck:
      return each([a, b, c, d](std::size_t x) {
        const Levels ink = from_ycc(a[x], b[x], c[x]);
        return Levels{left(255 - ink.red, d[x]), left(255 - ink.green, d[x]),
                      left(255 - ink.blue, d[x])};
      });
  }
}

}  // namespace

Raster read_jpeg(Bytes file) {
  JpegReader reader(file);
  reader.read();
  const Frame& frame = reader.frame();
  const Colours colours = reader.colours();
  Raster raster = make_raster(frame.width, frame.height, colours == Colours::grey ? 1 : 3);
  raster.orientation = reader.orientation();
  std::vector<Row> rows;
  for (const Component& component : frame.components) rows.emplace_back(frame, component);
  std::array<const int*, 4> levels{};
  for (std::size_t y = 0; y < frame.height; ++y) {
    for (std::size_t c = 0; c < rows.size(); ++c) levels[c] = rows[c].at(y).data();
    write_row(colours, levels, frame.width,
              raster.levels.data() + y * frame.width * static_cast<std::size_t>(raster.channels));
  }
  return raster;
}

}  // namespace xgrad::datasets
