// PNG, by libpng: every colour type, depth and order. All checksums are checked, and whatever the
// library only warns of is an error here.

#include <xgrad/datasets/rescue.hpp>
#include <xgrad/datasets/shared_library.hpp>

#include <algorithm>
#include <bit>
#include <string_view>

#include <png.h>

namespace xgrad::datasets {
namespace {

/// What is used of libpng.
struct Library {
  SharedLibrary library{"libpng16.so.16", "read_image", "libpng-dev"};
  XGRAD_SHARED_FUNCTION(png_create_info_struct)
  XGRAD_SHARED_FUNCTION(png_create_read_struct)
  XGRAD_SHARED_FUNCTION(png_destroy_read_struct)
  XGRAD_SHARED_FUNCTION(png_get_color_type)
  XGRAD_SHARED_FUNCTION(png_get_error_ptr)
  XGRAD_SHARED_FUNCTION(png_get_image_height)
  XGRAD_SHARED_FUNCTION(png_get_image_width)
  XGRAD_SHARED_FUNCTION(png_get_PLTE)
  XGRAD_SHARED_FUNCTION(png_get_rowbytes)
  XGRAD_SHARED_FUNCTION(png_get_unknown_chunks)
  XGRAD_SHARED_FUNCTION(png_read_end)
  XGRAD_SHARED_FUNCTION(png_read_image)
  XGRAD_SHARED_FUNCTION(png_read_info)
  XGRAD_SHARED_FUNCTION(png_set_check_for_invalid_index)
  XGRAD_SHARED_FUNCTION(png_set_chunk_malloc_max)
  XGRAD_SHARED_FUNCTION(png_set_crc_action)
  XGRAD_SHARED_FUNCTION(png_set_expand_16)
  XGRAD_SHARED_FUNCTION(png_set_keep_unknown_chunks)
  XGRAD_SHARED_FUNCTION(png_set_packing)
  XGRAD_SHARED_FUNCTION(png_set_read_fn)
  XGRAD_SHARED_FUNCTION(png_set_strip_alpha)
  XGRAD_SHARED_FUNCTION(png_set_swap)
  XGRAD_SHARED_FUNCTION(png_set_user_limits)
};

const Library& lib() {
  static const Library instance;
  return instance;
}

/// What the library's callbacks see: what is left of the file, and where errors go.
struct Source {
  Rescue rescue = {};
  Bytes rest = {};
  png_infop info = nullptr;
};

Source& source_of(png_structp png) { return *static_cast<Source*>(lib().png_get_error_ptr(png)); }

[[noreturn]] void fail(png_structp png, png_const_charp why) { source_of(png).rescue.fail(why); }

void warn(png_structp png, png_const_charp why) {
  // Some writers put a palette where no pixel asks for it.
  if (lib().png_get_color_type(png, source_of(png).info) != PNG_COLOR_TYPE_PALETTE &&
      std::string_view(why).starts_with("PLTE: "))
    return;
  fail(png, why);
}

void give(png_structp png, png_bytep out, std::size_t count) {
  Source& source = source_of(png);
  if (count > source.rest.size()) source.rescue.fail("the file ends early");
  std::copy_n(source.rest.begin(), count, out);
  source.rest = source.rest.subspan(count);
}

class Decoder {
 public:
  explicit Decoder(const PictureFile& file) : file_(file), source_{.rest = file.bytes} {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { lib_.png_destroy_read_struct(&png_, &source_.info, nullptr); }

  /// Reads up to the pixels.
  void open() {
    source_.rescue.run([&] {
      png_ = lib_.png_create_read_struct(PNG_LIBPNG_VER_STRING, &source_, fail, warn);
      if (png_ != nullptr) source_.info = lib_.png_create_info_struct(png_);
      if (source_.info == nullptr) source_.rescue.fail("libpng does not start");
      lib_.png_set_read_fn(png_, nullptr, give);
      lib_.png_set_crc_action(png_, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
      lib_.png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);  // require_size knows them
      lib_.png_set_chunk_malloc_max(png_, file_.bytes.size());
      // No transparency, no profile, no text: what is wrong in these is none of the pixels' matter.
      lib_.png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
      lib_.png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, chunk("tRNS"), 1);
      lib_.png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_ALWAYS, chunk("eXIf"), 1);
      lib_.png_read_info(png_, source_.info);
    });
    constexpr std::uint64_t deflate_limit = 1032;
    const std::uint64_t row_bytes = lib_.png_get_rowbytes(png_, source_.info);
    const std::uint64_t rows =
        file_.bytes.size() * deflate_limit / std::max<std::uint64_t>(1, row_bytes);
    file_.require_size(width(), height(), rows * width());
  }

