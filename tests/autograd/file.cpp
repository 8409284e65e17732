// Files that are replaced: what was set on the old one, links, protection.

#include <xgrad/autograd/file.hpp>

#include <algorithm>
#include <csignal>

#include "support.hpp"
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace support;
namespace fs = std::filesystem;
using xgrad::detail::NewFile;
using xgrad::detail::OldFile;

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

std::vector<std::string> names_in(const TemporaryDirectory& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory.path()))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

/// The exit code of f in a process of its own; 100 plus its number where a signal ended it.
template <class F>
int in_child(const F& f) {
  const pid_t child = fork();
  if (child == 0) _exit(f());
  int code = 0;
  waitpid(child, &code, 0);
  return WIFSIGNALED(code) ? 100 + WTERMSIG(code) : WEXITSTATUS(code);
}

/// What f returns for a user who may not do everything, as root may.
template <class F>
int as_nobody(const F& f) {
  if (geteuid() != 0) return f();
  return in_child([&] {
    constexpr int nobody = 65534;
    return setgid(nobody) == 0 && setuid(nobody) == 0 ? f() : 99;
  });
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
  CHECK(mode_of(directory.file(".secret.0.partial")) == 0600);
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
  if (attributes) {
    CHECK(getxattr(path.c_str(), "user.made-by", value.data(), 10) == 4);
    CHECK(value.starts_with("hand"));
  }
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
  CHECK(names_in(directory) == std::vector<std::string>{"x"});
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
  // What is told is the path that was given, not where it leads.
  fs::create_symlink("there/x/below", directory.file("astray"));
  CHECK(message_of<IOError>([&] { replace(directory.file("astray"), "new"); }) ==
        "test: cannot write: " + directory.file("astray") + ": Not a directory");
}

TEST_CASE("several that write to one path do not meet; the last to finish wins") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x");
  NewFile first("test", path), second("test", path);
  CHECK(names_in(directory) == std::vector<std::string>{".x.0.partial", ".x.1.partial"});
  first.write("first", 5);
  second.write("second", 6);
  second.finish();
  CHECK(text_of(path) == "second");
  replace(path, "third");
  first.finish();
  CHECK(text_of(path) == "first");
  { const NewFile given_up("test", path); }
  CHECK(names_in(directory) == std::vector<std::string>{"x"});
}

TEST_CASE("what a program that was killed left is removed by the next") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x");
  for (int i = 0; i < 3; ++i) {
    CHECK(in_child([&] {
            NewFile file("test", path);
            file.write("half", 4);
            file.sync();
            return raise(SIGKILL);
          }) == 100 + SIGKILL);
    CHECK(names_in(directory) == std::vector<std::string>{".x.0.partial"});
  }
  replace(path, "new");
  CHECK(names_in(directory) == std::vector<std::string>{"x"});
  CHECK(text_of(path) == "new");
}

TEST_CASE("a name laid out by somebody else is not followed") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x"), other = directory.file("other");
  write_file(other, "precious");
  fs::create_symlink(other, directory.file(".x.0.partial"));
  fs::create_directory(directory.file(".x.1.partial"));
  REQUIRE(mkfifo(directory.file(".x.2.partial").c_str(), 0600) == 0);
  replace(path, "new");
  CHECK(text_of(path) == "new");
  CHECK_FALSE(fs::is_symlink(path));
  CHECK(text_of(other) == "precious");
  CHECK(fs::is_symlink(directory.file(".x.0.partial")));
}

TEST_CASE("names as long as the file system has them") {
  const TemporaryDirectory directory;
  for (const std::string& name : {std::string(255, 'a'), std::string(251, 'a') + "日b"}) {
    replace(directory.file(name), "new");
    CHECK(names_in(directory) == std::vector<std::string>{name});
    fs::remove(directory.file(name));
  }
  const std::string longer = directory.file(std::string(256, 'a'));
  const std::string told = "test: cannot write: " + longer + ": File name too long";
  CHECK(message_of<IOError>([&] { replace(longer, "new"); }) == told);
  CHECK(message_of<IOError>([&] { xgrad::detail::require_writable("test", longer); }) == told);
  CHECK(names_in(directory).empty());
}

TEST_CASE("where there is no room the old file stays, and nothing else") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x"), large(1 << 20, 'x');
  write_file(path, "old");
  const auto told = [&](const std::string& at) {
    return message_of<IOError>([&] { replace(at, large); });
  };
  CHECK(in_child([&] {
          const rlimit most{1000, 1000};
          if (std::signal(SIGXFSZ, SIG_IGN) == SIG_ERR || setrlimit(RLIMIT_FSIZE, &most) != 0)
            return 99;
          return told(path) == "test: cannot write: " + path + ": File too large" ? 0 : 1;
        }) == 0);
  CHECK(text_of(path) == "old");
  CHECK(names_in(directory) == std::vector<std::string>{"x"});

  const std::string disk = directory.file("disk");
  fs::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
    MESSAGE("a full disk is not tested: only root mounts one");
    return;
  }
  write_file(disk + "/x", "old");
  CHECK(told(disk + "/x") == "test: cannot write: " + disk + "/x: No space left on device");
  CHECK(text_of(disk + "/x") == "old");
  CHECK(std::distance(fs::directory_iterator(disk), {}) == 1);
  umount(disk.c_str());
}

TEST_CASE("a file that is read is the one that was opened") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("x");
  write_file(path, "old and long");
  const OldFile file("test", path);
  replace(path, "new");
  std::string text(file.size(), '\0');
  file.read(text.data(), text.size(), 0);
  CHECK(text == "old and long");
  const OldFile shrinking("test", path);
  fs::resize_file(path, 1);
  CHECK(message_of<IOError>([&] { shrinking.read(text.data(), 3, 0); }) ==
        "test: " + path + ": ends early");
}
