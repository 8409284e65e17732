#include <xgrad/autograd/hooks.hpp>
#include <xgrad/autograd/raise.hpp>

namespace xgrad::detail {

void require_hook(bool given, const char* operation) {
  require<ValueError>(given, "{}: the hook is empty; give it a function", operation);
}

}  // namespace xgrad::detail