  std::size_t width() const { return lib_.png_get_image_width(png_, source_.info); }
  std::size_t height() const { return lib_.png_get_image_height(png_, source_.info); }
  bool has_colours() const { return (type() & PNG_COLOR_MASK_COLOR) != 0; }
  bool indexed() const { return type() == PNG_COLOR_TYPE_PALETTE; }

  /// One byte for each pixel.
  std::vector<std::uint8_t> indices() {
    std::vector<std::uint8_t> result(width() * height());
    source_.rescue.run([&] {
      lib_.png_set_packing(png_);
      lib_.png_set_check_for_invalid_index(png_, 0);  // colour_at does, and says which
    });
    read_rows(result.data(), width());
    return result;
  }

  std::vector<Rgb> palette() {
    png_colorp colours = nullptr;
    int count = 0;
    lib_.png_get_PLTE(png_, source_.info, &colours, &count);
    std::vector<std::uint8_t> bytes;
    for (const png_color& c : std::span(colours, static_cast<std::size_t>(count)))
      bytes.insert(bytes.end(), {c.red, c.green, c.blue});
    ByteReader in(bytes);
    return read_palette(in, static_cast<std::size_t>(count));
  }

  /// 16 bits for each sample.
  void levels(std::vector<std::uint16_t>& to) {
    source_.rescue.run([&] {
      lib_.png_set_expand_16(png_);
      lib_.png_set_strip_alpha(png_);
      if constexpr (std::endian::native == std::endian::little) lib_.png_set_swap(png_);
    });
    read_rows(reinterpret_cast<std::uint8_t*>(to.data()), to.size() / height() * sizeof(to[0]));
  }

  /// Reads what lies behind the pixels.
  void finish() {
    source_.rescue.run([&] { lib_.png_read_end(png_, source_.info); });
  }

  int orientation() const {
    png_unknown_chunkp chunk = nullptr;
    const bool found = lib_.png_get_unknown_chunks(png_, source_.info, &chunk) > 0;
    return found ? exif_orientation(Bytes(chunk->data, chunk->size)) : 1;
  }

 private:
  static png_const_bytep chunk(const char* name) { return reinterpret_cast<png_const_bytep>(name); }

  png_byte type() const { return lib_.png_get_color_type(png_, source_.info); }

  void read_rows(std::uint8_t* to, std::size_t row_bytes) {
    std::vector<png_bytep> rows(height());
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = to + y * row_bytes;
    source_.rescue.run([&] { lib_.png_read_image(png_, rows.data()); });
  }

  const PictureFile& file_;
  const Library& lib_ = lib();
  Source source_;
  png_structp png_ = nullptr;
};

}  // namespace

Raster read_png(const PictureFile& file) {
  Decoder decoder(file);
  decoder.open();
  Raster raster = make_raster(decoder.width(), decoder.height(), decoder.has_colours() ? 3 : 1);
  if (decoder.indexed()) {
    const auto palette = decoder.palette();
    std::uint16_t* out = raster.levels.data();
    for (const std::uint8_t index : decoder.indices()) {
      const Rgb colour = colour_at(palette, index);
      *out++ = colour.red;
      *out++ = colour.green;
      *out++ = colour.blue;
    }
  } else {
    decoder.levels(raster.levels);
  }
  decoder.finish();
  raster.orientation = decoder.orientation();
  return raster;
}

}  // namespace xgrad::datasets
