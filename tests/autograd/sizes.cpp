// Sizes around the constants of this floor: the pool's blocks, parts of loops, blocks of channels,
// sums of gradients.

#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/layout.hpp>
#include <xgrad/autograd/parallel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

constexpr std::array thread_counts{1, 2, 3, 5, 8};

}  // namespace

TEST_CASE("living tensors of any size share no memory, new and from the pool") {
  // Around the quarters between powers of two at which blocks are cut, header included.
  std::vector<std::int64_t> sizes;
  for (std::int64_t power = 32; power <= (1 << 20); power *= 2)
    for (std::int64_t quarter = 4; quarter < 8; ++quarter)
      for (const std::int64_t apart : {-65, -64, -63, -1, 0, 1})
        sizes.push_back(std::max<std::int64_t>(power / 4 * quarter + apart, 0));
  const bool pooled = memory::pooling();
  memory::set_pooling(true);
  Generator generator(3);
  for (int round = 0; round < 3; ++round) {
    std::vector<Tensor> living;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      const std::int64_t bytes = sizes[generator.below(sizes.size())];
      Tensor x = Tensor::empty({bytes}, boolean);
      CHECK(x.storage()->byte_count() == static_cast<std::size_t>(bytes));
      bool* const values = x.mutable_data<bool>();
      std::fill_n(values, bytes, i % 2 == 0);
      living.push_back(x);
      if (i % 3 == 2) living.erase(living.begin() + static_cast<std::ptrdiff_t>(i % living.size()));
    }
    for (const Tensor& x : living)
      if (x.numel() > 0) {
        const bool* const values = x.data<bool>();
        CHECK(std::count(values, values + x.numel(), values[0]) == x.numel());
      }
  }
  memory::set_pooling(pooled);
}

TEST_CASE("what was in use is given back to the last byte, whatever the sizes") {
  const auto before = memory::statistics();
  for (std::int64_t n = 1; n < 5000; n += 37) {
    const Tensor x = Tensor::empty({n}, float32);
    const auto now = memory::statistics();
    CHECK(now.blocks_in_use == before.blocks_in_use + 1);
    // A block is at most a fourth larger than what is asked for, but for the smallest.
    const std::int64_t wanted = 4 * n + 64;
    CHECK(now.bytes_in_use - before.bytes_in_use >= wanted);
    CHECK(now.bytes_in_use - before.bytes_in_use <= std::max<std::int64_t>(wanted * 5 / 4, 128));
  }
  CHECK(memory::statistics().bytes_in_use == before.bytes_in_use);
  CHECK(memory::statistics().blocks_in_use == before.blocks_in_use);
}

TEST_CASE("parts of a loop cover every number once, in order and about alike") {
  for (const int threads : thread_counts) {
    const Threads guard(threads);
    for (const std::int64_t grain : {0, 1, 2, 7, 100})
      for (std::int64_t n = 0; n <= 130; ++n) {
        std::vector<int> seen(static_cast<std::size_t>(n));
        std::atomic<int> parts{0};
        detail::parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
          ++parts;
          for (std::int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
        });
        CAPTURE(threads);
        CAPTURE(grain);
        CAPTURE(n);
        CHECK(std::count(seen.begin(), seen.end(), 1) == n);
        CHECK(parts <= std::max(threads, 1));
        if (n > 0 && n <= grain) CHECK(parts == 1);
      }
  }
  // Whose product with the number of parts does not fit 63 bits.
  constexpr std::int64_t n = std::numeric_limits<std::int64_t>::max() - 4;
  std::vector<std::pair<std::int64_t, std::int64_t>> parts(7);
  detail::parallel_parts(n, 7, [&](int part, std::int64_t begin, std::int64_t end) {
    parts[static_cast<std::size_t>(part)] = {begin, end};
  });
  CHECK(parts.front().first == 0);
  CHECK(parts.back().second == n);
  for (std::size_t i = 1; i < parts.size(); ++i) CHECK(parts[i].first == parts[i - 1].second);
}

