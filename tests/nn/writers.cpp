// Several that save to one path and load from it. XGRAD_STRESS sets how often each does.

#include <xgrad/nn/nn.hpp>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "support.hpp"
#include <sys/wait.h>
#include <unistd.h>

using namespace support;

namespace {

int rounds() {
  const char* asked = std::getenv("XGRAD_STRESS");
  return asked != nullptr ? std::max(1, std::atoi(asked)) : 10;
}

/// Saves a number in each of several tensors, its own where it is metadata, and loads again what
/// some writer saved; how often either went wrong.
int save_and_load(const std::string& path, int number) {
  int wrong = 0;
  for (int i = 0; i < rounds(); ++i) try {
      const Tensor x = full({2000}, 1.0 * number);
      nn::save({{"a", x}, {"b", x.clone()}}, path,
               {.metadata = {{"number", std::to_string(number)}}});
      const nn::File file = nn::load_file(path);
      const double other = std::stod(file.metadata.at("number"));
      const bool whole = file.checked && file.tensors.size() == 2 &&
                         equal(file.tensors[0].second, full({2000}, other)) &&
                         equal(file.tensors[1].second, file.tensors[0].second);
      wrong += whole ? 0 : 1;
    } catch (const Error& error) {
      if (wrong++ == 0) std::fprintf(stderr, "%s\n", error.what());
    }
  return wrong;
}

}  // namespace

TEST_CASE("threads that save to one path and load from it") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int number = 0; number < 6; ++number)
    threads.emplace_back([&, number] { wrong += save_and_load(path, number); });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
}

TEST_CASE("processes that save to one path and load from it, some of them killed") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  std::vector<pid_t> writers, killed;
  for (int number = 0; number < 6; ++number) {
    const pid_t child = fork();
    if (child == 0) {
      while (number >= 4) save_and_load(path, number);
      _exit(std::min(save_and_load(path, number), 100));
    }
    (number < 4 ? writers : killed).push_back(child);
  }
  int wrong = 0;
  for (const pid_t writer : writers) {
    int code = 0;
    waitpid(writer, &code, 0);
    wrong += WIFEXITED(code) ? WEXITSTATUS(code) : 1000;
  }
  for (const pid_t child : killed) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  CHECK(wrong == 0);
  // What the killed ones left goes with the next that writes.
  CHECK(save_and_load(path, 7) == 0);
  CHECK(std::distance(std::filesystem::directory_iterator(directory.path()), {}) == 1);
  CHECK(nn::load_metadata(path).at("number") == "7");
}
