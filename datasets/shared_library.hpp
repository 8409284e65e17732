#pragma once
// Internal: libraries that only some programs need, opened when they first do. A program that finds
// its data where it looks neither ships nor starts libcurl, libarchive and the 35 libraries that
// these bring along; one that reads no pictures needs neither libjpeg-turbo nor libpng.

#include <string>

namespace xgrad::datasets {

/// A member `name` that points to the function of that name in the member `library`.
#define XGRAD_SHARED_FUNCTION(name) decltype(::name)* name = library.get<decltype(::name)>(#name);

class SharedLibrary {
 public:
  /// Opens `file` ("libcurl.so.4"). IOError that says what it was needed for, and which of Debian's
  /// packages brings it, where it is not there.
  SharedLibrary(const char* file, const char* purpose, const char* package);

  template <class F>
  F* get(const char* name) const {
    return reinterpret_cast<F*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;

  std::string file_;
  void* handle_;
};

}  // namespace xgrad::datasets
