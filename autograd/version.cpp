#include <xgrad/autograd/version.hpp>

#define XGRAD_STRING(x) #x
#define XGRAD_TEXT(x) XGRAD_STRING(x)

const char* xgrad::version() {
  return XGRAD_TEXT(XGRAD_VERSION_MAJOR) "." XGRAD_TEXT(XGRAD_VERSION_MINOR) "." XGRAD_TEXT(
      XGRAD_VERSION_PATCH);
}
