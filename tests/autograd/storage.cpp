#include <xgrad/autograd/small.hpp>

#include <cstdlib>
#include <functional>
#include <optional>

#include "support.hpp"
#include <malloc.h>

using namespace support;

namespace {

/// The pool on, empty, and as it was before when this dies.
class PoolScope {
 public:
  PoolScope() : pooled_(memory::pooling()), limit_(memory::limit()) {
    memory::set_pooling(true);
    memory::release_cache();
  }
  ~PoolScope() {
    memory::set_limit(limit_);
    memory::set_pooling(pooled_);
  }
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

 private:
  bool pooled_;
  std::optional<std::int64_t> limit_;
};

std::int64_t held() {
  const auto now = memory::statistics();
  return now.bytes_in_use + now.bytes_cached;
}

/// What is kept at most while tensors of 300 sizes, up to 32 MiB, come and go.
std::int64_t most_held_for_many_sizes() {
  std::int64_t most = 0;
  for (int round = 0; round < 3; ++round)
    for (std::int64_t i = 1; i <= 300; ++i) {
      { const Tensor x = Tensor::empty({i * 28000}, float32); }
      most = std::max(most, held());
    }
  return most;
}

/// Runs the skipped test of this name in a process of its own, with a setting in its environment.
int run_with(const std::string& setting, const std::string& test) {
  const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
  return std::system(
      (setting + " '" + program + "' --no-skip --test-case='" + test + "' > /dev/null").c_str());
}

}  // namespace

TEST_CASE("memory is aligned, and counted in and out") {
  const auto before = memory::statistics();
  {
    const Tensor x = zeros({1000});
    CHECK(reinterpret_cast<std::uintptr_t>(x.data<float>()) % Storage::alignment == 0);
    CHECK(memory::statistics().blocks_in_use == before.blocks_in_use + 1);
    CHECK(memory::statistics().bytes_in_use >= before.bytes_in_use + 4000);
  }
  CHECK(memory::statistics().blocks_in_use == before.blocks_in_use);
  CHECK(memory::statistics().bytes_in_use == before.bytes_in_use);
}

TEST_CASE("freed blocks serve the next request of their size") {
  const bool pooled = memory::pooling();
  memory::set_pooling(true);
  { const Tensor x = zeros({12345}); }
  const auto before = memory::statistics();
  CHECK(before.bytes_cached > 0);
  { const Tensor x = zeros({12345}); }
  CHECK(memory::statistics().cache_hits == before.cache_hits + 1);
  memory::release_cache();
  CHECK(memory::statistics().bytes_cached == 0);
  memory::set_pooling(false);
  { const Tensor x = zeros({12345}); }
  CHECK(memory::statistics().bytes_cached == 0);
  memory::set_pooling(pooled);
}

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
TEST_CASE("small blocks are kept, and larger ones go back to the system") {
  const auto grown = [](std::size_t bytes) {
    const auto used = [] { return static_cast<std::int64_t>(mallinfo2().uordblks); };
    const std::int64_t before = used();
    for (int i = 0; i < 10000; ++i) detail::give_back_small(detail::take_small(bytes), bytes);
    return used() - before;
  };
  for (const std::size_t bytes : {1U, 64U, 65U, 1000U, 1024U, 1025U, 1100U, 5000U}) {
    CAPTURE(bytes);
    CHECK(grown(bytes) <= 2000);  // of a block or none
  }
}
#endif

TEST_CASE("a training step in its steady state asks the system for nothing") {
  const bool pooled = memory::pooling();
  memory::set_pooling(true);
  const Tensor w = normal({64, 32}).requires_grad_();
  const Tensor x = normal({16, 32}, 2);
  const auto step = [&] {
    Tensor leaf = w;
    leaf.set_grad({});
    cross_entropy(relu(linear(x, w)), zeros({16}, {.dtype = int64})).backward();
  };
  for (int i = 0; i < 3; ++i) step();
  const auto before = memory::statistics();
  for (int i = 0; i < 10; ++i) step();
  const auto after = memory::statistics();
  CHECK(after.allocations > before.allocations);
  CHECK(after.allocations - before.allocations == after.cache_hits - before.cache_hits);
  memory::set_pooling(pooled);
}

TEST_CASE("the peak is remembered until it is reset") {
  memory::reset_peak();
  const auto before = memory::statistics().bytes_in_use;
  { const Tensor x = zeros({1 << 20}); }
  CHECK(memory::statistics().peak_bytes_in_use >= before + (4 << 20));
  memory::reset_peak();
  CHECK(memory::statistics().peak_bytes_in_use == memory::statistics().bytes_in_use);
}

