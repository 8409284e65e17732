// GIF (www.w3.org/Graphics/GIF/spec-gif89a.txt): the first picture of a file.

#include <xgrad/datasets/picture.hpp>

#include <array>

namespace xgrad::datasets {
namespace {

/// The bits of a chain of blocks, the lowest first.
class Bits {
 public:
  explicit Bits(ByteReader& in) : in_(in) {}

  std::uint32_t take(int count) {
    while (have_ < count) {
      if (left_ == 0) left_ = in_.u8();
      if (left_ == 0) bad_picture("its pixels break off");
      --left_;
      bits_ |= std::uint32_t{in_.u8()} << have_;
      have_ += 8;
    }
    const std::uint32_t value = bits_ & ((1U << count) - 1);
    bits_ >>= count;
    have_ -= count;
    return value;
  }

 private:
  ByteReader& in_;
  std::uint32_t left_ = 0;  // bytes of the block
  std::uint32_t bits_ = 0;
  int have_ = 0;
};

/// Lempel, Ziv and Welch: a code stands for a known sequence of indices and one more.
class Unpacker {
 public:
  Unpacker(ByteReader& in, int index_bits)
      : bits_(in), index_bits_(index_bits), clear_(1U << index_bits) {
    for (std::uint32_t i = 0; i < clear_; ++i) last_[i] = static_cast<std::uint8_t>(i);
    restart();
  }

  /// Calls put(index) for each of `count` indices.
  template <class Put>
  void read(std::uint64_t count, const Put& put) {
    for (std::uint64_t done = 0; done < count;) {
      const std::uint32_t code = bits_.take(code_bits_);
      if (code == clear_) {
        restart();
        continue;
      }
      if (code == clear_ + 1) bad_picture("it has {} of {} pixels", done, count);
      const std::size_t length = spell(code);
      for (std::size_t i = length; i-- > 0 && done < count; ++done) put(sequence_[i]);
    }
  }

 private:
  static constexpr std::uint32_t most_codes = 4096, none = most_codes;

  void restart() {
    known_ = clear_ + 2;
    code_bits_ = index_bits_ + 1;
    before_ = none;
  }

  /// Writes the code's indices into sequence_, the last first, and learns a new code.
  std::size_t spell(std::uint32_t code) {
    const bool learns = before_ != none && known_ < most_codes;
    if (code > known_ || (code == known_ && !learns)) bad_picture("code {} is not known yet", code);
    std::size_t length = 0;
    std::uint32_t at = code;
    if (code == known_) {  // the sequence before and its own first index again
      length = 1;
      at = before_;
    }
    for (; at >= clear_; at = rest_[at]) sequence_[length++] = last_[at];
    const std::uint8_t first = last_[at];
    sequence_[length++] = first;
    if (code == known_) sequence_[0] = first;
    if (learns) {
      rest_[known_] = static_cast<std::uint16_t>(before_);
      last_[known_] = first;
      ++known_;
      constexpr int most_bits = 12;
      if (known_ == 1U << code_bits_ && code_bits_ < most_bits) ++code_bits_;
    }
    before_ = code;
    return length;
  }

  Bits bits_;
  int index_bits_;
  std::uint32_t clear_;
  std::uint32_t known_ = 0;  // codes so far
  int code_bits_ = 0;
  std::uint32_t before_ = none;
  std::array<std::uint16_t, most_codes> rest_{};  // a code without its last index
  std::array<std::uint8_t, most_codes> last_{};
  std::array<std::uint8_t, most_codes + 1> sequence_{};
};

constexpr std::uint8_t has_palette = 0x80, is_interlaced = 0x40;

std::vector<Rgb> palette_of(ByteReader& in, std::uint8_t flags) {
  return (flags & has_palette) == 0 ? std::vector<Rgb>{}
                                    : read_palette(in, std::size_t{2} << (flags & 7));
}

void skip_to_image(ByteReader& in) {
  constexpr std::uint8_t extension = 0x21, image = 0x2C, end = 0x3B;
  while (true) {
    const std::uint8_t kind = in.u8();
    if (kind == image) return;
    if (kind == end) bad_picture("it has no picture");
    if (kind != extension) bad_picture("a block of kind {:02x}, which the format has not", kind);
    in.take(1);
    while (const std::uint8_t bytes = in.u8()) in.take(bytes);
  }
}

/// The rows in the order of the file.
std::vector<std::uint64_t> row_order(std::uint64_t height, bool interlaced) {
  std::vector<std::uint64_t> rows;
  struct Pass {
    std::uint64_t from, step;
  };
  const std::vector<Pass> passes =
      interlaced ? std::vector<Pass>{{0, 8}, {4, 8}, {2, 4}, {1, 2}} : std::vector<Pass>{{0, 1}};
  for (const auto [from, step] : passes)
    for (std::uint64_t y = from; y < height; y += step) rows.push_back(y);
  return rows;
}

void put(std::uint16_t* pixel, Rgb colour) {
  pixel[0] = colour.red;
  pixel[1] = colour.green;
  pixel[2] = colour.blue;
}

}  // namespace

Raster read_gif(const PictureFile& file) {
  ByteReader in(file.bytes);
  in.take(6);
  const std::uint64_t width = in.little(2), height = in.little(2);
  const std::uint8_t flags = in.u8(), ground = in.u8();
  in.take(1);
  const auto common = palette_of(in, flags);
  skip_to_image(in);
  const std::uint64_t left = in.little(2), top = in.little(2);
  const std::uint64_t columns = in.little(2), rows = in.little(2);
  const std::uint8_t image_flags = in.u8();
  const auto own = palette_of(in, image_flags);
  const auto& palette = own.empty() ? common : own;
  if (columns == 0 || rows == 0 || left + columns > width || top + rows > height)
    bad_picture("a picture of {} x {} at ({}, {}) of {} x {}", columns, rows, left, top, width,
                height);
  const int index_bits = in.u8();
  if (index_bits < 1 || index_bits > 8) bad_picture("indices of {} bits", index_bits);

  constexpr std::uint64_t longest = 4093, code_bits = 12;  // pixels that a code can stand for
  file.require_size(width, height, file.bytes.size() * longest * 8 / code_bits);
  Raster raster = make_raster(width, height, 3);
  if (ground < common.size() && columns * rows < width * height)
    for (std::size_t i = 0; i < raster.levels.size(); i += 3)
      put(&raster.levels[i], common[ground]);
  const auto order = row_order(rows, (image_flags & is_interlaced) != 0);
  std::uint64_t x = 0, row = 0;
  Unpacker(in, index_bits).read(columns * rows, [&](std::uint8_t index) {
    put(&raster.levels[((top + order[row]) * width + left + x) * 3], colour_at(palette, index));
    if (++x == columns) {
      x = 0;
      ++row;
    }
  });
  return raster;
}

}  // namespace xgrad::datasets
