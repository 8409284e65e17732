#pragma once
#include <xgrad/autograd/text.hpp>

#include <sstream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace examples {

/// Prints the help or the complaint, which has words of the command line in it; the exit code.
inline int tell(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream help, complaint;
  const int code = app.exit(error, help, complaint);
  fmt::print("{}", help.str());
  fmt::print(stderr, "{}", xgrad::visible(complaint.str()));
  return code;
}

}  // namespace examples
