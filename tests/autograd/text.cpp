// Text from outside on its way into a message.

#include <xgrad/autograd/file.hpp>
#include <xgrad/autograd/text.hpp>

#include "support.hpp"

using namespace support;

TEST_CASE("what would change a terminal is written as an escape") {
  CHECK(visible("plain, für Ä, 日本, 🙂") == "plain, für Ä, 日本, 🙂");
  CHECK(visible("\x1b[31mred\x07\x7f") == "\\x1b[31mred\\x07\\x7f");
  CHECK(visible("two\n\tlines\r") == "two\n\tlines\\x0d");
  CHECK(visible(std::string("a\0b", 3)) == "a\\x00b");
  CHECK(visible("\u009b2J") == "\\u009b2J");  // the C1 form of ESC [
  CHECK(visible("a\u202egnp.exe") == "a\\u202egnp.exe");
  CHECK(visible("\ufeffx\u2028y") == "\\ufeffx\\u2028y");
  // Overlong, a surrogate, beyond the last code point, cut off, Latin-1.
  CHECK(visible("\xc0\xaf") == "\\xc0\\xaf");
  CHECK(visible("\xed\xa0\x80") == "\\xed\\xa0\\x80");
  CHECK(visible("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(visible("\xe2\x82") == "\\xe2\\x82");
  CHECK(visible("f\xfcr") == "f\\xfcr");
}

TEST_CASE("a name in a message is one line, and not longer than a message") {
  CHECK(excerpt("a\nb\tc") == "a\\nb\\x09c");
  CHECK(excerpt(std::string(500, 'a')) == std::string(500, 'a'));
  const std::string begin(350, 'b'), end(100, 'e');
  CHECK(excerpt(begin + std::string(1 << 20, 'x') + end) == begin + "…" + end + " (1049026 bytes)");
  // No code point is cut: 349 bytes and the first of three that belong together.
  const std::string euro = "€", most(349, 'a'), rest(100, 'z');
  CHECK(excerpt(most + euro + rest + rest) == most + "…" + rest + " (552 bytes)");
  CHECK(excerpt(std::string(1000, '\x80')).starts_with("\\x80\\x80"));
}

TEST_CASE("an error's message is fit for a terminal, wherever it comes from") {
  CHECK(std::string(IOError("data: \x1b]0;owned\x07: no such file\nhint").what()) ==
        "data: \\x1b]0;owned\\x07: no such file\nhint");
  CHECK(message_of<IOError>([] {
          xgrad::detail::raise_errno("load: cannot read", "a\nb\x1b");
        }).starts_with("load: cannot read: a\\nb\\x1b: "));
}
