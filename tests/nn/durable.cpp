// What is asked of the system, and in which order, when weights are saved.

#include <xgrad/nn/nn.hpp>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "support.hpp"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace support;

namespace {

struct Request {
  std::string what;
  ino_t file = 0;  // or directory
  std::int64_t bytes = 0;
  std::string to = {};
};

std::vector<Request>* watched = nullptr;  // while a Watch lives

class Watch {
 public:
  Watch() { watched = &requests; }
  ~Watch() { watched = nullptr; }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  std::vector<Request> requests;
};

Request about(const std::string& what, const struct stat& there) {
  return {what, there.st_ino, static_cast<std::int64_t>(there.st_size)};
}

}  // namespace

// In the place of the library's, which the program's own go before.
extern "C" {
// NOLINTBEGIN
int fsync(int file) {
  struct stat there {};
  if (watched != nullptr && fstat(file, &there) == 0)
    watched->push_back(about(S_ISDIR(there.st_mode) ? "sync directory" : "sync file", there));
  return static_cast<int>(syscall(SYS_fsync, file));
}

int rename(const char* from, const char* to) noexcept {
  struct stat there {};
  if (watched != nullptr && stat(from, &there) == 0) {
    watched->push_back(about("rename", there));
    watched->back().to = to;
  }
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}
// NOLINTEND
}

TEST_CASE("a file of weights is on the disk before it has its name, and then its name is") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x.safetensors");
  for (const bool replaces : {false, true}) {
    CAPTURE(replaces);
    std::vector<Request> asked;
    {
      Watch watch;
      nn::save({{"x", ones({300'000})}}, path);
      asked = watch.requests;
    }
    struct stat file {};
    struct stat folder {};
    REQUIRE(stat(path.c_str(), &file) == 0);
    REQUIRE(stat(directory.path().c_str(), &folder) == 0);
    REQUIRE(asked.size() == 3);
    CHECK(asked[0].what == "sync file");
    CHECK(asked[0].file == file.st_ino);
    CHECK(asked[0].bytes == file.st_size);  // nothing is left in a buffer
    CHECK(asked[1].what == "rename");
    CHECK(asked[1].file == file.st_ino);
    CHECK(asked[1].to == path);
    CHECK(asked[2].what == "sync directory");
    CHECK(asked[2].file == folder.st_ino);
  }
}

TEST_CASE("asking whether a file can be written brings nothing to the disk") {
  const TemporaryDirectory directory;
  Watch watch;
  nn::require_writable(directory.file("x.safetensors"));
  CHECK(watch.requests.empty());
}
