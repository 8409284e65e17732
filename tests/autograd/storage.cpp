#include "support.hpp"

using namespace support;

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
