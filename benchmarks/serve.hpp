#pragma once
// How the comparison talks to the two programs: PROGRAM list names the works; PROGRAM WORK THREADS
// gets one ready, prints a number that both sides must agree on, and then, for every line with a
// count, does the work so often and prints the seconds that took.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>

namespace bench {

struct Prepared {
  std::function<void()> step;
  /// A number that depends on all that was computed in the steps so far.
  std::function<double()> check;
};

using Works = std::map<std::string, std::function<Prepared()>>;

inline int serve(int argc, char** argv, const Works& works,
                 const std::function<void(int)>& set_threads) {
  if (argc == 2 && std::strcmp(argv[1], "list") == 0) {
    for (const auto& [name, prepare] : works) std::printf("%s\n", name.c_str());
    return 0;
  }
  const auto work = argc == 3 ? works.find(argv[1]) : works.end();
  const int threads = argc == 3 ? std::atoi(argv[2]) : 0;
  if (work == works.end() || threads < 1) {
    std::fprintf(stderr, "usage: %s list | WORK THREADS\n", argv[0]);
    return 2;
  }
  set_threads(threads);
  const Prepared prepared = work->second();
  for (int i = 0; i < 3; ++i) prepared.step();
  std::printf("%.9g\n", prepared.check());
  std::fflush(stdout);
  char line[64];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    const int count = std::atoi(line);
    prepared.step();  // wakes what slept since the last line
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) prepared.step();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    std::printf("%.9g\n", elapsed.count());
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace bench
