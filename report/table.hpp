#pragma once
// Internal: tables of a report, once for the page and once for a file.

#include <string>
#include <vector>

namespace xgrad::report::detail {

struct Table {
  std::string name;  ///< of its file, without the ending
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::string note = {};
  std::size_t words = 1;  ///< leading columns that hold words; the others hold numbers
};

/// RFC 4180, UTF-8.
std::string csv(const Table& table);

}  // namespace xgrad::report::detail
