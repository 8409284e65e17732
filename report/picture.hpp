#pragma once
#include <xgrad/autograd/tensor.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::report {

struct Colour {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;
  friend bool operator==(const Colour&, const Colour&) = default;
};

inline constexpr Colour black{0, 0, 0};
inline constexpr Colour white{255, 255, 255};

/// The colour that lies at `t` in [0, 1] between two; `from` where t is NaN.
Colour mix(Colour from, Colour to, double t);

/// An RGB picture to draw on. Everything is clipped at its border; sizes are in pixels.
class Picture {
 public:
  /// ValueError unless both sizes are in 1..32768.
  Picture(int width, int height, Colour background = white);

  int width() const noexcept { return width_; }
  int height() const noexcept { return height_; }
  /// ValueError outside the picture.
  Colour at(int x, int y) const;

  void set(int x, int y, Colour colour);
  void fill(int x, int y, int width, int height, Colour colour);
  /// Draws `other` with its corner at (x, y), each of its pixels as a square of `scale`, which is
  /// positive (ValueError).
  void draw(const Picture& other, int x, int y, int scale = 1);
  /// One line of UTF-8 text with its left end at x and its middle at y. `size` is the height of a
  /// line. The font is DejaVu Sans; letters it lacks are shown as boxes, and neither right-to-left
  /// nor joined scripts are shaped. ValueError unless 1 ≤ size ≤ 1024.
  void text(int x, int y, std::string_view utf8, double size, Colour colour = black);

  /// The bytes of a PNG file.
  std::string png() const;
  /// Writes it. IOError where that fails.
  void save(const std::string& path) const;

 private:
  std::uint8_t* pixel(int x, int y);

  int width_;
  int height_;
  std::vector<std::uint8_t> values_;  // [height, width, 3]
};

/// How wide text() draws.
int text_width(std::string_view utf8, double size);
/// `utf8`, or as much of its beginning as fits `width` with "…" behind it.
std::string fitted(std::string_view utf8, double size, int width);

/// What is shown as black and as white.
struct Range {
  double low = 0;
  double high = 1;
};
/// From the smallest to the largest finite value; 0 to 1 if there is none.
Range range_of(const Tensor& values);

/// An image as a picture of its size: floating [H, W], [1, H, W] (grey) or [3, H, W] (RGB), where
/// `range` is stretched over 0..255; what lies outside is clipped, NaN is black. ShapeError.
Picture to_picture(const Tensor& image, Range range = {});

}  // namespace xgrad::report

#pragma GCC visibility pop
