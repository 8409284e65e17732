// Pictures of every colour model, depth and order that the four formats know: right, or an error.
// PNG, BMP and GIF files are written here; JPEG files lie in pictures/.

#include "datasets/pictures.hpp"

#include <xgrad/datasets/image.hpp>

using namespace support;
using datasets::read_image;

namespace {

// ---------------------------------------------------------------------------------------------
// JPEG

std::string jpeg(const std::string& name) {
  std::ifstream file(std::string(XGRAD_PICTURES "/") + name + ".jpg", std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(bytes.size() > 100);
  return bytes;
}

constexpr std::array<std::array<double, 3>, 4> quarters{
    {{200, 30, 40}, {20, 180, 60}, {40, 50, 190}, {220, 210, 30}}};

/// The largest difference in the middles of the quarters, in levels of 255.
double difference(const Tensor& image, const std::array<std::array<double, 3>, 4>& colours) {
  REQUIRE(image.shape() == Shape{3, 32, 32});
  double most = 0;
  for (std::int64_t y = 0; y < 32; ++y)
    for (std::int64_t x = 0; x < 32; ++x) {
      // Near the borders colours of half the resolution run into each other.
      if (std::abs(x % 16 - 7) > 5 || std::abs(y % 16 - 7) > 5) continue;
      for (std::int64_t c = 0; c < 3; ++c)
        most = std::max(most, std::abs(255 * image[c][y][x].item() -
                                       colours[static_cast<std::size_t>(y / 16 * 2 + x / 16)]
                                              [static_cast<std::size_t>(c)]));
    }
  return most;
}

// Steps of quality 95 are up to 2 for the mean brightness and colour of a block, one rounding each
// of forward and backward transform: 2 levels of Y, Cb and Cr, and 1.772 times that at most.
constexpr double jpeg_tolerance = 5;

std::string with_exif(const std::string& bytes, const std::string& tiff) {
  std::string segment = "\xff\xe1";
  big(segment, static_cast<std::uint32_t>(8 + tiff.size()), 2);
  return bytes.substr(0, 2) + segment + std::string("Exif\0\0", 6) + tiff + bytes.substr(2);
}

/// EXIF data with that orientation, after as many entries of other kinds.
std::string exif(std::uint32_t orientation, bool little_endian, std::uint32_t others = 0) {
  const auto put = [&](std::string& out, std::uint32_t value, int bytes) {
    little_endian ? little(out, value, bytes) : big(out, value, bytes);
  };
  std::string out = little_endian ? "II" : "MM";
  put(out, 42, 2);
  put(out, 8, 4);
  put(out, 1 + others, 2);
  for (std::uint32_t i = 0; i < others; ++i) {
    put(out, 0x100 + i, 2);  // the width, the height, …
    put(out, 4, 2);
    put(out, 1, 4);
    put(out, 5, 4);
  }
  put(out, 0x112, 2);
  put(out, 3, 2);
  put(out, 1, 4);
  put(out, orientation, 2);
  put(out, 0, 2);
  put(out, 0, 4);
  return out;
}

/// As it must look upright, from how it lies: EXIF's own words for where row 0 and column 0 are.
Tensor upright(const Tensor& x, int orientation) {
  switch (orientation) {
    case 2:
      return x.flip({2});
    case 3:
      return x.flip({1, 2});
    case 4:
      return x.flip({1});
    case 5:
      return x.permute({0, 2, 1});
    case 6:
      return x.permute({0, 2, 1}).flip({2});
    case 7:
      return x.permute({0, 2, 1}).flip({1, 2});
    case 8:
      return x.permute({0, 2, 1}).flip({1});
    default:
      return x;
  }
}

}  // namespace

TEST_CASE("PNG: every colour type, depth, order and filter, exactly") {
  every_png([](Png& png) {
    const Read file(png.file());
    CHECK(difference(file.image(), png.expected()) <= exact);
    // Transparency is dropped; colours below it are as they were.
    const std::string transparent = png.type == 3   ? chunk("tRNS", std::string(1, '\0'))
                                    : png.type == 0 ? chunk("tRNS", std::string(2, '\0'))
                                    : png.type == 2 ? chunk("tRNS", std::string(6, '\0'))
                                                    : "";
    CHECK(difference(Read(png.file(transparent)).image(), png.expected()) <= exact);
  });
}

TEST_CASE("grey is made from colours alike, and colours from grey") {
  Png png{7, 5, 16, 2};
  png.draw();
  const Tensor grey = Read(png.file()).image(1);
  const auto expected = png.expected();
  const auto got = values(grey);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto& p = expected.pixels[i];
    CHECK(std::abs(got[i] - (0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2])) <= 2 * exact);
  }
  Png flat{7, 5, 8, 0};
  flat.draw();
  const Read file(flat.file());
  CHECK(equal(file.image(1).expand({3, 5, 7}), file.image(3)));
}

