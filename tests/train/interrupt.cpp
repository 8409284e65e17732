// Signals are noted while somebody watches, and do afterwards what they did before.

#include <xgrad/train/interrupt.hpp>

#include <csignal>

#include "support.hpp"
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

namespace {

volatile std::sig_atomic_t counted = 0;

void count(int) { counted = counted + 1; }

/// How a child process that runs f ends: its exit code, or minus the signal.
template <class F>
int ending_of(const F& f) {
  const pid_t child = fork();
  if (child == 0) _exit(f());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a signal is noted, and whose it was before gets the next one") {
  const auto before = std::signal(SIGTERM, count);
  {
    const train::Interrupts interrupts;
    CHECK(interrupts.signal() == 0);
    std::raise(SIGTERM);
    CHECK(interrupts.signal() == SIGTERM);
    CHECK(counted == 0);
  }
  std::raise(SIGTERM);
  CHECK(counted == 1);
  {
    const train::Interrupts again;
    CHECK(again.signal() == 0);
  }
  std::signal(SIGTERM, before);
}

TEST_CASE("there is one at a time") {
  const train::Interrupts interrupts;
  CHECK(message_of<Error>([] { train::Interrupts(); }) ==
        "Interrupts: there is one already; a process has its signals once");
}

TEST_CASE("the second signal ends the program") {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    CAPTURE(signal);
    CHECK(ending_of([signal] {
            const train::Interrupts interrupts;
            std::raise(signal);
            return interrupts.signal() == signal ? 0 : 1;
          }) == 0);
    CHECK(ending_of([signal] {
            const train::Interrupts interrupts;
            std::raise(signal);
            std::raise(signal);
            return 0;
          }) == -signal);
  }
}

TEST_CASE("under nohup a closed terminal stays without effect") {
  CHECK(ending_of([] {
          std::signal(SIGHUP, SIG_IGN);
          const train::Interrupts interrupts;
          std::raise(SIGHUP);
          std::raise(SIGHUP);
          return interrupts.signal();
        }) == 0);
}
