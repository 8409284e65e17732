// JPEG by libjpeg-turbo, opened when the first is read. All that it warns of is an error here.

#include <xgrad/datasets/picture.hpp>
#include <xgrad/datasets/shared_library.hpp>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <string_view>

#include <jpeglib.h>

namespace xgrad::datasets {
namespace {

/// What is used of it. Its file is named after the interface that the header has.
struct Jpeg {
  SharedLibrary library{JPEG_LIB_VERSION >= 80 ? "libjpeg.so.8" : "libjpeg.so.62", "JPEG pictures"};
  XGRAD_SHARED_FUNCTION(jpeg_CreateDecompress)
  XGRAD_SHARED_FUNCTION(jpeg_destroy_decompress)
  XGRAD_SHARED_FUNCTION(jpeg_finish_decompress)
  XGRAD_SHARED_FUNCTION(jpeg_mem_src)
  XGRAD_SHARED_FUNCTION(jpeg_read_header)
  XGRAD_SHARED_FUNCTION(jpeg_read_scanlines)
  XGRAD_SHARED_FUNCTION(jpeg_save_markers)
  XGRAD_SHARED_FUNCTION(jpeg_start_decompress)
  XGRAD_SHARED_FUNCTION(jpeg_std_error)
};

const Jpeg& lib() {
  static const Jpeg instance;
  return instance;
}

constexpr int exif_marker = JPEG_APP0 + 1;

class Decoder {
 public:
  explicit Decoder(Bytes file) : file_(file) {
    info_.err = lib().jpeg_std_error(&errors_.base);
    errors_.base.error_exit = &give_up;
    errors_.base.emit_message = [](j_common_ptr info, int level) {
      if (level < 0) give_up(info);  // damage that it would make up for
    };
  }
  ~Decoder() { lib().jpeg_destroy_decompress(&info_); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  void read_header() {
    guarded([](Decoder& self) {
      jpeg_decompress_struct* const info = &self.info_;
      lib().jpeg_CreateDecompress(info, JPEG_LIB_VERSION, sizeof *info);
      lib().jpeg_mem_src(info, self.file_.data(), self.file_.size());
      lib().jpeg_save_markers(info, exif_marker, 0xFFFF);
      lib().jpeg_read_header(info, TRUE);
      const int colours = info->num_components;
      info->out_color_space = colours == 1 ? JCS_GRAYSCALE : colours == 4 ? JCS_CMYK : JCS_RGB;
    });
  }

  void start() {
    guarded([](Decoder& self) { lib().jpeg_start_decompress(&self.info_); });
  }
  void read_row(std::uint8_t* row) {
    row_ = row;
    guarded([](Decoder& self) { lib().jpeg_read_scanlines(&self.info_, &self.row_, 1); });
  }
  void finish() {
    guarded([](Decoder& self) { lib().jpeg_finish_decompress(&self.info_); });
  }

  const jpeg_decompress_struct& info() const { return info_; }

  int orientation() const {
    constexpr std::string_view begin("Exif\0\0", 6);
    for (auto* marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      const Bytes data(marker->data, marker->data_length);
      const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
      if (marker->marker == exif_marker && text.starts_with(begin))
        return exif_orientation(data.subspan(begin.size()));
    }
    return 1;
  }

 private:
  struct Errors {
    jpeg_error_mgr base;  // first, so that the library's pointer to it is one to all
    std::jmp_buf back;
    std::array<char, JMSG_LENGTH_MAX> why;
  };

  [[noreturn]] static void give_up(j_common_ptr info) {
    auto* const errors = reinterpret_cast<Errors*>(info->err);
    errors->base.format_message(info, errors->why.data());
    std::longjmp(errors->back, 1);
  }

  // Without objects to destroy between here and the library, which leaves by longjmp.
  void guarded(void (*work)(Decoder&)) {
    if (setjmp(errors_.back) == 0) return work(*this);
    bad_picture("{}", errors_.why.data());
  }

  Bytes file_;
  Errors errors_{};
  jpeg_decompress_struct info_{};
  std::uint8_t* row_ = nullptr;
};

constexpr int scale = full_level / 255;

/// What `ink` and `black`, 255 where there is none, leave of the light.
std::uint16_t left(int ink, int black) {
  return static_cast<std::uint16_t>((ink * black * scale + 127) / 255);
}

/// Of cyan, magenta, yellow and black; Adobe's programs write them inverted.
void put_inks(const std::uint8_t* inks, bool inverted, std::int64_t width, std::uint16_t* out) {
  const auto light = [inverted](std::uint8_t ink) { return inverted ? ink : 255 - ink; };
  for (std::int64_t x = 0; x < width; ++x, inks += 4, out += 3)
    for (int c = 0; c < 3; ++c) out[c] = left(light(inks[c]), light(inks[3]));
}

}  // namespace

Raster read_jpeg(Bytes file) {
  Decoder decoder(file);
  decoder.read_header();
  const jpeg_decompress_struct& info = decoder.info();
  const int colours = info.num_components;
  if (colours != 1 && colours != 3 && colours != 4) bad_picture("{} colours are not read", colours);
  Raster raster = make_raster(info.image_width, info.image_height, colours == 1 ? 1 : 3);
  raster.orientation = decoder.orientation();
  decoder.start();
  const std::int64_t values = raster.width * colours;
  std::vector<std::uint8_t> row(static_cast<std::size_t>(values));
  std::uint16_t* out = raster.levels.data();
  for (std::int64_t y = 0; y < raster.height; ++y, out += raster.width * raster.channels) {
    decoder.read_row(row.data());
    if (colours == 4) {
      put_inks(row.data(), info.saw_Adobe_marker != FALSE, raster.width, out);
    } else {
      std::ranges::transform(row, out, [](int v) { return static_cast<std::uint16_t>(v * scale); });
    }
  }
  decoder.finish();
  return raster;
}

}  // namespace xgrad::datasets