TEST_CASE("PNG: no byte can be wrong without an error, no end be missing") {
  for (const std::uint32_t type : {0U, 3U, 6U}) {
    Png png{6, 5, 8, type, true, type == 3 ? std::size_t{256} : 0};
    png.draw();
    const std::string good = png.file();
    const TemporaryDirectory directory;
    const std::string path = directory.file("x.png");
    std::size_t silent = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << any(8)));
      write_file(path, bad);
      silent += message_of<IOError>([&] { read_image(path); }).empty();
      write_file(path, good.substr(0, i));
      silent += message_of<IOError>([&] { read_image(path); }).empty();
    }
    CHECK(silent == 0);
  }
}

TEST_CASE("PNG: what is wrong is told") {
  Png png{2, 1, 8, 3, false, 2};
  png.draw();
  const std::string image = chunk("IDAT", packed(png.rows())), end = chunk("IEND", "");
  const std::string header = png_signature + png.header(), palette = chunk("PLTE", png.palette);
  CHECK(Read(header + palette + image + end).problem() == "");
  // The library's own words, and ours where it has none.
  std::string broken = header + palette + image + end;
  broken[header.size() + 8] ^= 1;
  CHECK(Read(broken).problem() == "PNG: PLTE: CRC error");
  CHECK(Read(header + image + end).problem() == "PNG: IDAT: Missing PLTE before IDAT");
  CHECK(Read(header + palette + end).problem() == "PNG: IEND: out of place");
  CHECK(Read(header + palette + image).problem() == "PNG: the file ends early");
  CHECK(Read(header + palette + chunk("IDAT", packed("\0\0")) + end).problem() ==
        "PNG: Not enough image data");
  CHECK(Read(header + palette + chunk("IDAT", packed(std::string(9, '\0'))) + end).problem() ==
        "PNG: IDAT: Too much image data");
  CHECK(Read(header + palette + chunk("IDAT", packed(png.rows()) + "more") + end).problem() ==
        "PNG: IDAT: Extra compressed data");
  std::string sum = packed(png.rows());
  sum.back() ^= 1;
  CHECK(Read(header + palette + chunk("IDAT", sum) + end).problem() ==
        "PNG: IDAT: incorrect data check");
  CHECK(Read(header + palette + chunk("IDAT", packed(std::string("\5\0\0", 3))) + end).problem() ==
        "PNG: bad adaptive filter value");
  CHECK(Read(header + chunk("CgBI", "1234") + palette + image + end).problem() ==
        "PNG: CgBI: unhandled critical chunk");
  Png poor{2, 1, 8, 3, true, 3};
  poor.draw();
  poor.samples = {2, 3};
  CHECK(Read(poor.file()).problem() == "PNG: a pixel has colour 3 of a palette of 3");
  Png odd{2, 1, 4, 2};
  CHECK(Read(png_signature + odd.header()).problem() ==
        "PNG: Invalid color type/bit depth combination in IHDR");
  Png none{0, 1, 8, 0};
  CHECK(Read(png_signature + none.header() + image + end).problem() ==
        "PNG: Image width is zero in IHDR");
  Png vast{1U << 15, 1U << 14, 8, 0};
  CHECK(Read(png_signature + vast.header() + image + end).problem() ==
        "PNG: 32768 x 16384 pixels; it must be from 1 to 134217728 in all");
  vast.width /= 4;
  const std::string small = png_signature + vast.header() + image + end;
  CHECK(Read(small).problem() ==
        "PNG: its " + std::to_string(small.size()) + " bytes cannot hold 8192 x 16384 pixels");
}

