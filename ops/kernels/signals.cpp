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

}  // namespace

SignalsHeld::SignalsHeld() noexcept {
  static const sigset_t held = all_but_faults();
  pthread_sigmask(SIG_BLOCK, &held, &before_);
}

SignalsHeld::~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace xgrad::kernels
