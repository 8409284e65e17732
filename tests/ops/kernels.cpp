// The kernels by themselves, and the trap in xtensor that one compiler flag avoids.

#include <xgrad/autograd/strided.hpp>
#include <xgrad/ops/kernels/elementwise.hpp>
#include <xgrad/ops/kernels/loops.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/xtensor.hpp>

#include <array>
#include <thread>

#include "support.hpp"

using namespace support;

TEST_CASE("loops merge the axes they can") {
  const Shape all{4, 3, 5, 6};
  const auto broadcast = [](const Shape& result, const Shape& shape) {
    return kernels::broadcast_strides(result, shape, row_major(shape));
  };
  const std::array mixed{broadcast(all, {4, 1, 5, 6}), broadcast(all, {5, 6})};
  const kernels::LoopNest nest(all, mixed);
  CHECK(nest.inner() == 30);
  CHECK(nest.rows() == 12);
  CHECK(nest.step(0) == 1);
  const Shape own{4, 1, 5, 6};
  const std::array alike{broadcast(own, own), broadcast(own, own)};
  const kernels::LoopNest same(own, alike);
  CHECK(same.inner() == 120);
  CHECK(same.rows() == 1);
  const std::array column{broadcast({4, 7}, {4, 1})};
  const kernels::LoopNest wide({4, 7}, column);
  CHECK(wide.inner() == 7);
  CHECK(wide.step(0) == 0);
  const std::array turned{Strides{1, 4}};
  const kernels::LoopNest across({4, 7}, turned);
  CHECK(across.inner() == 7);
  CHECK(across.step(0) == 4);
  std::vector<std::int64_t> starts;
  across.for_rows(1, 4, [&](std::int64_t, const auto& offsets) { starts.push_back(offsets[0]); });
  CHECK(starts == std::vector<std::int64_t>{1, 2, 3});
}

TEST_CASE("copies into a pattern are undone by copies from it, whole tiles of a transpose too") {
  for (const auto& [r, c] : {std::pair{3, 5}, {64, 64}, {70, 33}, {1, 130}, {257, 64}}) {
    const std::int64_t rows = r;
    const std::int64_t columns = c;
    CAPTURE(rows);
    const xgrad::detail::Pattern across{Shape{rows, columns}, {1, rows}};
    const auto count = static_cast<std::size_t>(rows * columns);
    const auto tried = [&]<class T>(T) {
      std::vector<T> dense(count), strided(count, T(-1)), back(count, T(-1));
      for (std::size_t i = 0; i < count; ++i) dense[i] = static_cast<T>(i % 120);
      xgrad::detail::copy_into(across, sizeof(T), dense.data(), strided.data());
      bool right = true;
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j)
          right = right && strided[static_cast<std::size_t>(j * rows + i)] ==
                               dense[static_cast<std::size_t>(i * columns + j)];
      CHECK(right);
      xgrad::detail::copy_from(across, sizeof(T), strided.data(), back.data());
      CHECK(back == dense);
    };
    tried(float{});
    tried(double{});
    tried(std::int16_t{});
    tried(std::int8_t{});
  }
}

TEST_CASE("parts cover everything once and depend on their number alone") {
  for (const std::int64_t n : {1, 7, 100, 1001})
    for (const int parts : {1, 2, 3, 7}) {
      std::vector<int> seen(static_cast<std::size_t>(n));
      kernels::parallel_parts(n, parts, [&](int, std::int64_t begin, std::int64_t end) {
        for (auto i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
      });
      CHECK(std::count(seen.begin(), seen.end(), 1) == n);
    }
}

TEST_CASE("a serial scope keeps its thread to itself") {
  const kernels::SerialScope scope;
  CHECK(kernels::available_threads() == 1);
  CHECK(kernels::part_count(1 << 30, 1) == 1);
}

TEST_CASE("set_num_threads") {
  const int before = num_threads();
  set_num_threads(1);
  CHECK(num_threads() == 1);
  set_num_threads(before);
  CHECK(message_of<ValueError>([] { set_num_threads(0); }) ==
        "set_num_threads: got 0, needs at least 1");
}

TEST_CASE("xtensor's immediate reducers work with this compiler and its flags") {
  // g++ 12 in C++20 mode crashes here without -fno-new-ttp-matching.
  const xt::xarray<double> x = xt::ones<double>({3, 4});
  const xt::xarray<double> sum = xt::sum(x, {0}, xt::evaluation_strategy::immediate);
  CHECK(sum(0) == 3);
}

TEST_CASE("rows larger than the caches are written past them, from any address on") {
  const std::int64_t n = kernels::detail::streamed_bytes / 4 + 37;
  std::vector<float> x(static_cast<std::size_t>(n + 1));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 1000);
  std::vector<float> y(x.size(), -1.0F);
  kernels::detail::row(kernels::Formula{[](float v) { return v + 1; }}, n, y.data() + 1, x.data());
  std::int64_t right = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) right += y[i + 1] == x[i] + 1;
  CHECK(right == n);
  CHECK(y[0] == -1);
}
