#include <xgrad/autograd/gradmode.hpp>

namespace xgrad {
namespace {
thread_local bool enabled_on_this_thread = true;
}

bool is_grad_enabled() noexcept { return enabled_on_this_thread; }

GradModeGuard::GradModeGuard(bool enabled) noexcept
    : before_(std::exchange(enabled_on_this_thread, enabled)) {}

GradModeGuard::~GradModeGuard() { enabled_on_this_thread = before_; }

}  // namespace xgrad
