// Small files that claim large pictures: an error before memory is taken, unless their format is
// honestly that dense.

#include "datasets/pictures.hpp"
#include <sys/resource.h>

using namespace support;
using datasets::read_image;

namespace {

/// How much the process's largest size grew meanwhile, in MiB.
template <class F>
long growth(const F& f) {
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  f();
  getrusage(RUSAGE_SELF, &after);
  return (after.ru_maxrss - before.ru_maxrss) / 1024;
}

constexpr long little_memory = 16;  // MiB

struct Component {
  unsigned across = 1, down = 1;  // blocks of each unit
};

/// JPEG files by hand: each code table has one code, of one bit, for the value zero.
struct Jpeg {
  std::uint32_t width, height;
  bool progressive = false;
  bool arithmetic = false;
  std::vector<Component> components = {{}};

  static std::string segment(int marker, const std::string& data) {
    std::string out{'\xff', static_cast<char>(marker)};
    big(out, static_cast<std::uint32_t>(data.size() + 2), 2);
    return out + data;
  }

  std::string begin() const {
    std::string out = "\xff\xd8" + segment(0xdb, '\0' + std::string(64, '\1')), frame = "\x08";
    big(frame, height, 2);
    big(frame, width, 2);
    big(frame, static_cast<std::uint32_t>(components.size()), 1);
    for (std::size_t i = 0; i < components.size(); ++i)
      frame += {static_cast<char>(i),
                static_cast<char>(components[i].across << 4 | components[i].down), '\0'};
    out += segment((progressive ? 0xc2 : 0xc1) + (arithmetic ? 8 : 0), frame);
    if (arithmetic) return out;
    for (const char table : {'\0', '\x10'})
      out += segment(0xc4, table + ('\1' + std::string(16, '\0')));
    return out;
  }

  /// Coefficients `first` to `last` of all components, or of the first alone where they have no
  /// mean.
  std::string scan(int first, int last, int bits, std::size_t bytes) const {
    const std::size_t count = first == 0 ? components.size() : 1;
    std::string header(1, static_cast<char>(count));
    for (std::size_t i = 0; i < count; ++i) header += {static_cast<char>(i), '\0'};
    header += {static_cast<char>(first), static_cast<char>(last), static_cast<char>(bits)};
    return segment(0xda, header) + std::string(bytes, '\0');
  }

