#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/report/font.hpp>
#include <xgrad/report/picture.hpp>
#include <xgrad/report/text.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

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
  values_.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3);
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
  const int right = std::min(x + width, width_);
  const int bottom = std::min(y + height, height_);
  for (int row = std::max(y, 0); row < bottom; ++row)
    for (int column = std::max(x, 0); column < right; ++column) {
      std::uint8_t* p = pixel(column, row);
      p[0] = colour.red;
      p[1] = colour.green;
      p[2] = colour.blue;
    }
}

void Picture::draw(const Picture& other, int x, int y, int scale) {
  for (int row = 0; row < other.height_; ++row)
    for (int column = 0; column < other.width_; ++column)
      fill(x + column * scale, y + row * scale, scale, scale, other.at(column, row));
}

void Picture::text(int x, int y, std::string_view utf8, double size, Colour colour) {
  const int base = y + detail::half_capital(size);
  double pen = x;
  for (const char32_t point : detail::code_points(utf8)) {
    const detail::Glyph& glyph = detail::glyph(point, size);
    const int left = static_cast<int>(std::lround(pen)) + glyph.left;
    const int top = base + glyph.top;
    for (int row = 0; row < glyph.height; ++row)
      for (int column = 0; column < glyph.width; ++column) {
        const int at_x = left + column;
        const int at_y = top + row;
        if (at_x < 0 || at_y < 0 || at_x >= width_ || at_y >= height_) continue;
        const auto cover = glyph.cover[static_cast<std::size_t>(row * glyph.width + column)];
        set(at_x, at_y, mix(at(at_x, at_y), colour, cover / 255.0));
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

int text_width(std::string_view utf8, double size) {
  double width = 0;
  for (const char32_t point : detail::code_points(utf8))
    width += detail::glyph(point, size).advance;
  return static_cast<int>(std::ceil(width));
}

std::string fitted(std::string_view utf8, double size, int width) {
  if (text_width(utf8, size) <= width) return std::string(utf8);
  const std::string dots = "…";
  // Cuts between code points only: bytes that continue one have the form 10xxxxxx.
  while (!utf8.empty() && text_width(std::string(utf8) + dots, size) > width) {
    std::size_t end = utf8.size() - 1;
    while (end > 0 && (utf8[end] & 0xC0) == 0x80) --end;
    utf8 = utf8.substr(0, end);
  }
  return std::string(utf8) + dots;
}

Range range_of(const Tensor& values) {
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
  const bool flat = image.dim() == 2;
  const std::int64_t channels = flat ? 1 : image.dim() == 3 ? image.size(0) : 0;
  require<ShapeError>((channels == 1 || channels == 3) && image.numel() > 0,
                      "to_picture: the image is {}; it must be [H, W], [1, H, W] or [3, H, W]",
                      image.shape());
  const auto height = static_cast<int>(image.size(-2));
  const auto width = static_cast<int>(image.size(-1));
  const Tensor values = image.detach().to(float64);
  const double* v = values.data<double>();
  const double span = range.high > range.low ? range.high - range.low : 1;
  const auto level = [&](std::int64_t channel, int x, int y) {
    const std::int64_t plane = std::min(channel, channels - 1);
    const double t = (v[(plane * height + y) * width + x] - range.low) / span;
    return static_cast<std::uint8_t>(std::isnan(t) ? 0 : std::lround(255 * std::clamp(t, 0., 1.)));
  };
  Picture picture(width, height);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x)
      picture.set(x, y, {level(0, x, y), level(1, x, y), level(2, x, y)});
  return picture;
}

}  // namespace xgrad::report
