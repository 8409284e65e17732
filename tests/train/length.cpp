#include <xgrad/train/length.hpp>

#include "support.hpp"

using namespace support;
using doctest::Approx;

TEST_CASE("so many iterations") {
  const train::Length length{.iterations = 4};
  CHECK(length.progress(0, 0) == Approx(0.125));  // the middle of the first
  CHECK(length.progress(3, 99) == Approx(0.875));
  CHECK(length.progress(4, 99) == 1);
  CHECK_FALSE(length.is_over(3, 99));
  CHECK(length.is_over(4, 0));
  CHECK(length.total(1, 99) == 4);
}

TEST_CASE("so many seconds") {
  const train::Length length{.seconds = 10};
  CHECK(length.progress(0, 0) == 0);
  CHECK(length.progress(5, 4) == Approx(0.44));  // half of the next takes 0.4 s
  CHECK(length.progress(10, 9.9) == 1);
  CHECK_FALSE(length.is_over(5, 4));
  CHECK(length.is_over(10, 9.9));
  CHECK(length.total(5, 4) == 12);
  CHECK(length.total(100, 20) == 100);
}
