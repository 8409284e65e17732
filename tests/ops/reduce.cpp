#include <algorithm>
#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

TEST_CASE("reductions by hand") {
  const Tensor x = tensor({{1., 5., 3.}, {4., 2., 6.}});
  CHECK(sum(x).item() == 21);
  CHECK(values(sum(x, 0)) == std::vector<double>{5, 7, 9});
  CHECK(values(sum(x, 1)) == std::vector<double>{9, 12});
  CHECK(sum(x, 1, true).shape() == Shape{2, 1});
  CHECK(values(mean(x, -1)) == std::vector<double>{3, 4});
  CHECK(values(amax(x, 0)) == std::vector<double>{4, 5, 6});
  CHECK(values(amin(x, 1)) == std::vector<double>{1, 2});
  CHECK(values(prod(x, 1)) == std::vector<double>{15, 48});
  CHECK(values(var(x, 1)) == std::vector<double>{4, 4});
  CHECK(var(x, 1, 0)[0].item() == doctest::Approx(8.0 / 3));
  CHECK(values(argmax(x, 1)) == std::vector<double>{1, 2});
  CHECK(argmax(x).item<int>() == 5);
  CHECK(argmin(x, 0, true).shape() == Shape{1, 3});
  CHECK(sum(tensor({true, false, true})).item<int>() == 2);
}

TEST_CASE("all axes, sizes and layouts agree with a plain loop") {
  for (const Shape& shape : {Shape{7, 33, 65}, Shape{1, 100001}, Shape{3, 40000}, Shape{5000, 9}}) {
    const Tensor x = normal(shape);
    for (std::int64_t axis = 0; axis < x.dim(); ++axis) {
      CAPTURE(shape);
      CAPTURE(axis);
      const Tensor ours = sum(x, axis);
      const Tensor largest = amax(x, axis);
      const Tensor place = argmax(x, axis);
      const Tensor moved = transpose(x, axis, -1).contiguous();
      const std::int64_t n = shape[static_cast<std::size_t>(axis)];
      const Tensor flat_sum = transpose(sum(x, axis, true), axis, -1).flatten();
      const Tensor flat_max = transpose(amax(x, axis, true), axis, -1).flatten();
      const Tensor flat_place = transpose(argmax(x, axis, true), axis, -1).flatten();
      for (std::int64_t i = 0; i < flat_sum.numel(); i += 97) {
        const double* row = moved.data<double>() + i * n;
        double total = 0;
        for (std::int64_t k = 0; k < n; ++k) total += row[k];
        CHECK(flat_sum.data<double>()[i] == doctest::Approx(total).epsilon(1e-12));
        CHECK(flat_max.data<double>()[i] == *std::max_element(row, row + n));
        CHECK(flat_place.data<std::int64_t>()[i] == std::max_element(row, row + n) - row);
      }
    }
  }
}

TEST_CASE("a float32 sum of millions stays right") {
  const Tensor x = full({1 << 22}, 0.1, {.dtype = float32});
  CHECK(sum(x).item() == doctest::Approx(0.1 * (1 << 22)).epsilon(1e-6));
}

TEST_CASE("softmax of what has no axes, or not that axis, is told") {
  CHECK(message_of<ShapeError>([] { softmax(ones({}), 0); }) == "softmax: a scalar has no axis 0");
  CHECK(message_of<ShapeError>([] { log_softmax(ones({}), -1); }) ==
        "log_softmax: a scalar has no axis -1");
  CHECK_THROWS_AS(softmax(ones({2, 3}), 2), ShapeError);
}

TEST_CASE("equal maxima share the gradient") {
  const Tensor x = tensor({{1., 3., 3.}, {2., 2., 2.}}, {.requires_grad = true});
  amax(x, 1).sum().backward();
  const auto g = values(x.grad());
  CHECK(g[0] == 0);
  CHECK(g[1] == 0.5);
  CHECK(g[3] == doctest::Approx(1.0 / 3));
}

TEST_CASE("NaN, infinity and nothing at all") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(std::isnan(max(tensor({1., NAN, 2.})).item()));
  CHECK(argmax(tensor({1., NAN, 2., NAN})).item<int>() == 1);
  CHECK(std::isnan(mean(zeros({0})).item()));
  CHECK(sum(zeros({0, 3}), 0).shape() == Shape{3});
  CHECK(prod(zeros({0})).item() == 1);
  CHECK(logsumexp(tensor({-inf, -inf})).item() == -inf);
  CHECK(logsumexp(tensor({-inf, 1.0})).item() == doctest::Approx(1));
  CHECK(logsumexp(tensor({1e4, 1e4})).item() == doctest::Approx(1e4 + std::log(2)));
  CHECK(logsumexp(tensor({inf, 1.0})).item() == inf);
  CHECK(message_of<ValueError>([] {
          max(zeros({2, 0}), {1});
        }) == "max: no elements along axes [1] of shape [2, 0]");
  CHECK(message_of<ValueError>([] {
          max(zeros({2, 0}), 1);
        }) == "max: no elements along axis 1 of shape [2, 0]");
  CHECK(message_of<ValueError>([] { argmax(zeros({0})); }).starts_with("argmax: no elements"));
}

TEST_CASE("wrong axes are told") {
  CHECK(message_of<ShapeError>([] {
          sum(zeros({2, 3}), 2);
        }) == "sum: axis 2 of a tensor with 2 axes; it must lie in -2..1");
  CHECK(message_of<ShapeError>([] {
          mean(zeros({2, 3}), {0, -2});
        }) == "mean: axes [0, -2] name an axis twice");
  CHECK(message_of<DTypeError>([] {
          mean(tensor({1, 2}));
        }).starts_with("mean: takes floating tensors"));
}

TEST_CASE("the gradient of logsumexp over -inf entries is finite") {
  const Tensor x = tensor({0.0, -std::numeric_limits<double>::infinity()}, {.requires_grad = true});
  logsumexp(x).backward();
  CHECK(values(x.grad()) == std::vector<double>{1, 0});
}