TEST_CASE("PNG: what lies beside the pixels does not matter unless its checksum is wrong") {
  Png png{3, 2, 8, 0};
  png.draw();
  const Read plain(png.file());
  // A palette that no pixel asks for, a profile and a gamma that are none, a chunk nobody knows.
  for (const std::string& beside :
       {chunk("PLTE", "abc"), chunk("iCCP", "x"), chunk("gAMA", "12345"), chunk("eXIf", "x"),
        chunk("quUx", std::string(5000, 'x'))}) {
    CHECK(equal(Read(png.file(beside)).image(), plain.image()));
    std::string broken = png.file(beside);
    broken[broken.find(beside) + 8] ^= 1;
    CHECK(Read(broken).problem() == "PNG: " + beside.substr(4, 4) + ": CRC error");
  }
  const std::string file = png.file();
  CHECK(equal(Read(file + "more").image(), plain.image()));
}

TEST_CASE("BMP: palettes, bits and masks, from the bottom up and from the top down") {
  for (const bool top_down : {false, true})
    for (const std::uint32_t width : {1U, 3U, 8U, 13U}) {
      CAPTURE(width);
      for (const std::uint32_t depth : {1U, 2U, 4U, 8U}) {
        CAPTURE(depth);
        Bmp bmp{width, 3, depth};
        bmp.top_down = top_down;
        bmp.draw();
        CHECK(difference(Read(bmp.file()).image(), bmp.expected()) <= exact);
        for (const std::uint32_t header : {12U, 52U, 56U, 108U, 124U}) {
          if (header == 12 && (top_down || depth == 2)) continue;
          CAPTURE(header);
          bmp.header = header;
          CHECK(difference(Read(bmp.file()).image(), bmp.expected()) <= exact);
        }
      }
      struct Kind {
        std::uint32_t depth, compression, header;
        std::array<std::uint32_t, 3> masks;
      };
      for (const Kind& kind :
           {Kind{16, 0, 40, {0x7C00, 0x3E0, 0x1F}}, Kind{16, 3, 40, {0xF800, 0x7E0, 0x1F}},
            Kind{16, 3, 56, {0x0F00, 0x00F0, 0x000F}}, Kind{24, 0, 40, {0xFF0000, 0xFF00, 0xFF}},
            Kind{24, 0, 124, {0xFF0000, 0xFF00, 0xFF}}, Kind{32, 0, 40, {0xFF0000, 0xFF00, 0xFF}},
            Kind{32, 3, 40, {0xFF, 0xFF00, 0xFF0000}},
            Kind{32, 3, 108, {0xFF000000, 0xFF0000, 0xFF00}},
            Kind{32, 3, 124, {0x3FF00000, 0xFFC00, 0x3FF}}, Kind{32, 3, 52, {0xFF, 0, 0}}}) {
        CAPTURE(kind.depth);
        CAPTURE(kind.header);
        Bmp bmp{width, 3, kind.depth, kind.compression, kind.header, top_down, kind.masks};
        bmp.draw();
        CHECK(difference(Read(bmp.file()).image(), bmp.expected()) <= nearest);
      }
    }
}

TEST_CASE("BMP: run lengths") {
  Bmp bmp{5, 3, 8, 1};
  bmp.draw();
  // From the bottom: 5 of one colour; 3 as they are and a run of 2; one, then skipped to the end.
  bmp.pixels = {7, 0, 0, 0, 0, 1, 2, 3, 9, 9, 4, 4, 4, 4, 4};
  const std::string data{"\5\4\0\0\0\3\1\2\3\0\2\11\0\0\1\7\0\1", 18};
  CHECK(difference(Read(bmp.file(data)).image(), bmp.expected()) <= exact);
  CHECK(Read(bmp.file(data.substr(0, 16))).problem().starts_with("BMP: the file ends early"));
  CHECK(Read(bmp.file("\6\4")).problem() == "BMP: a run leaves the picture");
  Bmp four{5, 1, 4, 2};
  four.draw();
  four.pixels = {1, 2, 1, 3, 4};
  CHECK(difference(Read(four.file({"\3\x12\2\x34\0\1", 6})).image(), four.expected()) <= exact);
  // Two pixels on and one row up, then one pixel.
  four.pixels = {0, 0, 5, 0, 0};
  CHECK(difference(Read(four.file({"\0\2\2\0\1\x50\0\1", 8})).image(), four.expected()) <= exact);
}

