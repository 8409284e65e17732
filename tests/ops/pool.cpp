#include <cmath>

#include "support.hpp"

using namespace support;

TEST_CASE("pooling by hand") {
  const Tensor x = arange(16).to(float32).reshape({1, 1, 4, 4});
  CHECK(values(max_pool2d(x, 2)) == std::vector<double>{5, 7, 13, 15});
  CHECK(values(avg_pool2d(x, 2)) == std::vector<double>{2.5, 4.5, 10.5, 12.5});
  CHECK(values(max_pool2d(-x, 3, {.stride = 2, .padding = 1})) ==
        std::vector<double>{0, -1, -4, -5});
  CHECK(avg_pool2d(ones({1, 1, 2, 2}), 2, {.padding = 1})[0][0][0][0].item() == 0.25);
  CHECK(avg_pool2d(ones({1, 1, 2, 2}), 2, {.padding = 1, .count_include_pad = false})[0][0][0][0]
            .item() == 1);
}

TEST_CASE("ties go to the first, in both forms of the kernel") {
  for (const Pair& stride : {Pair(2), Pair(1, 2)}) {
    const Tensor x = ones({1, 1, 2, 2}, {.requires_grad = true});
    max_pool2d(x, 2, {.stride = stride}).sum().backward();
    CHECK(values(x.grad()) == std::vector<double>{1, 0, 0, 0});
  }
}

TEST_CASE("NaN wins wherever it stands") {
  for (std::size_t i = 0; i < 4; ++i)
    for (const Pair& stride : {Pair(2), Pair(1, 2)}) {
      std::vector<float> v{1, 2, 3, 4};
      v[i] = NAN;
      CHECK(
          std::isnan(max_pool2d(from_vector(v, Shape{1, 1, 2, 2}), 2, {.stride = stride}).item()));
    }
}

TEST_CASE("the fast form agrees with the general one") {
  const Tensor x = normal({3, 5, 14, 13});
  const Tensor fast = max_pool2d(x, 2);
  const Tensor rows = stack({slice(x, 2, 0, 14, 2), slice(x, 2, 1, 14, 2)});
  const Tensor four = stack({slice(rows, 4, 0, 12, 2), slice(rows, 4, 1, 12, 2)});
  CHECK(equal(fast, max(four, {0, 1})));
}

TEST_CASE("wrong windows are told") {
  CHECK(message_of<ShapeError>([] {
          max_pool2d(zeros({1, 1, 2, 2}), 3);
        }) == "max_pool2d: the 3x3 window is larger than the padded input [1, 1, 2, 2]");
  CHECK(message_of<ValueError>([] {
          max_pool2d(zeros({1, 1, 4, 4}), 2, {.padding = 2});
        }).starts_with("max_pool2d: padding [2, 2]"));
  CHECK(message_of<ShapeError>([] {
          avg_pool2d(zeros({4, 4}), 2);
        }).starts_with("avg_pool2d: input [4, 4]"));
  CHECK(message_of<ValueError>([] {
          avg_pool2d(zeros({1, 1, 4, 4}), 0);
        }).starts_with("avg_pool2d: window"));
}
