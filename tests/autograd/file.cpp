// Files that are replaced: what was set on the old one, links, protection.

#include <xgrad/autograd/file.hpp>

#include "support.hpp"
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace support;
namespace fs = std::filesystem;
using xgrad::detail::NewFile;

namespace {

struct stat status_of(const std::string& path) {
  struct stat result {};
  REQUIRE(stat(path.c_str(), &result) == 0);
  return result;
}

unsigned mode_of(const std::string& path) { return status_of(path).st_mode & 07777; }

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void replace(const std::string& path, const std::string& text) {
  xgrad::detail::write_file("test", path, text);
}

/// What f returns for a user who may not do everything, as root may.
template <class F>
int as_nobody(const F& f) {
  if (geteuid() != 0) return f();
  const pid_t child = fork();
  if (child == 0) {
    constexpr int nobody = 65534;
    _exit(setgid(nobody) == 0 && setuid(nobody) == 0 ? f() : 100);
  }
  int code = 0;
  waitpid(child, &code, 0);
  return WEXITSTATUS(code);
}

}  // namespace

TEST_CASE("a file that is replaced keeps its permissions") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x");
  for (const unsigned mode : {0600U, 0640U, 0755U, 0666U, 0620U}) {
    write_file(path, "old");
    REQUIRE(chmod(path.c_str(), mode) == 0);
    replace(path, "new");
    CHECK(text_of(path) == "new");
    CHECK(mode_of(path) == mode);
  }
  const mode_t before = umask(027);
  replace(directory.file("y"), "new");
  umask(before);
  CHECK(mode_of(directory.file("y")) == 0640);
}

TEST_CASE("nobody reads what is written meanwhile who may not read the old file") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("secret");
  write_file(path, "old");
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  NewFile file("test", path);
  CHECK(mode_of(path + ".partial") == 0600);
}

TEST_CASE("a file that is replaced keeps its owner, group and attributes") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x");
  write_file(path, "old");
  const bool attributes = setxattr(path.c_str(), "user.made-by", "hand", 4, 0) == 0;
  const bool owner = chown(path.c_str(), 1234, 5678) == 0;
  REQUIRE(chmod(path.c_str(), 0664) == 0);
  replace(path, "new");
  if (owner) {
    CHECK(status_of(path).st_uid == 1234);
    CHECK(status_of(path).st_gid == 5678);
    CHECK(mode_of(path) == 0664);
  }
  std::string value(10, '\0');
  if (attributes) CHECK(getxattr(path.c_str(), "user.made-by", value.data(), 10) == 4);
  if (!owner) MESSAGE("owners not tested: they are root's to change");
  if (!attributes) MESSAGE("attributes not tested: this file system has none");
}

TEST_CASE("where the group cannot be kept, the new one gets what everybody has") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x");
  write_file(path, "old");
  if (chown(path.c_str(), 1234, 5678) != 0 || as_nobody([] { return 0; }) != 0) {
    MESSAGE("not tested: only root makes files of another group");
    return;
  }
  REQUIRE(chmod(path.c_str(), 0666) == 0);
  REQUIRE(chmod(directory.path().c_str(), 0777) == 0);
  CHECK(as_nobody([&] {
          replace(path, "new");
          return 0;
        }) == 0);
  CHECK(mode_of(path) == 0666);
  REQUIRE(chown(path.c_str(), 1234, 5678) == 0);
  REQUIRE(chmod(path.c_str(), 0672) == 0);
  CHECK(as_nobody([&] {
          replace(path, "new");
          return 0;
        }) == 0);
  CHECK(mode_of(path) == 0622);
  CHECK(text_of(path) == "new");
}

TEST_CASE("a write-protected file is not replaced") {
  if (as_nobody([] { return 0; }) != 0) {
    MESSAGE("not tested: root cannot be anybody else here");
    return;
  }
  const TemporaryDirectory directory;
  const std::string path = directory.file("x");
  write_file(path, "old");
  REQUIRE(chmod(path.c_str(), 0444) == 0);
  REQUIRE(chmod(directory.path().c_str(), 0777) == 0);
  const std::string told = "test: cannot write: " + path + ": Permission denied";
  CHECK(as_nobody([&] {
          const auto by_writing = message_of<IOError>([&] { replace(path, "new"); });
          const auto by_asking =
              message_of<IOError>([&] { xgrad::detail::require_writable("test", path); });
          return (by_writing == told ? 0 : 1) + (by_asking == told ? 0 : 2);
        }) == 0);
  CHECK(text_of(path) == "old");
  CHECK_FALSE(fs::exists(path + ".partial"));
}

TEST_CASE("links stay, also those to a file that is not there yet") {
  const TemporaryDirectory directory;
  fs::create_directory(directory.file("there"));
  const std::string file = directory.file("there/x");
  fs::create_symlink("there/y", directory.file("first"));
  fs::create_symlink("x", directory.file("there/y"));
  for (const char* text : {"new", "newer"}) {
    replace(directory.file("first"), text);
    CHECK(fs::is_symlink(directory.file("first")));
    CHECK(fs::is_symlink(directory.file("there/y")));
    CHECK(text_of(file) == text);
  }
  fs::create_symlink("circle", directory.file("circle"));
  CHECK(message_of<IOError>([&] {
          replace(directory.file("circle"), "new");
        }).starts_with("test: cannot write: "));
  CHECK(fs::is_symlink(directory.file("circle")));
}
