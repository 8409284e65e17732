#pragma once
// Text that comes from outside (files, the command line, the network), on its way into a message.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

/// Fit for a terminal: control characters, those that turn the direction of writing, and bytes that
/// are no UTF-8 are written as escapes, "\x1b" and "\u202e". Line breaks and tabs stay.
std::string visible(std::string_view text);

/// A name or value from outside, fit for the middle of a message: control characters and what is no
/// UTF-8 are escaped, line breaks too, and of what is longer than 500 bytes the beginning and the
/// end.
std::string excerpt(std::string_view text);

/// The path of a file as it is shown: from the root, where there is a folder to start from.
std::string shown_path(const std::string& path);

namespace detail {

struct CodePoint {
  char32_t point;     // U+FFFD where the bytes are no UTF-8
  std::size_t bytes;  // that it takes; 1 where they are not
  bool valid;
};

/// The first code point of `text`, which is not empty. Overlong forms, surrogates and what lies
/// beyond U+10FFFF are not UTF-8 (RFC 3629).
CodePoint decode(std::string_view text);

bool is_utf8(std::string_view text);

/// The beginning, at most `most` bytes of it, without a part of a code point at its end.
std::string_view beginning(std::string_view text, std::size_t most);

/// Each in a line of its own, two blanks in; of more than 100 the first ones and how many follow.
std::string lines(const std::vector<std::string>& entries);

}  // namespace detail
}  // namespace xgrad

#pragma GCC visibility pop
