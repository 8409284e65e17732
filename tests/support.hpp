#pragma once
// What the tests share.

#include <xgrad/autograd/autograd.hpp>
#include <xgrad/ops/ops.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <unistd.h>

namespace support {

using namespace xgrad;  // NOLINT: tests read better without the prefix

/// The message of the E that f throws; "" if it throws nothing. Other exceptions pass.
template <class E, class F>
std::string message_of(F f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

/// N(0, 1) values in float64, of a stream of their own.
inline Tensor normal(const Shape& shape, std::uint64_t seed = 1) {
  Generator generator(seed);
  return randn(shape, {.dtype = float64, .generator = &generator});
}

/// Values in [low, high), float64.
inline Tensor uniform(const Shape& shape, double low, double high, std::uint64_t seed = 1) {
  Generator generator(seed);
  return rand(shape, {.dtype = float64, .generator = &generator}) * (high - low) + low;
}

inline std::vector<double> values(const Tensor& x) { return x.to(float64).to_vector<double>(); }

/// Whether sweeps are asked for at their full size.
inline bool is_long() {
  const char* const setting = std::getenv("XGRAD_TEST_LONG");
  return setting != nullptr && std::string(setting) == "1";
}

/// So many threads for operations while one lives.
class Threads {
 public:
  explicit Threads(int count) : before_(num_threads()) { set_num_threads(count); }
  ~Threads() { set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

/// A directory for one test, gone afterwards.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "xgrad-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, const std::string& bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<long>(bytes.size()));
}

}  // namespace support
