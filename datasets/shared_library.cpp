#include <xgrad/autograd/raise.hpp>
#include <xgrad/datasets/shared_library.hpp>

#include <dlfcn.h>

namespace xgrad::datasets {

// Never closed: libraries of this size keep threads and handlers of their own.
SharedLibrary::SharedLibrary(const char* file, const char* purpose, const char* package)
    : file_(file), handle_(dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
  require<IOError>(handle_ != nullptr,
                   "{}: needs {}, which is not to be had: {}; the package {} brings it", purpose,
                   file_, handle_ == nullptr ? dlerror() : "", package);
}

void* SharedLibrary::symbol(const char* name) const {
  void* const found = dlsym(handle_, name);
  require<IOError>(found != nullptr, "{}: has no {}", file_, name);
  return found;
}

}  // namespace xgrad::datasets
