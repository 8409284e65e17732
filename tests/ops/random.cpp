// The ends of what is drawn: an open one does not occur, and no range is too long.

#include <xgrad/nn/init.hpp>

#include <cmath>
#include <limits>
#include <set>

#include "support.hpp"

using namespace support;
namespace init = xgrad::nn::init;

namespace {

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

Tensor draw(double low, double high, std::int64_t n, DType dtype) {
  Generator generator(1);
  return init::uniform_(zeros({n}, {.dtype = dtype}), low, high, &generator);
}

}  // namespace

TEST_CASE("uniform_ never gives the upper bound, nor anything below the lower") {
  struct Interval {
    double low;
    double high;
    std::int64_t n;
    DType dtype;
  };
  constexpr double largest = std::numeric_limits<double>::max();
  constexpr double largest_float = std::numeric_limits<float>::max();
  for (const Interval& i : {Interval{1000, 1001, 300000, float32},  //
                            {-1001, -1000, 300000, float32},
                            {1, 1 + 0x1p-22, 1000, float32},
                            {0.7, 0.7000001, 1000, float32},
                            {-largest_float, largest_float, 1000, float32},
                            {1e15, 1e15 + 1, 1000, float64},
                            {-1e15 - 1, -1e15, 1000, float64},
                            {1, 1 + 0x1p-51, 1000, float64},
                            {-largest, largest, 1000, float64},
                            {0, largest, 1000, float64},
                            {0, 5e-324, 1000, float64}}) {
    CAPTURE(i.low);
    CAPTURE(i.high);
    const Tensor x = draw(i.low, i.high, i.n, i.dtype);
    const Tensor bounds = tensor({i.low, i.high}, {.dtype = i.dtype});
    CHECK(all_finite(x));
    CHECK(max(x).item() < bounds[1].item());
    CHECK(min(x).item() >= bounds[0].item());
  }
}

TEST_CASE("uniform_ fills the widest interval evenly") {
  constexpr double largest = std::numeric_limits<double>::max();
  const Tensor x = draw(-largest, largest, 10000, float64) / largest;
  // Four deviations of the mean and of the mean square of 10000 uniform values.
  CHECK(std::abs(mean(x).item()) < 4 * std::sqrt(1.0 / 3 / 10000));
  CHECK(std::abs(mean(square(x)).item() - 1.0 / 3) < 4 * std::sqrt(4.0 / 45 / 10000));
}

TEST_CASE("uniform_ gives what it always gave where that was right") {
  for (const DType dtype : {float32, float64}) {
    Generator generator(1);
    const Tensor unit = rand({1000}, {.dtype = dtype, .generator = &generator}).to(float64);
    CHECK(equal(draw(-1, 3, 1000, dtype), (unit * 4 - 1).to(dtype)));
  }
}

TEST_CASE("uniform_ with nothing between its bounds, and with bounds that are none") {
  CHECK(equal(draw(2, 2, 5, float32), full({5}, 2.0, {.dtype = float32})));
  CHECK(equal(draw(1, 1 + 1e-12, 5, float32), full({5}, 1.0, {.dtype = float32})));
  CHECK(message_of<ValueError>([] { draw(1, 0, 2, float32); }) ==
        "uniform_: [1, 0) is no interval of finite float32");
  CHECK(message_of<ValueError>([] { draw(0, 1e39, 2, float32); }) ==
        "uniform_: [0, 1e+39) is no interval of finite float32");
  CHECK(message_of<ValueError>([] { draw(std::nan(""), 1, 2, float64); }) ==
        "uniform_: [nan, 1) is no interval of finite float64");
}

TEST_CASE("randint over ranges longer than int64 is positive") {
  Generator generator(2);
  const TensorOptions options{.generator = &generator};
  const auto everywhere = randint(least, most, {1000}, options).to_vector<std::int64_t>();
  std::int64_t low = 0;
  std::set<std::int64_t> eighths;
  for (const std::int64_t value : everywhere) {
    low += value < 0;
    eighths.insert(value >> 61);
    CHECK(value < most);
  }
  CHECK(std::abs(low - 500) < 4 * 16);  // four deviations of 1000 tosses
  CHECK(eighths.size() == 8);
  for (const std::int64_t value : randint(most - 1, most, {10}, options).to_vector<std::int64_t>())
    CHECK(value == most - 1);
  for (const std::int64_t value :
       randint(least, least + 2, {10}, options).to_vector<std::int64_t>())
    CHECK(value <= least + 1);
}

TEST_CASE("random whole numbers of a dtype that cannot tell them apart are an error") {
  constexpr std::int64_t wide = (1 << 24) + 2;
  CHECK(message_of<DTypeError>([] { randint(0, wide, {1}, {.dtype = float32}); }) ==
        "randint: float32 does not tell all whole numbers from 0 to 16777217 apart, only those "
        "from -16777216 to 16777216; use int64");
  CHECK(message_of<DTypeError>([] { randint(0, 3, {1}, {.dtype = boolean}); }) ==
        "randint: bool does not tell all whole numbers from 0 to 2 apart, only those from 0 to 1; "
        "use int64");
  CHECK(message_of<DTypeError>([] {
          randperm(3, {.dtype = boolean});
        }).starts_with("randperm: bool does not tell all whole numbers from 0 to 2 apart"));
  CHECK_NOTHROW(randint(-(1 << 24), (1 << 24) + 1, {1}, {.dtype = float32}));
  CHECK_NOTHROW(randint(0, wide, {1}, {.dtype = float64}));
  CHECK_NOTHROW(randint(0, 2, {1}, {.dtype = boolean}));
}

TEST_CASE("rand stays below 1 and randn finite") {
  Generator generator(3);
  CHECK(max(rand({1000000}, {.generator = &generator})).item() < 1);
  // 1 − u is at least one step, so its logarithm is finite: |x| ≤ √(2 ln 2²⁴), √(2 ln 2⁵³).
  const Tensor n = randn({1000000}, {.generator = &generator});
  CHECK(max(abs(n)).item() <= std::sqrt(48 * std::log(2)) * (1 + 1e-6));
}

TEST_CASE("dropout at the ends of p") {
  const Tensor x = ones({1000});
  CHECK(equal(dropout(x, {.p = 0}), x));
  CHECK(equal(dropout(x, {.p = 1}), zeros({1000})));
  Generator generator(4);
  const Tensor rarely = dropout(x, {.p = 1e-12, .generator = &generator});
  CHECK(min(rarely).item() == 1);
  const Tensor nearly = dropout(x, {.p = 1 - 1e-6, .generator = &generator});
  CHECK(max(nearly).item() == 0);
}
