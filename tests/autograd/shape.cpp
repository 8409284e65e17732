#include <sstream>

#include "support.hpp"

using namespace support;

TEST_CASE("shapes print, count and compare") {
  std::ostringstream out;
  out << Shape{2, 3};
  CHECK(out.str() == "[2, 3]");
  CHECK(Shape{2, 3, 4}.numel() == 24);
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{5, 0, 2}.numel() == 0);
  CHECK(Shape{2, 3} == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{2, 3, 1});
  const std::int64_t huge = std::int64_t{1} << 40;
  CHECK(message_of<ShapeError>([&] {
          Shape{huge, huge}.numel();
        }).ends_with("more elements than 63 bits count"));
  CHECK_THROWS_AS((Shape{huge, 0, huge}.numel()), ShapeError);
  CHECK(Shape{huge, 0}.numel() == 0);
}

TEST_CASE("broadcasting follows NumPy") {
  CHECK(broadcast({2, 3}, {3}, "f") == Shape{2, 3});
  CHECK(broadcast({2, 1}, {1, 3}, "f") == Shape{2, 3});
  CHECK(broadcast({}, {4}, "f") == Shape{4});
  CHECK(broadcast({1, 3}, {0, 3}, "f") == Shape{0, 3});
  CHECK_THROWS_AS(broadcast({2, 3}, {2}, "f"), ShapeError);
  CHECK_THROWS_AS(broadcast({0}, {2}, "f"), ShapeError);
}

TEST_CASE("axes count from either end") {
  CHECK(normalize_axis(-1, 3, "f") == 2);
  CHECK(normalize_axes({2, -3}, 3, "f") == Axes{0, 2});
  CHECK(normalize_axes({}, 2, "f") == Axes{0, 1});
  CHECK(message_of<ShapeError>([] { normalize_axis(3, 3, "f"); }) ==
        "f: axis 3 of a tensor with 3 axes; it must lie in -3..2");
}
