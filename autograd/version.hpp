#pragma once
// Which xgrad this is. CMake reads the three numbers here; they stand nowhere else.

/// For the preprocessor: whether something is there yet.
#define XGRAD_VERSION_MAJOR 0
#define XGRAD_VERSION_MINOR 2
#define XGRAD_VERSION_PATCH 0

#pragma GCC visibility push(default)

namespace xgrad {

/// Of the library that the program runs with, which may be newer than the headers: "0.2.0". Before
/// 1.0 a minor version may break what the one before it had; CHANGELOG.md says what to write.
const char* version();

}  // namespace xgrad

#pragma GCC visibility pop
