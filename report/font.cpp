#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/report/font.hpp>

#include <cmath>
#include <map>
#include <mutex>

#define STBTT_STATIC
#define STB_TRUETYPE_IMPLEMENTATION
#include <stb/stb_truetype.h>

// The font file itself, so that pictures look the same wherever they are made.
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "xgrad_font_begin:\n"
    ".incbin \"" XGRAD_FONT
    "\"\n"
    ".byte 0\n"
    ".popsection\n");
extern "C" const unsigned char xgrad_font_begin[];

namespace xgrad::report::detail {
namespace {

const stbtt_fontinfo& font() {
  static const stbtt_fontinfo info = [] {
    stbtt_fontinfo made;
    const int offset = stbtt_GetFontOffsetForIndex(xgrad_font_begin, 0);
    require<ValueError>(stbtt_InitFont(&made, xgrad_font_begin, offset) != 0,
                        "report: the font that xgrad was built with is not a TrueType font");
    return made;
  }();
  return info;
}

float scale_of(double size) { return stbtt_ScaleForPixelHeight(&font(), static_cast<float>(size)); }

Glyph drawn(char32_t point, double size) {
  const float scale = scale_of(size);
  const int index = stbtt_FindGlyphIndex(&font(), static_cast<int>(point));
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0, advance = 0, bearing = 0;
  stbtt_GetGlyphBitmapBox(&font(), index, scale, scale, &x0, &y0, &x1, &y1);
  stbtt_GetGlyphHMetrics(&font(), index, &advance, &bearing);
  Glyph made{x0, y0, x1 - x0, y1 - y0, static_cast<double>(scale) * advance, {}};
  made.cover.resize(static_cast<std::size_t>(made.width) * static_cast<std::size_t>(made.height));
  if (!made.cover.empty())
    stbtt_MakeGlyphBitmap(&font(), made.cover.data(), made.width, made.height, made.width, scale,
                          scale, index);
  return made;
}

}  // namespace

void require_text_size(double size) {
  constexpr double most = 1024;
  require<ValueError>(size >= 1 && size <= most,
                      "text: letters of {} pixels; they must have from 1 to {}", size, most);
}

namespace {

xgrad::detail::Mutex mutex;

}  // namespace

const Glyph& glyph(char32_t point, double size) {
  static std::map<std::pair<char32_t, double>, Glyph> drawn_before;
  const std::lock_guard lock(mutex);
  const auto key = std::pair(point, size);
  auto found = drawn_before.find(key);
  if (found == drawn_before.end()) found = drawn_before.emplace(key, drawn(point, size)).first;
  return found->second;
}

int half_capital(double size) {
  require_text_size(size);
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
  stbtt_GetCodepointBox(&font(), 'H', &x0, &y0, &x1, &y1);
  return static_cast<int>(std::lround(static_cast<double>(scale_of(size)) * y1 / 2));
}

}  // namespace xgrad::report::detail
