#pragma once
// How the examples say what is wrong.

#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/text.hpp>

#include <cstdio>
#include <new>
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

/// Runs a program, whose exit code `run` gives; an error becomes a line on standard error and 1.
template <class F>
int guarded(const F& run) {
  try {
    return run();
  } catch (const xgrad::Error& error) {
    std::fflush(stdout);
    fmt::print(stderr, "error: {}\n", error.what());
  } catch (const std::bad_alloc&) {
    std::fputs("error: no memory is left\n", stderr);
  }
  return 1;
}

}  // namespace examples
