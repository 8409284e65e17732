#pragma once
// Internal: code during which no signal handler may run.

#include <csignal>

namespace xgrad::kernels {

/// While one lives, signals that come to this thread wait. Those that tell of a fault in the
/// program itself do not.
class SignalsHeld {
 public:
  SignalsHeld() noexcept;
  ~SignalsHeld();
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  sigset_t before_;
};

}  // namespace xgrad::kernels
