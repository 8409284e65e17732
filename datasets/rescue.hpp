#pragma once
// Internal: calls of C libraries that report an error by a callback which must not come back.

#include <xgrad/datasets/picture.hpp>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <type_traits>

namespace xgrad::datasets {

/// Where an error of the library brings us back to. That is defined only where no frame in between
/// has anything to destroy: steps are calls of the library alone.
class Rescue {
 public:
  /// Runs a step; throws PictureError with what the library says where it fails.
  template <class Step>
  void run(const Step& step) {
    if (!goes_through(step)) bad_picture("{}", why_.data());
  }

  /// Leaves the step; what the library's callbacks end in.
  [[noreturn]] void fail(const char* why) {
    std::snprintf(why_.data(), why_.size(), "%s", why);
    std::longjmp(back_, 1);
  }

 private:
  template <class Step>
  bool goes_through(const Step& step) {
    static_assert(std::is_trivially_destructible_v<Step>);
    if (setjmp(back_) != 0) return false;
    step();
    return true;
  }

  std::jmp_buf back_{};
  std::array<char, 256> why_{};
};

}  // namespace xgrad::datasets
