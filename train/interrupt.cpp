#include <xgrad/autograd/raise.hpp>
#include <xgrad/train/interrupt.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace xgrad::train {
namespace {

constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
constexpr std::array streams{STDOUT_FILENO, STDERR_FILENO};

std::atomic<bool> watched = false;
volatile std::sig_atomic_t received = 0;
// Set before any signal can come.
int nowhere = -1;  // a descriptor of /dev/null
std::array<bool, streams.size()> on_terminal{};
std::array<void (*)(int), signals.size()> handlers_before{};

// Only what is safe in a signal handler.
void on_signal(int signal) {
  const int error = errno;
  received = signal;
  for (const int each : signals) std::signal(each, SIG_DFL);
  if (signal == SIGHUP && nowhere >= 0)
    for (std::size_t i = 0; i < streams.size(); ++i)
      if (on_terminal[i]) dup2(nowhere, streams[i]);
  errno = error;
}

}  // namespace

Interrupts::Interrupts() {
  require<Error>(!watched.exchange(true),
                 "Interrupts: there is one already; a process has its signals once");
  received = 0;
  if (nowhere < 0) nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (std::size_t i = 0; i < streams.size(); ++i) on_terminal[i] = isatty(streams[i]) != 0;
  for (std::size_t i = 0; i < signals.size(); ++i) {
    handlers_before[i] = std::signal(signals[i], on_signal);
    if (signals[i] == SIGHUP && handlers_before[i] == SIG_IGN) std::signal(SIGHUP, SIG_IGN);
  }
}

Interrupts::~Interrupts() {
  for (std::size_t i = 0; i < signals.size(); ++i) std::signal(signals[i], handlers_before[i]);
  watched = false;
}

int Interrupts::signal() const noexcept { return received; }

}  // namespace xgrad::train
