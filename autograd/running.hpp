#pragma once
// Internal: which operation runs on this thread, so that what it is made of can say so in a
// message.

#include <xgrad/autograd/tensor.hpp>

#include <cstddef>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::detail {

/// nullptr outside of operations.
extern constinit thread_local const char* running_operation;

/// The operation that runs on this thread, `otherwise` where none does.
inline const char* running_or(const char* otherwise) noexcept {
  return running_operation != nullptr ? running_operation : otherwise;
}

[[noreturn]] void throw_undefined_argument(const char* operation, std::size_t number);

/// While one lives, an operation runs: errors about memory and extents name it. Of operations
/// within each other they name the outermost, the one that was called.
class Running {
 public:
  /// ValueError for an undefined argument, which it numbers from 1.
  template <class... Arguments>
  explicit Running(const char* operation, const Arguments&... arguments)
      : before_(running_operation) {
    if constexpr (sizeof...(Arguments) > 0) require_defined(operation, arguments...);
    if (before_ == nullptr) running_operation = operation;
  }
  ~Running() { running_operation = before_; }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  template <class... Arguments>
  static void require_defined(const char* operation, const Arguments&... arguments) {
    std::size_t number = 0;
    (require_one(operation, arguments, number), ...);
  }
  static void require_one(const char* operation, const Tensor& x, std::size_t& number) {
    ++number;
    if (!x.defined()) [[unlikely]]
      throw_undefined_argument(operation, number);
  }
  static void require_one(const char* operation, const std::vector<Tensor>& list,
                          std::size_t& number) {
    for (const Tensor& x : list) require_one(operation, x, number);
  }

  const char* before_;
};

}  // namespace xgrad::detail

#pragma GCC visibility pop
