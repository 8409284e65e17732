#pragma once
#include <utility>

#pragma GCC visibility push(default)

namespace xgrad {

/// Whether operations on this thread are recorded on the tape.
bool is_grad_enabled() noexcept;

/// Switches recording on this thread on or off while it lives.
class GradModeGuard {
 public:
  explicit GradModeGuard(bool enabled) noexcept;
  ~GradModeGuard();
  GradModeGuard(const GradModeGuard&) = delete;
  GradModeGuard& operator=(const GradModeGuard&) = delete;

 private:
  bool before_;
};

class NoGradGuard : GradModeGuard {
 public:
  NoGradGuard() noexcept : GradModeGuard(false) {}
};

using NoGrad = NoGradGuard;

class EnableGradGuard : GradModeGuard {
 public:
  EnableGradGuard() noexcept : GradModeGuard(true) {}
};

/// Runs f() without recording and returns its result: `auto y = no_grad([&] { return net(x); });`
template <class F>
decltype(auto) no_grad(F&& f) {
  const NoGradGuard guard;
  return std::forward<F>(f)();
}

}  // namespace xgrad

#pragma GCC visibility pop
