// JPEG, by libjpeg-turbo: sequential, progressive and arithmetic, every sampling, grey, YCbCr, RGB,
// CMYK and YCCK. What the library only warns of is an error here.

#include <xgrad/datasets/rescue.hpp>
#include <xgrad/datasets/shared_library.hpp>

#include <algorithm>
#include <array>
#include <bitset>
#include <string_view>

#include <jerror.h>
#include <jpeglib.h>

namespace xgrad::datasets {
namespace {

/// What is used of libjpeg-turbo. Its two interfaces differ in their structures: the library must
/// be the one that the header belongs to.
struct Library {
  SharedLibrary library{JPEG_LIB_VERSION >= 80 ? "libjpeg.so.8" : "libjpeg.so.62", "read_image",
                        "libjpeg-dev"};
  XGRAD_SHARED_FUNCTION(jpeg_CreateDecompress)
  XGRAD_SHARED_FUNCTION(jpeg_consume_input)
  XGRAD_SHARED_FUNCTION(jpeg_destroy_decompress)
  XGRAD_SHARED_FUNCTION(jpeg_finish_decompress)
  XGRAD_SHARED_FUNCTION(jpeg_finish_output)
  XGRAD_SHARED_FUNCTION(jpeg_has_multiple_scans)
  XGRAD_SHARED_FUNCTION(jpeg_mem_src)
  XGRAD_SHARED_FUNCTION(jpeg_read_header)
  XGRAD_SHARED_FUNCTION(jpeg_read_scanlines)
  XGRAD_SHARED_FUNCTION(jpeg_save_markers)
  XGRAD_SHARED_FUNCTION(jpeg_start_decompress)
  XGRAD_SHARED_FUNCTION(jpeg_start_output)
  XGRAD_SHARED_FUNCTION(jpeg_std_error)
};

const Library& lib() {
  static const Library instance;
  return instance;
}

[[noreturn]] void fail(j_common_ptr info) {
  std::array<char, JMSG_LENGTH_MAX> text{};
  info->err->format_message(info, text.data());
  static_cast<Rescue*>(info->client_data)->fail(text.data());
}

/// Some writers put bytes that say nothing behind the last pixels, or a version that is none.
bool harmless(const jpeg_error_mgr& error) {
  return error.msg_code == JWRN_JFIF_MAJOR ||
         (error.msg_code == JWRN_EXTRANEOUS_DATA && error.msg_parm.i[1] == JPEG_EOI);
}

void warn(j_common_ptr info, int level) {
  if (level < 0 && !harmless(*info->err)) fail(info);
}

using Row = std::vector<std::uint8_t>;

class Decoder {
 public:
  Decoder() {
    info_.err = lib_.jpeg_std_error(&errors_);
    errors_.error_exit = fail;
    errors_.emit_message = warn;
    info_.client_data = &rescue_;
    rescue_.run([&] { lib_.jpeg_CreateDecompress(&info_, JPEG_LIB_VERSION, sizeof(info_)); });
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { lib_.jpeg_destroy_decompress(&info_); }

  const jpeg_decompress_struct& info() const { return info_; }

  /// Reads up to the pixels.
  void open(const PictureFile& file) {
    rescue_.run([&] {
      lib_.jpeg_mem_src(&info_, file.bytes.data(), file.bytes.size());
      lib_.jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xFFFF);  // where EXIF data lie
      lib_.jpeg_read_header(&info_, TRUE);
    });
    const int colours = info_.num_components;
    if (colours != 1 && colours != 3 && colours != 4)
      bad_picture("{} colours are not read", colours);
    // The mean of a block of 8 x 8 takes at least a bit, unless it is coded arithmetically.
    const std::uint64_t pixels = std::uint64_t{info_.image_width} * info_.image_height;
    const std::uint64_t pixels_of_a_bit = pixels / std::max<std::uint64_t>(1, blocks()) + 1;
    file.require_size(info_.image_width, info_.image_height,
                      file.bytes.size() * 8 * pixels_of_a_bit);
    info_.out_color_space = colours == 1 ? JCS_GRAYSCALE : colours == 3 ? JCS_RGB : JCS_CMYK;
  }

