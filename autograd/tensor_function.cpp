#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/tensor_function.hpp>

namespace xgrad::detail {

void throw_empty_function(const char* operation) {
  raise<ValueError>("{}: the function is empty", operation);
}

void throw_wrong_arity(const char* operation, std::size_t given) {
  raise<ValueError>("{}: {} inputs do not fit the number of the function's parameters", operation,
                    given);
}

}  // namespace xgrad::detail
