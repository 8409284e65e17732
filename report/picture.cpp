#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/report/font.hpp>
#include <xgrad/report/picture.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

/// stb_image_write writes to what it is given, memory or not.
void* memory_for_stb(void* old, std::size_t bytes) {
  void* const memory = std::realloc(old, bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

#define STBIW_MALLOC(bytes) memory_for_stb(nullptr, bytes)
#define STBIW_REALLOC(old, bytes) memory_for_stb(old, bytes)
#define STBIW_FREE(memory) std::free(memory)
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>

namespace xgrad::report {

Colour mix(Colour from, Colour to, double t) {
  const double share = std::isnan(t) ? 0 : std::clamp(t, 0.0, 1.0);
  const auto channel = [share](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(std::lround(a + share * (b - a)));
  };
  return {channel(from.red, to.red), channel(from.green, to.green), channel(from.blue, to.blue)};
}

Picture::Picture(int width, int height, Colour background) : width_(width), height_(height) {
  constexpr int most = 32768;
  require<ValueError>(width >= 1 && height >= 1 && width <= most && height <= most,
                      "Picture: {} x {} pixels; each must be from 1 to {}", width, height, most);
  values_ = values_of<std::uint8_t>(std::int64_t{3} * width * height, "Picture");
  fill(0, 0, width, height, background);
}

std::uint8_t* Picture::pixel(int x, int y) {
  return values_.data() + (static_cast<std::ptrdiff_t>(y) * width_ + x) * 3;
}

Colour Picture::at(int x, int y) const {
  require<ValueError>(x >= 0 && y >= 0 && x < width_ && y < height_,
                      "Picture: ({}, {}) is outside {} x {} pixels", x, y, width_, height_);
  const std::uint8_t* p = const_cast<Picture*>(this)->pixel(x, y);
  return {p[0], p[1], p[2]};
}

void Picture::set(int x, int y, Colour colour) { fill(x, y, 1, 1, colour); }

void Picture::fill(int x, int y, int width, int height, Colour colour) {
  const auto end = [](int start, int size, int most) {
    return static_cast<int>(std::clamp<std::int64_t>(std::int64_t{start} + size, 0, most));
  };
  const int right = end(x, width, width_);
  const int bottom = end(y, height, height_);
  for (int row = std::max(y, 0); row < bottom; ++row)
    for (int column = std::max(x, 0); column < right; ++column) {
      std::uint8_t* p = pixel(column, row);
      p[0] = colour.red;
      p[1] = colour.green;
      p[2] = colour.blue;
    }
}

void Picture::draw(const Picture& other, int x, int y, int scale) {
  require<ValueError>(scale > 0, "draw: a scale of {}; it must be positive", scale);
  // Of what sticks out, nothing but the squares that reach into the picture is looked at.
  const auto first = [scale](int at) { return at < 0 ? -(std::int64_t{at} + 1) / scale : 0; };
  const auto place = [scale](int start, std::int64_t i) { return start + i * scale; };
  for (std::int64_t row = first(y); row < other.height_ && place(y, row) < height_; ++row)
    for (std::int64_t column = first(x); column < other.width_ && place(x, column) < width_;
         ++column)
      fill(static_cast<int>(place(x, column)), static_cast<int>(place(y, row)), scale, scale,
           other.at(static_cast<int>(column), static_cast<int>(row)));
}

void Picture::text(int x, int y, std::string_view utf8, double size, Colour colour) {
  const std::int64_t base = std::int64_t{y} + detail::half_capital(size);
  double pen = x;
  for (const char32_t point : detail::code_points(utf8)) {
    if (pen > width_ + size) break;  // no letter reaches back from there
    const detail::Glyph& glyph = detail::glyph(point, size);
    const std::int64_t left = std::llround(pen) + glyph.left;
    const std::int64_t top = base + glyph.top;
    for (int row = 0; row < glyph.height; ++row)
      for (int column = 0; column < glyph.width; ++column) {
        const std::int64_t at_x = left + column;
        const std::int64_t at_y = top + row;
        if (at_x < 0 || at_y < 0 || at_x >= width_ || at_y >= height_) continue;
        const auto cover = glyph.cover[static_cast<std::size_t>(row * glyph.width + column)];
        const int own_x = static_cast<int>(at_x);
        const int own_y = static_cast<int>(at_y);
        set(own_x, own_y, mix(at(own_x, own_y), colour, cover / 255.0));
      }
    pen += glyph.advance;
  }
}

std::string Picture::png() const {
  std::string bytes;
  const auto append = [](void* to, void* data, int size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(data),
                                          static_cast<std::size_t>(size));
  };
  stbi_write_png_to_func(append, &bytes, width_, height_, 3, values_.data(), width_ * 3);
  return bytes;
}

void Picture::save(const std::string& path) const {
  xgrad::detail::write_file("picture", path, png());
}

namespace {

int in_pixels(double width) {
  return static_cast<int>(std::min<double>(std::ceil(width), std::numeric_limits<int>::max()));
}

}  // namespace

int text_width(std::string_view utf8, double size) {
  detail::require_text_size(size);
  double width = 0;
  for (const char32_t point : detail::code_points(utf8))
    width += detail::glyph(point, size).advance;
  return in_pixels(width);
}

std::string fitted(std::string_view utf8, double size, int width) {
  if (text_width(utf8, size) <= width) return std::string(utf8);
  const std::string dots = "…";
  const double dots_width = detail::glyph(U'…', size).advance;
  double used = 0;
  std::size_t fitting = 0;  // bytes
  for (std::string_view rest = utf8; !rest.empty();) {
    const auto [point, bytes, valid] = xgrad::detail::decode(rest);
    used += detail::glyph(point, size).advance;
    if (in_pixels(used + dots_width) > width) break;
    fitting += bytes;
    rest.remove_prefix(bytes);
  }
  return std::string(utf8.substr(0, fitting)) + dots;
}

Range range_of(const Tensor& values) {
  const xgrad::detail::Running running("range_of", values);
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double v : values.detach().to(float64).to_vector<double>())
    if (std::isfinite(v)) {
      low = std::min(low, v);
      high = std::max(high, v);
    }
  if (low > high) return {};
  return {low, high};
}

Picture to_picture(const Tensor& image, Range range) {
  const xgrad::detail::Running running("to_picture", image);
  const bool flat = image.dim() == 2;
  const std::int64_t channels = flat ? 1 : image.dim() == 3 ? image.size(0) : 0;
  require<ShapeError>((channels == 1 || channels == 3) && image.numel() > 0,
                      "to_picture: the image is {}; it must be [H, W], [1, H, W] or [3, H, W]",
                      image.shape());
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  const auto height = static_cast<int>(std::min(image.size(-2), most));
  const auto width = static_cast<int>(std::min(image.size(-1), most));
  Picture picture(width, height);
  const Tensor values = xgrad::detail::in_rows(image.detach().to(float64));
  const double* v = values.data<double>();
  // Half of the range, because all of it may be more than a double holds.
  const double half = range.high > range.low ? range.high / 2 - range.low / 2 : 0.5;
  const auto level = [&](std::int64_t channel, int x, int y) {
    const std::int64_t plane = std::min(channel, channels - 1);
    const double t = (v[(plane * height + y) * width + x] / 2 - range.low / 2) / half;
    return static_cast<std::uint8_t>(std::isnan(t) ? 0 : std::lround(255 * std::clamp(t, 0., 1.)));
  };
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      picture.set(x, y, {level(0, x, y), level(1, x, y), level(2, x, y)});
  return picture;
}

}  // namespace xgrad::report