TEST_CASE("BMP: what is wrong is told") {
  Bmp bmp{4, 2, 24};
  bmp.draw();
  const std::string good = bmp.file();
  for (std::size_t i = 2; i < good.size(); ++i)
    CHECK(Read(good.substr(0, i)).problem().starts_with("BMP: the file ends early"));
  Bmp poor{2, 1, 8};
  poor.draw();
  poor.palette.resize(9);
  poor.pixels = {2, 3};
  CHECK(Read(poor.file()).problem() == "BMP: a pixel has colour 3 of a palette of 3");
  bmp.compression = 4;
  CHECK(Read(bmp.file()).problem() == "BMP: 24 bits a pixel with compression 4 are not read");
  Bmp apart{1, 1, 32, 3, 40, false, {0xF0F, 0xFF0000, 0xFF000000}};
  apart.draw();
  CHECK(Read(apart.file()).problem() ==
        "BMP: the channel's bits 00000f0f are not beside each other");
  apart.header = 99;
  CHECK(Read(apart.file()).problem() == "BMP: a header of 99 bytes is not known");
}

TEST_CASE("GIF: palettes of every size, interlaced or not, the first picture of several") {
  for (const int bits : {1, 2, 3, 4, 5, 6, 7, 8})
    for (const bool interlaced : {false, true})
      for (const bool own : {false, true})
        for (const auto& size : {std::pair{1U, 1U}, {5U, 3U}, {9U, 17U}}) {
          const auto width = size.first, height = size.second;
          CAPTURE(bits);
          CAPTURE(width);
          Gif gif{width, height, bits, interlaced, own};
          gif.draw();
          CHECK(difference(Read(gif.file()).image(), gif.expected()) <= exact);
        }
  Gif gif{3, 2, 2};
  // Transparency (index 1), a comment; another picture behind.
  gif.before = std::string("!\xf9\4\1\0\0\1\0", 8) + std::string("!\xfe\2hi\0", 6);
  gif.draw();
  CHECK(difference(Read(gif.file()).image(), gif.expected()) <= exact);
  CHECK(difference(Read(gif.file() + "more").image(), gif.expected()) <= exact);
}

TEST_CASE("GIF: a picture smaller than its canvas lies on the ground's colour") {
  Gif gif{2, 2, 2};
  gif.draw();
  Expected expected{4, 3, std::vector<std::array<double, 3>>(12, gif.colour(1))};
  for (std::size_t i = 0; i < 4; ++i)
    expected.pixels[(1 + i / 2) * 4 + 1 + i % 2] = gif.colour(gif.pixels[i]);
  CHECK(difference(Read(gif.file(4, 3, 1, 1)).image(), expected) <= exact);
  CHECK(Read(gif.file(4, 3, 3, 1)).problem() == "GIF: a picture of 2 x 2 at (3, 1) of 4 x 3");
}

TEST_CASE("GIF: codes that grow, as encoders write them") {
  // 4 x 4 of one colour: codes 1, 6, 7, 8, 9 (1 2 3 4 5 pixels) and the last alone, by hand.
  std::string file("GIF87a\4\0\4\0\x81\0\0\0\0\0\xff\0\0\0\xff\0\0\0\xff,\0\0\0\0\4\0\4\0\0\2", 36);
  std::uint32_t at = 0;
  std::string codes(5, '\0');
  const auto code = [&](unsigned value, unsigned bits) {
    for (unsigned i = 0; i < bits; ++i, ++at)
      if ((value >> i & 1) != 0) codes[at / 8] = static_cast<char>(codes[at / 8] | 1 << at % 8);
  };
  for (const auto& [value, bits] :
       {std::pair{4U, 3U}, {1U, 3U}, {6U, 3U}, {7U, 3U}, {8U, 4U}, {9U, 4U}, {1U, 4U}, {5U, 4U}})
    code(value, bits);
  file += '\5' + codes + std::string("\0;", 2);
  CHECK(difference(Read(file).image(),
                   Expected{4, 4, std::vector<std::array<double, 3>>(16, {1, 0, 0})}) <= exact);
}

TEST_CASE("GIF: what is wrong is told") {
  Gif gif{5, 4, 3};
  gif.draw();
  const std::string good = gif.file();
  std::size_t wrong = 0;
  for (std::size_t i = 6; i < good.size(); ++i) {
    const Read file(good.substr(0, i));  // behind the last pixel all may be missing
    if (!file.problem().starts_with("GIF: "))
      wrong += difference(file.image(), gif.expected()) > exact || i + 4 < good.size();
  }
  CHECK(wrong == 0);
  Gif poor{2, 1, 1};
  poor.draw();
  poor.pixels = {0, 3};
  CHECK(Read(poor.file()).problem() == "GIF: a pixel has colour 3 of a palette of 2");
  CHECK(Read(good.substr(0, 13 + 24) + ';').problem() == "GIF: it has no picture");
}

