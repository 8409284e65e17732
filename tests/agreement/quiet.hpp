#pragma once
// libtorch as it is compared with.

#include <xgrad/autograd/autograd.hpp>

#include <string>

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <c10/util/Logging.h>

namespace agreement {

/// libtorch's warnings are not ours to print.
struct Silent : c10::WarningHandler {
  void process(const c10::SourceLocation&, const std::string&, const bool) override {}
};

/// For all of the program's run.
inline void be_quiet() {
  static Silent silent;
  c10::Warning::set_warning_handler(&silent);
  // Nor are its stacks, which cost more than all else here.
  c10::SetStackTraceFetcher([] { return std::string(); });
  // Inputs are small: threads would only wait for each other.
  at::set_num_threads(1);
  xgrad::set_num_threads(1);
}

}  // namespace agreement
