// Real downloads, from a server that the test starts on 127.0.0.1.

#include <xgrad/datasets/download.hpp>
#include <xgrad/datasets/mnist.hpp>
#include <xgrad/datasets/shared_library.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

#include "datasets/files.hpp"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pty.h>
#include <sys/socket.h>
#include <sys/stat.h>

using namespace support;
using namespace xgrad::datasets;

namespace {

/// Serves files over HTTP/1.1, ranges included, one connection after the other.
class Server {
 public:
  Server() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(listen(socket_, 8) == 0);
    REQUIRE(getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    shutdown(socket_, SHUT_RDWR);
    thread_.join();
    close(socket_);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string url(const std::string& file = "") const {
    return "http://127.0.0.1:" + std::to_string(port_) + '/' + file;
  }

  std::map<std::string, std::string> files;  // by name
  std::atomic<std::size_t> cut_after = 0;    // bytes of a body, then the line breaks; 0: never
  std::atomic<int> cuts = 0;                 // how many times
  std::atomic<bool> ranges = true;
  std::atomic<bool> lengths = true;  // whether a body's is told before it comes
  std::vector<std::string> requests;

 private:
  void run() {
    while (true) {
      const int client = accept(socket_, nullptr, nullptr);
      if (client < 0) return;
      std::string request;
      char buffer[4096];
      while (request.find("\r\n\r\n") == std::string::npos) {
        const auto got = recv(client, buffer, sizeof buffer, 0);
        if (got <= 0) break;
        request.append(buffer, static_cast<std::size_t>(got));
      }
      requests.push_back(request);
      answer(client, request);
      close(client);
    }
  }

  void answer(int client, const std::string& request) {
    const std::string name = request.substr(5, request.find(' ', 5) - 5);
    if (!files.contains(name))
      return put(client, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    const std::string& file = files[name];
    std::size_t from = 0;
    if (const auto range = request.find("Range: bytes="); range != std::string::npos && ranges)
      from = std::strtoul(request.c_str() + range + 13, nullptr, 10);
    if (from > 0 && from >= file.size())
      return put(client, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
    std::string body = file.substr(from);
    std::string head = from > 0 ? "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes " +
                                      std::to_string(from) + '-' + std::to_string(file.size() - 1) +
                                      '/' + std::to_string(file.size()) + "\r\n"
                                : "HTTP/1.1 200 OK\r\n";
    if (lengths) head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    head += "Connection: close\r\n\r\n";
    if (cuts > 0 && cut_after < body.size()) {
      --cuts;
      body.resize(cut_after);
    }
    put(client, head + body);
  }

  static void put(int client, const std::string& bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const auto sent = send(client, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (sent <= 0) return;
      done += static_cast<std::size_t>(sent);
    }
  }

  int socket_;
  int port_ = 0;
  std::thread thread_;
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string sample(std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 7 + i / 256);
  return bytes;
}

struct Fixture {
  Server server;
  TemporaryDirectory directory;
  std::string body = sample(300'000);
  std::string target = directory.file("folder/data.gz");
  std::string md5;
  std::int64_t last_done = 0;
  std::int64_t last_total = 0;

  Fixture() {
    server.files["data.gz"] = body;
    write_file(directory.file("original"), body);
    md5 = md5_of_file(directory.file("original"));
  }
  DownloadOptions options() {
    return {.md5 = md5, .progress = [this](std::int64_t done, std::int64_t total) {
              last_done = done;
              last_total = total;
            }};
  }
};

}  // namespace

TEST_CASE("MD5 sums are the published ones") {
  const TemporaryDirectory directory;
  write_file(directory.file("x"), "abc");
  CHECK(md5_of_file(directory.file("x")) == "900150983cd24fb0d6963f7d28e17f72");
  CHECK_THROWS_AS(md5_of_file(directory.file("none")), IOError);
}

TEST_CASE_FIXTURE(Fixture, "a whole download") {
  download({server.url("data.gz")}, target, options());
  CHECK(contents(target) == body);
  CHECK_FALSE(std::filesystem::exists(target + ".part"));
  CHECK(last_done == 300'000);
  CHECK(last_total == 300'000);
}

TEST_CASE_FIXTURE(Fixture, "a file that is fetched anew keeps its permissions and its link") {
  namespace fs = std::filesystem;
  const std::string file = directory.file("elsewhere");
  write_file(file, "old");
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
  fs::create_directories(fs::path(target).parent_path());
  fs::create_symlink(file, target);
  download({server.url("data.gz")}, target, options());
  CHECK(contents(file) == body);
  CHECK(fs::is_symlink(target));
  CHECK(fs::status(file).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE_FIXTURE(Fixture, "cut off half-way, it goes on where it broke") {
  server.cut_after = 100'000;
  server.cuts = 1;
  download({server.url("data.gz")}, target, options());
  CHECK(contents(target) == body);
  REQUIRE(server.requests.size() == 2);
  CHECK(server.requests[1].find("Range: bytes=100000-") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "what one run left, the next one uses") {
  server.cut_after = 50'000;
  server.cuts = 3;
  CHECK_THROWS_AS(download({server.url("data.gz")}, target, options()), IOError);
  CHECK_FALSE(std::filesystem::exists(target));
  CHECK(std::filesystem::file_size(target + ".part") == 150'000);
  download({server.url("data.gz")}, target, options());
  CHECK(contents(target) == body);
  CHECK(server.requests.back().find("Range: bytes=150000-") != std::string::npos);
}

TEST_CASE_FIXTURE(Fixture, "a server without ranges starts over") {
  write_file(target + ".part", body.substr(0, 1000));
  server.ranges = false;
  download({server.url("data.gz")}, target, options());
  CHECK(contents(target) == body);
}

TEST_CASE_FIXTURE(Fixture, "a part that is whole already needs only its sum") {
  for (const bool ranges : {true, false}) {
    server.ranges = ranges;
    server.requests.clear();
    write_file(target + ".part", body);
    download({server.url("data.gz")}, target, options());
    CHECK(contents(target) == body);
    CHECK(server.requests.size() == 1);
    std::filesystem::remove(target);
  }
}

TEST_CASE_FIXTURE(Fixture, "where the server does not say how much comes, no whole is told") {
  server.lengths = false;
  for (const std::size_t before : {0U, 100'000U}) {
    CAPTURE(before);
    if (before > 0) write_file(target + ".part", body.substr(0, before));
    download({server.url("data.gz")}, target, options());
    CHECK(contents(target) == body);
    CHECK(last_done == 300'000);
    CHECK(last_total == 0);
    std::filesystem::remove(target);
  }
}

TEST_CASE_FIXTURE(Fixture, "a terminal shows in one line how far it is") {
  int terminal = -1;
  int screen = -1;
  REQUIRE(openpty(&terminal, &screen, nullptr, nullptr, nullptr) == 0);
  std::string shown;
  std::thread reader([&] {
    char bytes[4096];
    for (ssize_t got; (got = read(terminal, bytes, sizeof bytes)) > 0;)
      shown.append(bytes, static_cast<std::size_t>(got));
  });
  const int before = dup(STDERR_FILENO);
  dup2(screen, STDERR_FILENO);
  close(screen);
  download({server.url("data.gz")}, target, {.md5 = md5});
  dup2(before, STDERR_FILENO);  // the last that holds the screen: the reader ends
  close(before);
  reader.join();
  close(terminal);
  CHECK(shown.find("data.gz [==============================] 100%  0.3 MB") != std::string::npos);
  CHECK(shown.find("100%", shown.find("100%") + 1) == std::string::npos);
  CHECK(std::ranges::count(shown, '\n') == 1);
  CHECK(contents(target) == body);
}

TEST_CASE_FIXTURE(Fixture, "a wrong sum is told with both sums, and nothing is left") {
  DownloadOptions wrong = options();
  wrong.md5 = std::string(32, '0');
  const std::string message =
      message_of<IOError>([&] { download({server.url("data.gz")}, target, wrong); });
  CHECK(message.find("MD5 of what came is " + md5 + ", expected " + wrong.md5) !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(target));
  CHECK_FALSE(std::filesystem::exists(target + ".part"));
}

TEST_CASE_FIXTURE(Fixture, "who comes second waits for the first, and fetches nothing") {
  const auto somebody_waits = [&] {
    struct stat part {};
    if (stat((target + ".part").c_str(), &part) != 0) return false;
    std::ifstream locks("/proc/locks");
    const std::string inode = ':' + std::to_string(part.st_ino) + ' ';
    for (std::string line; std::getline(locks, line);)
      if (line.find("-> FLOCK") != std::string::npos && line.find(inode) != std::string::npos)
        return true;
    return false;
  };
  std::thread second;
  DownloadOptions first = options();
  first.progress = [&](std::int64_t, std::int64_t) {
    if (second.joinable()) return;
    second =
        std::thread([&] { CHECK_NOTHROW(download({server.url("data.gz")}, target, options())); });
    for (int i = 0; i < 5000 && !somebody_waits(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  download({server.url("data.gz")}, target, first);
  second.join();
  CHECK(contents(target) == body);
  CHECK(server.requests.size() == 1);
  CHECK_FALSE(std::filesystem::exists(target + ".part"));
}

TEST_CASE_FIXTURE(Fixture, "404 is told; another mirror may have it") {
  const std::string message =
      message_of<IOError>([&] { download({server.url("none.gz")}, target, options()); });
  CHECK(message.find(server.url("none.gz") + ": HTTP status 404") != std::string::npos);
  download({server.url("none.gz"), server.url("data.gz")}, target, options());
  CHECK(contents(target) == body);
}

TEST_CASE_FIXTURE(Fixture, "a directory that cannot be made, a disk that is full") {
  write_file(directory.file("file"), "x");
  CHECK(message_of<IOError>([&] {
          download({server.url("data.gz")}, directory.file("file/x"), options());
        }).starts_with("download: cannot make"));
  if (std::filesystem::exists("/dev/full")) {
    std::filesystem::create_directories(directory.file("folder"));
    std::filesystem::create_symlink("/dev/full", target + ".part");
    CHECK(message_of<IOError>([&] {
            download({server.url("data.gz")}, target, options());
          }).find("No space left") != std::string::npos);
  }
}

TEST_CASE_FIXTURE(Fixture, "a data set fetches what it lacks, and finds it the next time") {
  // The published sums are those of the real files, so these cannot pass for them.
  server.files["train-images-idx3-ubyte.gz"] = files::gzip(files::idx_images(3, 28));
  const char* old_data = std::getenv("XGRAD_DATA");
  const std::string before = old_data ? old_data : "";
  unsetenv("XGRAD_DATA");
  setenv("XDG_CACHE_HOME", directory.path().c_str(), 1);
  setenv("XGRAD_MNIST_URL", server.url().c_str(), 1);
  const std::string message = message_of<IOError>([] { MNIST(); });
  CHECK(message.find("expected f68b3c2dcbeaaa9fbdd348bbdeb94873") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(directory.file("xgrad/mnist/train-images-idx3-ubyte.gz")));
  unsetenv("XGRAD_MNIST_URL");
  unsetenv("XDG_CACHE_HOME");
  if (old_data) setenv("XGRAD_DATA", before.c_str(), 1);
}

TEST_CASE("a library that is not there is told with what it was for") {
  CHECK(message_of<IOError>(
            [] { datasets::SharedLibrary("libnowhere.so.9", "download", "libnowhere-dev"); }) ==
        "download: needs libnowhere.so.9, which is not to be had: libnowhere.so.9: cannot open "
        "shared object file: No such file or directory; the package libnowhere-dev brings it");
}
