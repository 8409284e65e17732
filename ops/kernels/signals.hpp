#pragma once
// Internal: code during which no signal handler may run.

#include <csignal>

namespace xgrad::kernels {

/// While one lives that is needed, signals that come to this thread wait. Those that tell of a
/// fault in the program itself do not. Within another one it takes no time.
class SignalsHeld {
 public:
  explicit SignalsHeld(bool is_needed) noexcept;
  ~SignalsHeld();
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  bool holds_;
  sigset_t before_;
};

}  // namespace xgrad::kernels
