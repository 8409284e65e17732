#pragma once
// For tests of what a forked process can do.

#include <csignal>
#include <functional>

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace support {

/// What `f` gives in a forked process, at most 255; −1 if it does not end within half a minute.
inline int in_child(const std::function<int()>& f) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(30);
    _exit(f());
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  return WTERMSIG(status) == SIGALRM ? -1 : 128 + WTERMSIG(status);
}

}  // namespace support