  std::string file(std::size_t bytes) const {
    return begin() + scan(0, progressive ? 0 : 63, 0, bytes) + "\xff\xd9";
  }
};

std::string too_small(const std::string& format, const std::string& bytes,
                      const std::string& size) {
  return format + ": its " + std::to_string(bytes.size()) + " bytes cannot hold " + size +
         " pixels";
}

Bmp bmp_of_runs(std::uint32_t width, std::uint32_t height) {
  Bmp bmp{width, height, 8, 1};
  bmp.palette = std::string(12, '\x55');
  return bmp;
}

/// A picture of one colour in the fewest bytes: codes that each stand for one pixel more, then the
/// longest of them.
std::string dense_gif(std::uint32_t side) {
  std::string out = "GIF89a";
  little(out, side, 2);
  little(out, side, 2);
  out += std::string("\x80\0\0", 3) + std::string(6, '\x55') + ',';
  for (const std::uint32_t number : {0U, 0U, side, side}) little(out, number, 2);
  out += std::string("\0\2", 2);
  std::string codes;
  std::uint32_t bits = 0;
  int have = 0;
  const auto code = [&](std::uint32_t value, int length) {
    bits |= value << have;
    for (have += length; have >= 8; have -= 8, bits >>= 8) codes += static_cast<char>(bits & 255);
  };
  constexpr std::uint32_t clear = 4, most_codes = 4096;
  code(clear, 3);
  code(0, 3);
  std::uint64_t pixels = 1;
  int length = 3;
  for (std::uint32_t known = clear + 2; pixels < std::uint64_t{side} * side;) {
    const std::uint32_t next = std::min(known, most_codes - 1);
    code(next, length);
    pixels += next - clear;
    if (known < most_codes) ++known;
    if (known == 1U << length && length < 12) ++length;
  }
  code(clear + 1, length);
  codes += static_cast<char>(bits);
  for (std::size_t at = 0; at < codes.size(); at += 255) {
    const std::string block = codes.substr(at, 255);
    out += static_cast<char>(block.size()) + block;
  }
  return out + '\0' + ';';
}

/// Zeros packed for PNG, a block at a time: this test takes no memory either.
std::string packed_zeros(int megabytes) {
  z_stream stream{};
  REQUIRE(deflateInit(&stream, 9) == Z_OK);
  std::string block(1 << 20, '\0'), out, part(1 << 16, '\0');
  for (int i = 0; i < megabytes; ++i) {
    stream.next_in = reinterpret_cast<Bytef*>(block.data());
    stream.avail_in = static_cast<uInt>(block.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(part.data());
      stream.avail_out = static_cast<uInt>(part.size());
      deflate(&stream, i + 1 == megabytes ? Z_FINISH : Z_NO_FLUSH);
      out.append(part, 0, part.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  deflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("a picture that its file cannot hold takes no memory") {
  const std::string header = Png{8192, 8192, 16, 6}.header();
  const std::string png = png_signature + header + chunk("IDAT", packed("")) + chunk("IEND", "");
  const std::string bmp = bmp_of_runs(8192, 8192).file(std::string("\0\1", 2));
  Gif small{1, 1, 2};
  small.draw();
  const std::string gif = small.file(8192, 8192);
  const std::string jpeg = Jpeg{8192, 8192}.file(100);
  const std::string coded = Jpeg{8192, 8192, true, true}.file(100);
  CHECK(growth([&] {
          CHECK(Read(png).problem() == too_small("PNG", png, "8192 x 8192"));
          CHECK(Read(bmp).problem() == too_small("BMP", bmp, "8192 x 8192"));
          CHECK(Read(gif).problem() == too_small("GIF", gif, "8192 x 8192"));
          CHECK(Read(jpeg).problem() == too_small("JPEG", jpeg, "8192 x 8192"));
          CHECK(Read(coded).problem() == too_small("JPEG", coded, "8192 x 8192"));
        }) < little_memory);
}

TEST_CASE("PNG: what lies packed beside the pixels stays packed") {
  Png png{3, 2, 8, 2};
  png.draw();
  const std::string zeros = packed_zeros(64);
  for (const auto& [type, begin] : {std::pair{"iCCP", std::string("p\0\0", 3)},
                                    {"zTXt", std::string("t\0\0", 3)},
                                    {"iTXt", std::string("t\0\1\0\0\0", 6)}}) {
    const Read file(png.file(chunk(type, begin + zeros)));
    CHECK(growth([&] { CHECK(difference(file.image(), png.expected()) <= exact); }) <
          little_memory);
  }
}

TEST_CASE("GIF: blocks without end before the picture, and pictures behind it") {
  Gif gif{3, 2, 2};
  gif.draw();
  const Expected expected = gif.expected();
  const std::string picture = gif.file().substr(13 + 12);  // behind header and palette
  for (int i = 0; i < 200'000; ++i) gif.before += std::string("!\xfe\1x\0", 5);
  std::string file = gif.file();
  file.pop_back();
  for (int i = 0; i < 20'000; ++i) file.append(picture, 0, picture.size() - 1);
  const Read many(file + ';');
  CHECK(growth([&] { CHECK(difference(many.image(), expected) <= exact); }) < little_memory);
}

TEST_CASE("what is no picture is not read to its end") {
  const Read file("no picture");
  std::filesystem::resize_file(file.path, std::uintmax_t{1} << 28);
  CHECK(growth([&] { CHECK(file.problem() == "not a PNG, JPEG, BMP or GIF file"); }) <
        little_memory);
}

TEST_CASE("a small picture may lie in a file that does not bring all its pixels") {
  const Tensor image = Read(bmp_of_runs(1024, 1024).file(std::string("\0\1", 2))).image();
  CHECK(equal(image, full({3, 1024, 1024}, 1. / 3, {.dtype = float32})));
}

TEST_CASE("the densest files of each format are read") {
  const Shape size{1, 2048, 2048};
  const Tensor black = zeros(size, {.dtype = float32});
  SUBCASE("PNG: a bit for each pixel, 1032 bytes in one") {
    Png png{2048, 2048, 1, 0};
    png.samples.resize(2048 * 2048);
    CHECK(equal(Read(png.file()).image(1), black));
  }
  SUBCASE("GIF: codes of thousands of pixels") {
    CHECK(equal(Read(dense_gif(2048)).image(1), full(size, 1. / 3, {.dtype = float32})));
  }
  SUBCASE("BMP: runs of 255") {
    std::string runs;
    for (int row = 0; row < 2048; ++row) {
      for (int i = 0; i < 8; ++i) runs += std::string("\xff\0", 2);
      runs += std::string("\x08\0\0\0", 4);
    }
    const std::string file = bmp_of_runs(2048, 2048).file(runs + std::string("\0\1", 2));
    CHECK(equal(Read(file).image(1), full(size, 1. / 3, {.dtype = float32})));
  }
  const auto grey = full(size, 128. / 255, {.dtype = float32});
  constexpr std::size_t blocks = 256 * 256;
  SUBCASE("JPEG: two bits for each block, and one where no scan brings more than means") {
    CHECK(equal(Read(Jpeg{2048, 2048}.file(blocks / 4)).image(1), grey));
    CHECK(equal(Read(Jpeg{2048, 2048, true}.file(blocks / 8)).image(1), grey));
  }
  SUBCASE("JPEG: components whose resolutions differ, so that the blocks are fewest") {
    const Jpeg jpeg{2048, 2048, true, false, {{4, 1}, {1, 4}, {1, 1}}};
    CHECK(allclose(Read(jpeg.file(blocks / 16 * 9 / 8)).image(1), grey, 0, exact));
  }
}

TEST_CASE("how large a picture may be is the caller's word") {
  Png png{4, 3, 8, 2};
  png.draw();
  const Read file(png.file());
  CHECK(read_image(file.path, 3, {.most_pixels = 12}).shape() == Shape{3, 3, 4});
  CHECK(message_of<IOError>([&] { read_image(file.path, 3, {.most_pixels = 11}); }) ==
        "read_image: " + file.path + ": PNG: 4 x 3 pixels; it must be from 1 to 11 in all");
  CHECK(message_of<ValueError>([&] { read_image(file.path, 3, {.most_pixels = 0}); }) ==
        "read_image: most_pixels is 0; it must be at least 1");
}

TEST_CASE("JPEG: scans that cost a few bytes each are counted") {
  const Jpeg jpeg{8, 8, true};
  const auto with_scans = [&](int count) {
    // A mean, then coefficient after coefficient, first without its lowest bit.
    std::string out = jpeg.begin() + jpeg.scan(0, 0, 0, 1);
    for (int i = 0; i < count - 1; ++i)
      out += jpeg.scan(1 + i / 2, 1 + i / 2, i % 2 == 0 ? 1 : 16, 1);
    return out + "\xff\xd9";
  };
  CHECK(Read(with_scans(100)).problem() == "");
  CHECK(Read(with_scans(101)).problem() == "JPEG: more than 100 scans");
}
