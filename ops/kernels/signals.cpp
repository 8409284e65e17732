#include <xgrad/ops/kernels/signals.hpp>

#include <initializer_list>

namespace xgrad::kernels {
namespace {

sigset_t all_but_faults() {
  sigset_t set;
  sigfillset(&set);
  for (const int fault : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP})
    sigdelset(&set, fault);
  return set;
}

thread_local bool are_held = false;

}  // namespace

SignalsHeld::SignalsHeld(bool is_needed) noexcept : holds_(is_needed && !are_held) {
  if (!holds_) return;
  static const sigset_t held = all_but_faults();
  pthread_sigmask(SIG_BLOCK, &held, &before_);
  are_held = true;
}

SignalsHeld::~SignalsHeld() {
  if (!holds_) return;
  are_held = false;
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace xgrad::kernels
