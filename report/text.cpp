#include <xgrad/autograd/nan.hpp>
#include <xgrad/autograd/text.hpp>
#include <xgrad/report/text.hpp>

#include <fmt/format.h>

namespace xgrad::report::detail {
namespace {

constexpr char32_t replacement = 0xFFFD;

}  // namespace

std::vector<char32_t> code_points(std::string_view utf8) {
  std::vector<char32_t> points;
  while (!utf8.empty()) {
    const auto [point, bytes, valid] = xgrad::detail::decode(utf8);
    points.push_back(point);
    utf8.remove_prefix(bytes);
  }
  return points;
}

std::string escaped(std::string_view utf8) {
  std::string out;
  while (!utf8.empty()) {
    const auto [point, bytes, valid] = xgrad::detail::decode(utf8);
    const bool control = (point < 0x20 && point != '\n' && point != '\t') || point == 0x7F;
    if (point == '&') {
      out += "&amp;";
    } else if (point == '<') {
      out += "&lt;";
    } else if (point == '>') {
      out += "&gt;";
    } else if (point == '"') {
      out += "&quot;";
    } else if (point == '\'') {
      out += "&#39;";
    } else if (control || point == replacement) {
      out += "\xEF\xBF\xBD";
    } else {
      out += utf8.substr(0, bytes);
    }
    utf8.remove_prefix(bytes);
  }
  return out;
}

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      out += c;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "figure" : out;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t k) {
      return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u;
    };
    const unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (unsigned k = 0; k < 4; ++k)
      out += i + k > bytes.size() ? '=' : letters[group >> (18 - 6 * k) & 63];
  }
  return out;
}

std::string percent(double fraction) {
  return fmt::format("{:.2f} %", 100 * unsigned_nan(fraction));
}

}  // namespace xgrad::report::detail
