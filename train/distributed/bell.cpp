#include <xgrad/autograd/raise.hpp>
#include <xgrad/distributed/bell.hpp>
#include <xgrad/distributed/link.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

namespace xgrad::distributed::detail {
namespace {

constexpr char by_program = '.';
constexpr char by_sigterm = 'T';

struct Pipe {
  OwnDescriptor out;
  OwnDescriptor in;
};

// Once made it stays: a handler may be about to write to it at any time.
std::atomic<Pipe*> made = nullptr;
std::atomic<bool> is_heard = false;

Pipe* make_pipe() {
  auto pipe = std::make_unique<Pipe>();
  std::array<int, 2> ends{-1, -1};
  pipe->out = OwnDescriptor::of(
      [&] { return pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0 ? ends[0] : -1; });
  require<IOError>(static_cast<bool>(pipe->out), "watch: no pipe: {}", std::strerror(errno));
  pipe->in = OwnDescriptor::of([&] { return ends[1]; });
  return pipe.release();
}

bool write_to(const Pipe* pipe, char sound) noexcept {
  return pipe != nullptr && write(pipe->in.number(), &sound, 1) == 1;
}

// Only what is safe in a signal handler.
void on_sigterm(int signal) {
  const int error = errno;
  std::signal(signal, SIG_DFL);
  if (!is_heard || !write_to(made, by_sigterm)) std::raise(signal);
  errno = error;
}

using Handler = void (*)(int);

void exchange_handler(Handler from, Handler to) noexcept {
  struct sigaction now {};
  if (sigaction(SIGTERM, nullptr, &now) != 0 || (now.sa_flags & SA_SIGINFO) != 0) return;
  if (now.sa_handler == from) std::signal(SIGTERM, to);
}

void forget_in_child() {
  is_heard = false;
  exchange_handler(on_sigterm, SIG_DFL);
  made = nullptr;  // it is closed there
}

}  // namespace

Bell::Bell() {
  [[maybe_unused]] static const bool forgets =
      pthread_atfork(nullptr, nullptr, forget_in_child) == 0;
  require<Error>(!is_heard.exchange(true), "watch: there is one already in this process");
  try {
    if (made == nullptr) made = make_pipe();
  } catch (...) {
    is_heard = false;
    throw;
  }
  hear();  // of the one before
}

Bell::~Bell() {
  exchange_handler(on_sigterm, SIG_DFL);
  is_heard = false;
}

int Bell::descriptor() const noexcept { return made.load()->out.number(); }

// A pipe that is full has woken the thread already.
void Bell::ring() const noexcept { write_to(made, by_program); }

bool Bell::hear() const noexcept {
  std::array<char, 64> sounds;
  bool was_sigterm = false;
  for (ssize_t count = 1; count > 0;) {
    count = read(descriptor(), sounds.data(), sounds.size());
    if (count > 0)
      was_sigterm |=
          std::find(sounds.data(), sounds.data() + count, by_sigterm) != sounds.data() + count;
  }
  return was_sigterm;
}

void Bell::catch_sigterm() noexcept { exchange_handler(SIG_DFL, on_sigterm); }

}  // namespace xgrad::distributed::detail
