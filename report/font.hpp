#pragma once
// Internal: letters, from the DejaVu Sans font that is built into the library.

#include <cstdint>
#include <vector>

namespace xgrad::report::detail {

/// How one letter is drawn at one size.
struct Glyph {
  int left;  ///< of the picture, from the pen
  int top;   ///< of the picture, from the base line; negative is above
  int width;
  int height;
  double advance;                   ///< of the pen
  std::vector<std::uint8_t> cover;  ///< [height, width], 0 to 255
};

/// ValueError unless it is from 1 to 1024 pixels: a letter is drawn and kept at its full size.
void require_text_size(double size);

/// Kept once drawn. May be called on several threads.
const Glyph& glyph(char32_t point, double size);

/// How far the base line lies below the middle of a capital letter.
int half_capital(double size);

}  // namespace xgrad::report::detail
