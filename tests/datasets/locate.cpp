#include <xgrad/datasets/locate.hpp>
#include <xgrad/datasets/mnist.hpp>

#include <cstdlib>
#include <optional>

#include "support.hpp"

using namespace support;
using namespace xgrad::datasets;

namespace {

/// An environment variable for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* old = std::getenv(name)) before_ = old;
    set(value);
  }
  ~Variable() { set(before_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const std::optional<std::string>& value) {
    if (value) {
      setenv(name_, value->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace

TEST_CASE("the caller's directory goes first, then XGRAD_DATA, then the cache") {
  const Variable data("XGRAD_DATA", "/env");
  const Variable cache("XDG_CACHE_HOME", "/cache");
  CHECK(directories({"mnist", "/mine"}) == std::vector<std::string>{"/mine/mnist", "/mine"});
  CHECK(directories({"mnist", ""}) == std::vector<std::string>{"/env/mnist", "/env"});
  const Variable none("XGRAD_DATA", {});
  CHECK(directories({"mnist", ""}) ==
        std::vector<std::string>{"/cache/xgrad/mnist", "/cache/xgrad"});
  const Variable no_cache("XDG_CACHE_HOME", {});
  const Variable home("HOME", "/home/me");
  CHECK(cache_directory() == "/home/me/.cache/xgrad");
  const Variable homeless("HOME", {});
  CHECK_THROWS_AS(cache_directory(), IOError);
}

TEST_CASE("a named directory without the files is told, not gone around") {
  const TemporaryDirectory directory;
  const Variable data("XGRAD_DATA", directory.path());
  const Variable mirror("XGRAD_MNIST_URL", "http://127.0.0.1:9/none");
  const std::string message = message_of<IOError>([] { MNIST(); });
  CHECK(message.starts_with("data: train-images-idx3-ubyte.gz is neither in " + directory.path()));
  CHECK(message.find("with XGRAD_DATA or the option root") != std::string::npos);
  CHECK(message.find("--data") == std::string::npos);  // the library's users have no such option
}

TEST_CASE("without a network the download says what to do") {
  const TemporaryDirectory directory;
  const Variable data("XGRAD_DATA", {});
  const Variable cache("XDG_CACHE_HOME", directory.path());
  const Variable mirror("XGRAD_MNIST_URL", "http://127.0.0.1:9/a,http://127.0.0.1:9/b/");
  const std::string message = message_of<IOError>([] { MNIST(); });
  CHECK(
      message.starts_with("download: train-images-idx3-ubyte.gz could not be fetched:\n  "
                          "http://127.0.0.1:9/a/train-images-idx3-ubyte.gz: "));
  CHECK(message.find("http://127.0.0.1:9/b/train-images-idx3-ubyte.gz: ") != std::string::npos);
  CHECK(message.find("Without a network, put the file at " + directory.path()) !=
        std::string::npos);
  CHECK(message_of<IOError>([] {
          MNIST({.download = false});
        }).ends_with("downloading is switched off"));
}