TEST_CASE("JPEG: every colour model and sampling") {
  for (const char* name : {"ycc444", "ycc422", "ycc420", "progressive", "arithmetic", "scans",
                           "restart", "rgb", "cmyk"}) {
    CAPTURE(name);
    CHECK(difference(Read(jpeg(name)).image(), quarters) <= jpeg_tolerance);
  }
  auto greys = quarters;
  for (auto& q : greys) q.fill(0.299 * q[0] + 0.587 * q[1] + 0.114 * q[2]);
  CHECK(difference(Read(jpeg("grey")).image(), greys) <= jpeg_tolerance);
}

TEST_CASE("JPEG: colours of half the resolution run evenly, up to the edges") {
  const Tensor image = Read(jpeg("slope422")).image();
  double most = 0;
  for (std::int64_t x = 0; x < 19; ++x) {
    const double expected[3] = {12. * static_cast<double>(x), 90,
                                230 - 12. * static_cast<double>(x)};
    for (std::int64_t c = 0; c < 3; ++c)
      most = std::max(most, std::abs(255 * image[c][8][x].item() - expected[c]));
  }
  // A sample of colour is the mean of two columns: half a column off at the edges, 1.402 × 3 in Cr.
  CHECK(most <= jpeg_tolerance + 4.2);
}

TEST_CASE("JPEG: Adobe's transform of four colours, and without its marker") {
  const std::string bytes = jpeg("cmyk");
  const auto adobe = bytes.find("Adobe");
  REQUIRE(adobe != std::string::npos);
  std::string plain = bytes;
  plain[adobe] = 'a';  // CMYK that is not inverted: 255 − what was there
  auto inverse = quarters;
  for (auto& q : inverse) q.fill(0);  // its black is 255 where Adobe's means none
  CHECK(difference(Read(plain).image(), inverse) <= jpeg_tolerance);
  std::string ycck = bytes;
  ycck[adobe + 11] = '\2';
  auto turned = quarters;
  for (auto& q : turned) {
    const double y = q[0], cb = q[1] - 128, cr = q[2] - 128;
    for (std::size_t c = 0; c < 3; ++c)
      q[c] = 255 - std::clamp(std::array{y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr,
                                         y + 1.772 * cb}[c],
                              0., 255.);
  }
  CHECK(difference(Read(ycck).image(), turned) <=
        2.8 * jpeg_tolerance);  // the largest sum of factors
  ycck[adobe + 11] = '\1';
  CHECK(Read(ycck).problem() == "JPEG: Unknown Adobe color transform code 1");
}

TEST_CASE("JPEG, PNG: turned upright as EXIF says, in either byte order") {
  const std::string lying = jpeg("slope422");
  const Tensor image = Read(lying).image();
  Png png{5, 3, 8, 2};
  png.draw();
  const Tensor other = Read(png.file()).image();
  for (const bool little_endian : {false, true})
    for (int orientation = 1; orientation <= 8; ++orientation) {
      CAPTURE(orientation);
      const std::string words = exif(static_cast<std::uint32_t>(orientation), little_endian);
      CHECK(equal(Read(with_exif(lying, words)).image(), upright(image, orientation)));
      const std::string more = exif(static_cast<std::uint32_t>(orientation), little_endian, 2);
      CHECK(equal(Read(with_exif(lying, more)).image(), upright(image, orientation)));
      CHECK(equal(Read(with_exif(lying, words)).image(1),
                  upright(Read(lying).image(1), orientation)));
      const std::string end = chunk("IEND", ""), file = png.file();
      for (const std::string& with_words :
           {png.file(chunk("eXIf", words)),
            file.substr(0, file.size() - end.size()) + chunk("eXIf", words) + end})
        CHECK(equal(Read(with_words).image(), upright(other, orientation)));
    }
  // What is no orientation turns nothing.
  for (const std::string& words :
       {exif(0, true), exif(9, false), std::string("II"), std::string("XX*")})
    CHECK(equal(Read(with_exif(lying, words)).image(), image));
}