TEST_CASE("in a process in which nothing larger lived before" * doctest::skip()) {
  const PoolScope scope;
  memory::set_limit({});
  most_held_for_many_sizes();  // the most that ever lived is at least their largest from here on
  memory::reset_peak();
  const std::int64_t most = most_held_for_many_sizes();
  const std::int64_t lived = memory::statistics().peak_bytes_in_use;
  CHECK(most <= 2 * lived);
  CHECK(most > lived);
}

TEST_CASE("300 sizes in turn keep no more than twice the peak of what lived") {
  CHECK(run_with("XGRAD_POOL=1", "in a process in which nothing larger lived before") == 0);
}

TEST_CASE("a limit bounds what is kept, and lowering it gives memory back") {
  const PoolScope scope;
  memory::set_limit(4 << 20);
  CHECK(memory::limit() == 4 << 20);
  most_held_for_many_sizes();
  CHECK(memory::statistics().bytes_cached <= 4 << 20);
  CHECK(memory::statistics().bytes_cached > 2 << 20);

  memory::set_limit(1 << 20);
  CHECK(memory::statistics().bytes_cached <= 1 << 20);
  memory::set_limit(0);
  CHECK(memory::statistics().bytes_cached == 0);
  { const Tensor x = zeros({1000}); }
  CHECK(memory::statistics().bytes_cached == 0);
  CHECK(message_of<ValueError>([] { memory::set_limit(-1); }) ==
        "memory::set_limit: got -1 bytes, needs at least 0");
}

TEST_CASE("of what is kept beyond the limit, the block that waited longest goes first") {
  const PoolScope scope;
  memory::set_limit(3 << 20);
  const auto use = [](std::int64_t floats) {
    const auto before = memory::statistics().cache_hits;
    { const Tensor x = Tensor::empty({floats}, float32); }
    return memory::statistics().cache_hits > before;
  };
  constexpr std::int64_t a = 240'000, b = 200'000, c = 300'000;  // 1, 0.8 and 1.2 MB
  CHECK_FALSE(use(a));
  CHECK_FALSE(use(b));
  CHECK(use(a));
  CHECK_FALSE(use(c));  // b goes
  CHECK(use(a));
  CHECK(use(c));
  CHECK_FALSE(use(b));  // a goes
  CHECK(use(c));
  CHECK_FALSE(use(a));
}

TEST_CASE("a request that no machine can serve is an error and leaves the statistics alone") {
  const auto before = memory::statistics();
  CHECK(message_of<MemoryError>([] { Tensor::empty({std::int64_t{1} << 43}, float64); }) ==
        "tensor: no memory for 70368744177664 bytes");
  CHECK(message_of<MemoryError>([] {
          Tensor::empty({1 << 30, 1 << 30}, float32);
        }) == "tensor: no memory for shape [1073741824, 1073741824] of float32");
  CHECK(memory::statistics().bytes_in_use == before.bytes_in_use);
  CHECK(memory::statistics().blocks_in_use == before.blocks_in_use);
  CHECK(memory::statistics().peak_bytes_in_use == before.peak_bytes_in_use);
}

TEST_CASE("a limit by the environment" * doctest::skip()) {
  CHECK(memory::limit() == 3 << 19);
  CHECK(Tensor::empty({10}, float32).numel() == 10);
}

TEST_CASE("a wrong limit by the environment" * doctest::skip()) {
  const std::string setting = std::getenv("XGRAD_POOL_LIMIT");
  for (int i = 0; i < 2; ++i)
    CHECK(message_of<ValueError>([] { Tensor::empty({10}, float32); }) ==
          "XGRAD_POOL_LIMIT: '" + setting + "' is not a number of bytes such as 0, 512M or 2G");
}

TEST_CASE("XGRAD_POOL_LIMIT") {
  CHECK(run_with("XGRAD_POOL_LIMIT=1536K", "a limit by the environment") == 0);
  CHECK(run_with("XGRAD_POOL_LIMIT=1572864", "a limit by the environment") == 0);
  for (const char* wrong :
       {"", "M", "much", "12Q", "-1", "1.5G", "5 G", "99999999999G", "9223372036854775808"})
    CHECK(run_with("XGRAD_POOL_LIMIT='" + std::string(wrong) + "'",
                   "a wrong limit by the environment") == 0);
}