TEST_CASE("pieces of many arrays cover every element once") {
  const std::vector<std::vector<std::int64_t>> all{
      {5}, {0}, {}, {1, 1, 1}, {0, 7, 0, 0, 3}, {100, 1, 0, 64}, {3, 0, 0}, {33, 33, 33, 33}};
  for (const int threads : thread_counts)
    for (const std::int64_t grain : {1, 2, 10, 1000})
      for (const auto& sizes : all) {
        const Threads guard(threads);
        std::vector<std::vector<int>> seen;
        for (const std::int64_t size : sizes) seen.emplace_back(static_cast<std::size_t>(size));
        detail::parallel_pieces(
            sizes.size(), grain, [&](std::size_t i) { return sizes[i]; },
            [&](std::size_t i, std::int64_t begin, std::int64_t end) {
              for (std::int64_t j = begin; j < end; ++j) ++seen[i][static_cast<std::size_t>(j)];
            });
        for (const auto& piece : seen)
          CHECK(std::count(piece.begin(), piece.end(), 1) == std::ssize(piece));
      }
}

TEST_CASE("blocks of channels hold every value in its place, on any number of threads") {
  const std::int64_t block = channel_block();
  const std::vector<Shape> shapes{{1, block, 1, 1},     {3, 2 * block, 1, 7}, {2, block, 5, 3},
                                  {5, 3 * block, 9, 9}, {4, 64, 32, 33},      {1, block, 300, 300}};
  for (const Shape& shape : shapes)
    for (const int threads : thread_counts) {
      CAPTURE(shape);
      CAPTURE(threads);
      const Threads guard(threads);
      const Tensor x = arange(shape.numel()).to(float32).reshape(shape);
      const Tensor blocked = arranged(x, Layout::blocked);
      const std::int64_t channels = shape[1], plane = shape[2] * shape[3];
      const auto* const own = own_data<float>(blocked);
      std::int64_t wrong = 0;
      for (std::int64_t i = 0; i < x.numel(); ++i) {
        const std::int64_t image = i / (channels * plane), channel = i / plane % channels;
        const std::int64_t at = ((image * channels + channel / block * block) * plane) +
                                i % plane * block + channel % block;
        wrong += own[at] != static_cast<float>(i);
      }
      CHECK(wrong == 0);
      CHECK(equal(blocked, x));
      // The rows of what has no rows yet.
      Tensor same = empty(shape, float32, Layout::blocked);
      std::copy_n(own, x.numel(), own_data<float>(same));
      CHECK(equal(same, x));
    }
}

TEST_CASE("sums of gradients of any length, on any number of threads") {
  for (const int threads : thread_counts)
    for (const std::int64_t n : {1, 15, 16, 17, 65535, 65536, 65537, 131073, 200001}) {
      const Threads guard(threads);
      CAPTURE(threads);
      CAPTURE(n);
      const Tensor a = arange(n).to(float32);
      const Tensor b = (7 - arange(n)).to(float32);
      const Tensor sum = detail::add_gradients(a, b);
      CHECK(equal(sum, full({n}, 7.0)));
    }
}

TEST_CASE("whole numbers below any bound are alike, with none too likely") {
  Generator generator(5);
  constexpr int n = 30000;
  // Of 3 · 2⁶², a third of the numbers lie below 2⁶²; a remainder of 64 bits would put half there.
  constexpr std::uint64_t bound = std::uint64_t{3} << 62;
  int low = 0;
  for (int i = 0; i < n; ++i) {
    const std::uint64_t value = generator.below(bound);
    CHECK(value < bound);
    low += value < bound / 3;
  }
  CHECK(std::abs(low - n / 3) < 5 * 82);  // the deviation of 30000 draws of a third
  for (int i = 0; i < 10; ++i) CHECK(generator.below(1) == 0);
}