TEST_CASE("JPEG: what is coded as few are is told") {
  const std::string bytes = jpeg("ycc444");
  const auto frame = bytes.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  const auto with = [&](std::size_t at, int value) {
    std::string changed = bytes;
    changed[frame + at] = static_cast<char>(value);
    return Read(changed).problem();
  };
  CHECK(with(1, 0xC5) == "JPEG: Unsupported JPEG process: SOF type 0xc5");
  CHECK(with(6, 0) == "JPEG: Empty JPEG image (DNL not supported)");
  CHECK(with(4, 12) == "JPEG: Unsupported JPEG data precision 12");
  // Version 3 of the library knows lossless coding, and that this is none.
  CHECK(with(1, 0xC3).starts_with("JPEG: "));
  std::string two = bytes;  // without the third component in its frame and its scan
  const auto scan = bytes.find("\xff\xda");
  two[scan + 3] -= 2;
  two[scan + 4] = 2;
  two.erase(scan + 9, 2);
  two[frame + 3] -= 3;
  two[frame + 9] = 2;
  two.erase(frame + 16, 3);
  CHECK(Read(two).problem() == "JPEG: 2 colours are not read");
}

TEST_CASE("JPEG: no end can be missing, and pixels that are are told") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.jpg");
  for (const char* name : {"ycc420", "progressive", "scans", "restart", "grey", "cmyk"}) {
    CAPTURE(name);
    const std::string good = jpeg(name);
    std::size_t silent = 0;
    for (std::size_t i = 3; i < good.size(); ++i) {
      write_file(path, good.substr(0, i));
      silent += message_of<IOError>([&] { read_image(path); }).empty();
    }
    CHECK(silent == 0);
    // An end put where the pixels break off.
    const std::string cut = good.substr(0, good.size() - 8) + "\xff\xd9";
    CHECK(Read(cut).problem().starts_with("JPEG: "));
  }
  // Every byte changed once: no crash, whatever comes out.
  const std::string good = jpeg("progressive");
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << any(8)));
    write_file(path, bad);
    message_of<IOError>([&] { read_image(path); });
  }
  // A restart marker out of order.
  std::string restart = jpeg("restart");
  const auto at = restart.find("\xff\xd1");
  REQUIRE(at != std::string::npos);
  restart[at + 1] = '\xd2';
  CHECK(Read(restart).problem() == "JPEG: Corrupt JPEG data: found marker 0xd2 instead of RST1");
}

TEST_CASE("JPEG: a component that no scan brings is told") {
  const std::string bytes = jpeg("scans");  // one for each component
  const auto last = bytes.rfind("\xff\xda");
  CHECK(Read(bytes.substr(0, last) + "\xff\xd9").problem() ==
        "JPEG: the values of component 3 are missing");
  // The scan that brings every component's mean, of which later ones are refinements.
  std::string progressive = jpeg("progressive");
  const auto first = progressive.find("\xff\xda");
  const auto next =
      std::min(progressive.find("\xff\xda", first + 2), progressive.find("\xff\xc4", first + 2));
  // It alone is a picture.
  const Read means(progressive.substr(0, next) + "\xff\xd9");
  CHECK(means.problem().empty());
  CHECK(means.image().shape() == Read(progressive).image().shape());
  progressive.erase(first, next - first);
  CHECK(Read(progressive).problem() ==
        "JPEG: Inconsistent progression sequence for component 0 coefficient 0");
}

TEST_CASE("JPEG: what some writers put behind the last pixel does not matter") {
  const std::string bytes = jpeg("ycc420"), pixels = bytes.substr(0, bytes.size() - 2);
  const Tensor image = Read(bytes).image();
  for (const char* behind : {"\xff\xd0\xff\xd9", "more\xff\xd9", "\xff\xd9more"})
    CHECK(equal(Read(pixels + behind).image(), image));
}

TEST_CASE("only the four formats are read") {
  const std::string not_one = "not a PNG, JPEG, BMP or GIF file";
  for (const std::string& begin :
       {std::string("8BPS\0\1", 6), std::string("#?RADIANCE\n"), std::string("\x53\x80\xf6\x34"),
        std::string("P6 1 1 255\nabc"), std::string("RIFF\0\0\0\0WEBP", 12),
        std::string("II*\0", 4),
        // TGA has no signature: 1 x 1, 24 bits.
        std::string("\0\0\2\0\0\0\0\0\0\0\0\0\1\0\1\0\30\0abc", 21), std::string()})
    CHECK(Read(begin + std::string(begin.empty() ? 0 : 40, '\0')).problem() == not_one);
}
