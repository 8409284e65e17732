#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

const double inf = std::numeric_limits<double>::infinity();
using Values = std::vector<double>;

template <class F>
Values gradient(const Tensor& x, const Tensor& dy, const F& f) {
  const Tensor leaf = x.clone().requires_grad_();
  f(leaf).backward(dy);
  return values(leaf.grad());
}

}  // namespace

TEST_CASE("sums and products so far by hand") {
  const Tensor x = tensor({{1., 2., 3.}, {4., 5., 6.}});
  CHECK(values(cumsum(x, 1)) == Values{1, 3, 6, 4, 9, 15});
  CHECK(values(x.cumsum(0)) == Values{1, 2, 3, 5, 7, 9});
  CHECK(values(cumprod(x, 1)) == Values{1, 2, 6, 4, 20, 120});
  CHECK(values(cumprod(x, -2)) == Values{1, 2, 3, 4, 10, 18});
  CHECK(cumsum(tensor({true, true}), 0).dtype() == int64);
  CHECK(cumprod(tensor({2, 3}, {.dtype = uint8}), 0).dtype() == int64);
  const std::int64_t large = std::numeric_limits<std::int64_t>::max();
  CHECK(cumsum(tensor({large, std::int64_t{1}}), 0)[1].item<std::int64_t>() ==
        std::numeric_limits<std::int64_t>::min());
  CHECK(cumsum(tensor(3.), 0).item() == 3);
  CHECK(cumsum(zeros({2, 0}), 1).shape() == Shape{2, 0});
  CHECK(std::isnan(cumsum(tensor({1., inf, -inf}), 0)[2].item()));
  CHECK(message_of<ShapeError>([] { cumsum(zeros({2}), 1); }) ==
        "cumsum: axis 1 of a tensor with 1 axes; it must lie in -1..0");
}

TEST_CASE("gradients of products are right at zeros") {
  const Tensor ones_of = ones({4});
  // y = a, ab, abc, abcd
  CHECK(gradient(tensor({2., 0., 3., 5.}), ones_of,
                 [](const Tensor& x) { return cumprod(x, 0); }) == Values{1, 2 + 6 + 30, 0, 0});
  CHECK(gradient(tensor({0., 0., 3., 5.}), ones_of,
                 [](const Tensor& x) { return cumprod(x, 0); }) == Values{1, 0, 0, 0});
}

TEST_CASE("sums of any length and axis agree with a plain loop, on any number of threads") {
  for (const Shape& shape : {Shape{100003}, Shape{3, 40000}, Shape{5000, 70}, Shape{2, 300, 3}})
    for (std::int64_t axis = 0; axis < static_cast<std::int64_t>(shape.size()); ++axis) {
      CAPTURE(shape);
      CAPTURE(axis);
      const Tensor x = normal(shape);
      const auto along = [&](const Tensor& t) { return transpose(t, axis, -1).contiguous(); };
      const Tensor rows = along(x);
      const std::int64_t n = rows.size(-1);
      const auto check = [&](const Tensor& y, bool backward) {
        const Tensor found = along(y);
        double worst = 0;
        for (std::int64_t row = 0; row < rows.numel() / n; ++row) {
          long double total = 0;
          long double size = 0;
          for (std::int64_t k = 0; k < n; ++k) {
            const std::int64_t i = row * n + (backward ? n - 1 - k : k);
            total += rows.data<double>()[i];
            size += std::abs(rows.data<double>()[i]);
            const auto error = std::abs(found.data<double>()[i] - total) / size;
            worst = std::max(worst, static_cast<double>(error));
          }
        }
        CHECK(worst <= 66 * 3 * 0x1p-53);  // as scan.hpp has it, for three levels
      };
      const Tensor y = cumsum(x, axis);
      check(y, false);
      const Tensor leaf = x.clone().requires_grad_();
      cumsum(leaf, axis).backward(x);
      check(leaf.grad(), true);
      for (const int threads : {1, 3}) {
        const Threads guard(threads);
        CHECK(equal(cumsum(x, axis), y));
      }
    }
}

TEST_CASE("a float32 sum so far of millions stays right") {
  const std::int64_t n = 1 << 22;
  const Tensor y = cumsum(full({n}, 0.1, {.dtype = float32}), 0);
  const double each = static_cast<double>(0.1F);
  for (const std::int64_t i : {std::int64_t{100}, n / 3, n - 1})
    CHECK(std::abs(y[i].item() / (each * static_cast<double>(i + 1)) - 1) <= 0x1p-23);
}

TEST_CASE("the largest and the smallest so far, and where: the last of equal ones") {
  const Tensor x = tensor({1., 3., 2., 3., NAN, 9.});
  const auto [most, places] = cummax(x, 0);
  CHECK(places.to_vector<int>() == std::vector<int>{0, 1, 1, 3, 4, 4});
  CHECK(values(most.slice(0, 0, 4)) == Values{1, 3, 3, 3});
  CHECK(std::isnan(most[5].item()));
  CHECK(cummin(tensor({{2, 2}, {1, 3}}), 0).indices.to_vector<int>() ==
        std::vector<int>{0, 0, 1, 0});
  CHECK(gradient(tensor({1., 3., 2.}), tensor({1., 10., 100.}),
                 [](const Tensor& v) { return cummax(v, 0).values; }) == Values{1, 110, 0});
}

TEST_CASE("logarithms of sums so far do not overflow") {
  CHECK(values(logcumsumexp(tensor({1000., 1000.}, {.dtype = float64}), 0)) ==
        Values{1000, 1000 + std::log(2)});
  const Tensor y = logcumsumexp(tensor({-inf, -inf, 0., -inf, inf, 1.}), 0);
  CHECK(values(y) == Values{-inf, -inf, 0, 0, inf, inf});
  CHECK(std::isnan(logcumsumexp(tensor({1., NAN, 2.}), 0)[2].item()));
  // Nothing is left of what is −inf, and nothing overflows for what is far below the rest.
  const Tensor x = tensor({-inf, -2000., -inf, 1000.}, {.dtype = float64});
  CHECK(gradient(x, ones({4}, {.dtype = float64}),
                 [](const Tensor& v) { return logcumsumexp(v, 0); }) == Values{0, 2, 0, 1});
  CHECK(message_of<DTypeError>([] { logcumsumexp(tensor({1}), 0); }) ==
        "logcumsumexp: takes floating tensors, got int64");
}

TEST_CASE("differences of neighbours") {
  const Tensor x = tensor({1, 4, 9, 16});
  CHECK(values(diff(x)) == Values{3, 5, 7});
  CHECK(values(diff(x, 2)) == Values{2, 2});
  CHECK(diff(x, 4).shape() == Shape{0});
  CHECK(diff(x, std::numeric_limits<std::int64_t>::max()).shape() == Shape{0});
  CHECK(values(diff(x, 1, 0, tensor({0}), tensor({25}))) == Values{1, 3, 5, 7, 9});
  CHECK(values(diff(tensor({true, false, false}))) == Values{1, 0});
  CHECK(diff(tensor({true, false})).dtype() == boolean);
  CHECK(message_of<ValueError>([&] { diff(x, -1); }) == "diff: n is -1; it must not be negative");
  CHECK(message_of<ShapeError>([] { diff(tensor(1.)); }) == "diff: a scalar has no axis -1");
}