  /// From here on `row` gives one row after another, top to bottom.
  void start() {
    info_.do_block_smoothing = FALSE;  // which differs from version to version
    rescue_.run([&] {
      info_.buffered_image = lib_.jpeg_has_multiple_scans(&info_);
      lib_.jpeg_start_decompress(&info_);
    });
    if (info_.buffered_image == FALSE) return;
    read_scans();
    rescue_.run([&] { lib_.jpeg_start_output(&info_, info_.input_scan_number); });
  }

  void row(Row& levels) {
    JSAMPROW to = levels.data();
    rescue_.run([&] { lib_.jpeg_read_scanlines(&info_, &to, 1); });
  }

  /// Throws PictureError where the file's end is missing.
  void finish() {
    rescue_.run([&] {
      if (info_.buffered_image != FALSE) lib_.jpeg_finish_output(&info_);
      lib_.jpeg_finish_decompress(&info_);
    });
  }

  int orientation() const {
    constexpr std::string_view begin = "Exif";
    constexpr std::size_t begin_bytes = 6;  // two zeros behind it
    for (auto marker = info_.marker_list; marker != nullptr; marker = marker->next) {
      const std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (data.starts_with(begin) && data.size() > begin_bytes)
        return exif_orientation(Bytes(marker->data, marker->data_length).subspan(begin_bytes));
    }
    return 1;
  }

 private:
  std::uint64_t blocks() const {
    std::uint64_t sum = 0;
    for (const auto& component :
         std::span(info_.comp_info, static_cast<std::size_t>(info_.num_components)))
      sum += std::uint64_t{component.width_in_blocks} * component.height_in_blocks;
    return sum;
  }

  /// The library takes components that no scan brings for grey, without a word.
  void read_scans() {
    std::bitset<MAX_COMPONENTS> seen;
    constexpr int most_scans = 100;  // each goes over the whole picture and may cost a few bytes
    for (int event = JPEG_REACHED_SOS; event != JPEG_REACHED_EOI;) {
      if (info_.input_scan_number > most_scans) bad_picture("more than {} scans", most_scans);
      if (event == JPEG_REACHED_SOS && (info_.progressive_mode == FALSE || info_.Ss == 0))
        for (int i = 0; i < info_.comps_in_scan; ++i)
          seen.set(static_cast<std::size_t>(info_.cur_comp_info[i]->component_index));
      rescue_.run([&] { event = lib_.jpeg_consume_input(&info_); });
    }
    for (int i = 0; i < info_.num_components; ++i)
      if (!seen[static_cast<std::size_t>(i)])
        bad_picture("the values of component {} are missing", info_.comp_info[i].component_id);
  }

  const Library& lib_ = lib();
  Rescue rescue_;
  jpeg_error_mgr errors_{};
  jpeg_decompress_struct info_{};
};

constexpr int scale = full_level / 255;

/// Cyan, magenta, yellow and black to the light they leave; Adobe writes 255 where there is no ink.
void from_cmyk(const Row& row, bool adobe, std::uint16_t* out) {
  const int flip = adobe ? 0 : 255;
  for (std::size_t i = 0; i < row.size(); i += 4)
    for (std::size_t c = 0; c < 3; ++c) {
      const int product = (row[i + c] ^ flip) * (row[i + 3] ^ flip);
      *out++ = static_cast<std::uint16_t>((product * scale + 127) / 255);
    }
}

void from_levels(const Row& row, std::uint16_t* out) {
  std::ranges::transform(row, out,
                         [](int level) { return static_cast<std::uint16_t>(level * scale); });
}

}  // namespace

Raster read_jpeg(const PictureFile& file) {
  Decoder decoder;
  decoder.open(file);
  const auto& info = decoder.info();
  const bool inks = info.out_color_space == JCS_CMYK, adobe = info.saw_Adobe_marker != FALSE;
  Raster raster = make_raster(info.image_width, info.image_height, inks ? 3 : info.num_components);
  raster.orientation = decoder.orientation();
  decoder.start();
  Row row(std::size_t{info.image_width} * static_cast<std::size_t>(info.num_components));
  std::uint16_t* out = raster.levels.data();
  for (std::int64_t y = 0; y < raster.height; ++y, out += raster.width * raster.channels) {
    decoder.row(row);
    inks ? from_cmyk(row, adobe, out) : from_levels(row, out);
  }
  decoder.finish();
  return raster;
}

}  // namespace xgrad::datasets
