#pragma once
// Internal: text on its way into a page, a picture or a file name.

#include <string>
#include <string_view>
#include <vector>

namespace xgrad::report::detail {

/// UTF-8 to code points; what is not UTF-8 becomes U+FFFD, byte by byte.
std::vector<char32_t> code_points(std::string_view utf8);

/// For HTML and SVG, in elements and in attributes: & < > " ' are escaped, control characters and
/// what is not UTF-8 become U+FFFD.
std::string escaped(std::string_view utf8);

/// For a file name that works everywhere and needs no escaping: "features.0" → "features-0".
std::string slug(std::string_view text);

std::string base64(std::string_view bytes);

/// A percentage with two decimals, "97.55 %".
std::string percent(double fraction);

}  // namespace xgrad::report::detail
