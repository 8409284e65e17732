#include <xgrad/autograd/text.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>

#include <fmt/format.h>

namespace xgrad {
namespace detail {
namespace {

/// Neither seen nor harmless: C0 and C1 controls, marks and overrides of direction, separators of
/// lines, the byte order mark.
bool is_hidden(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x61C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

void append_visible(std::string& out, std::string_view text, std::string_view kept) {
  while (!text.empty()) {
    const CodePoint next = decode(text);
    const bool plain = !is_hidden(next.point) || kept.find(text[0]) != std::string_view::npos;
    if (next.valid && plain) {
      out += text.substr(0, next.bytes);
    } else if (text[0] == '\n') {
      out += "\\n";
    } else if (next.bytes == 1) {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0]));
    } else {
      out += fmt::format("\\u{:04x}", static_cast<std::uint32_t>(next.point));
    }
    text.remove_prefix(next.bytes);
  }
}

bool goes_on(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

CodePoint decode(std::string_view text) {
  constexpr CodePoint none{0xFFFD, 1, false};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return none;
  char32_t point = first & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return none;
    point = point << 6 | (byte(i) & 0x3Fu);
  }
  constexpr char32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < least[length] || surrogate || point > 0x10FFFF) return none;
  return {point, length, true};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const CodePoint next = decode(text);
    if (!next.valid) return false;
    text.remove_prefix(next.bytes);
  }
  return true;
}

std::string_view beginning(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  std::size_t end = most;
  while (end > 0 && most - end < 3 && goes_on(text[end])) --end;
  return text.substr(0, goes_on(text[end]) ? most : end);  // no UTF-8 at all: anywhere
}

std::string lines(const std::vector<std::string>& entries) {
  constexpr std::size_t most = 100;
  std::string out;
  for (std::size_t i = 0; i < std::min(most, entries.size()); ++i) out += "\n  " + entries[i];
  if (entries.size() > most) out += fmt::format("\n  and {} more", entries.size() - most);
  return out;
}

}  // namespace detail

std::string visible(std::string_view text) {
  std::string out;
  detail::append_visible(out, text, "\n\t");
  return out;
}

std::string shown_path(const std::string& path) {
  std::error_code gone;  // the folder that the program was started in
  const std::string whole = std::filesystem::absolute(path, gone).string();
  return excerpt(gone ? path : whole);
}

std::string excerpt(std::string_view text) {
  constexpr std::size_t most = 500, first = 350, last = 100;
  std::string out;
  if (text.size() <= most) {
    detail::append_visible(out, text, "");
    return out;
  }
  detail::append_visible(out, detail::beginning(text, first), "");
  out += "…";
  detail::append_visible(out, text.substr(detail::beginning(text, text.size() - last).size()), "");
  return out + fmt::format(" ({} bytes)", text.size());
}

}  // namespace xgrad
