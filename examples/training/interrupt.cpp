#include "interrupt.hpp"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <unistd.h>

namespace examples {
namespace {

constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
constexpr std::array streams{STDOUT_FILENO, STDERR_FILENO};

volatile std::sig_atomic_t received = 0;
// Set before any signal can come.
int nowhere = -1;  // a descriptor of /dev/null
std::array<bool, streams.size()> on_terminal{};

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

void catch_interrupts() {
  nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (std::size_t i = 0; i < streams.size(); ++i) on_terminal[i] = isatty(streams[i]) != 0;
  for (const int signal : signals) {
    const auto before = std::signal(signal, on_signal);
    if (signal == SIGHUP && before == SIG_IGN) std::signal(signal, SIG_IGN);  // nohup
  }
}

int interrupted() { return received; }

}  // namespace examples
