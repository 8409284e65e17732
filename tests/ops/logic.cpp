#include <limits>

#include "support.hpp"

using namespace support;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
using Values = std::vector<double>;

}  // namespace

TEST_CASE("NaN, infinities and numbers are told apart") {
  for (const DType dtype : {float32, float64, bfloat16, float16}) {
    CAPTURE(name(dtype));
    const Tensor x = tensor({nan, inf, -inf, 0., -0., 1.5}, {.dtype = dtype});
    CHECK(isnan(x).dtype() == boolean);
    CHECK(values(isnan(x)) == Values{1, 0, 0, 0, 0, 0});
    CHECK(values(isinf(x)) == Values{0, 1, 1, 0, 0, 0});
    CHECK(values(isfinite(x)) == Values{0, 0, 0, 1, 1, 1});
  }
  const Tensor largest = tensor({std::numeric_limits<double>::max()}, {.dtype = float64});
  CHECK(values(isfinite(largest)) == Values{1});
  CHECK(values(isinf(largest)) == Values{0});
  for (const Tensor& x : {tensor({3, 0}), tensor({true, false})}) {
    CHECK(values(isnan(x)) == Values{0, 0});
    CHECK(values(isinf(x)) == Values{0, 0});
    CHECK(values(isfinite(x)) == Values{1, 1});
  }
}

TEST_CASE("isclose goes by the second argument and takes equal infinities as equal") {
  const auto f64 = [](const std::vector<double>& list) { return tensor(list, {.dtype = float64}); };
  CHECK(values(isclose(f64({1, 2}), f64({1.5, 1.5}), 0.35, 0)) == Values{1, 1});
  CHECK(values(isclose(f64({1.5, 1.5}), f64({1, 2}), 0.35, 0)) == Values{0, 1});
  CHECK(values(isclose(f64({1, 1}), f64({1.25, 1.5}), 0, 0.25)) == Values{1, 0});
  CHECK(values(isclose(f64({inf, inf, -inf, 1}), f64({inf, -inf, 3, inf}))) == Values{1, 0, 0, 0});
  CHECK(values(isclose(f64({nan, nan}), f64({nan, 1}))) == Values{0, 0});
  CHECK(values(isclose(f64({nan, nan}), f64({nan, 1}), 1e-5, 1e-8, true)) == Values{1, 0});
  CHECK(values(isclose(tensor({3, 5}), tensor({4, 5}), 0, 0.5)) == Values{0, 1});
  const auto least = std::numeric_limits<std::int64_t>::min();
  const auto most = std::numeric_limits<std::int64_t>::max();
  CHECK(values(isclose(tensor({least, most}), tensor({most, most - 1}), 0, 1)) == Values{0, 1});
  CHECK(isclose(zeros({2, 1}), zeros({3})).shape() == Shape{2, 3});
  CHECK(message_of<ValueError>([&] { isclose(f64({1}), f64({1}), -1); }) ==
        "isclose: rtol -1; it must not be negative");
  CHECK(message_of<ValueError>([&] {
          isclose(f64({1}), f64({1}), 0, nan);
        }).starts_with("isclose: atol nan"));
}

TEST_CASE("any, all and count_nonzero, over everything and over axes") {
  const Tensor x = tensor({{0., 2., nan}, {0., 0., -1.}});
  CHECK(any(x).dtype() == boolean);
  CHECK(count_nonzero(x).dtype() == int64);
  CHECK(any(x).item() == 1);
  CHECK(all(x).item() == 0);
  CHECK(count_nonzero(x).item() == 3);
  CHECK(values(any(x, 0)) == Values{0, 1, 1});
  CHECK(values(all(x, 0)) == Values{0, 0, 1});
  CHECK(values(all(x, -1)) == Values{0, 0});
  CHECK(values(count_nonzero(x, 0)) == Values{0, 1, 2});
  CHECK(values(count_nonzero(x, {0, 1})) == Values{3});
  CHECK(any(x, 1, true).shape() == Shape{2, 1});
  CHECK(all(x, {0, 1}, true).shape() == Shape{1, 1});
  CHECK(any(zeros({0})).item() == 0);
  CHECK(all(zeros({0})).item() == 1);
  CHECK(values(all(zeros({2, 0}), 1)) == Values{1, 1});
  CHECK(count_nonzero(zeros({0, 3})).item() == 0);
  CHECK(all(tensor({true, true})).item() == 1);
  CHECK(any(tensor(7)).item() == 1);
}

TEST_CASE("logical operations take any dtypes") {
  const Tensor a = tensor({0., 0., 0.5, nan});
  const Tensor b = tensor({0, 3, 0, 4});
  CHECK(logical_and(a, b).dtype() == boolean);
  CHECK(values(logical_and(a, b)) == Values{0, 0, 0, 1});
  CHECK(values(logical_or(a, b)) == Values{0, 1, 1, 1});
  CHECK(values(logical_xor(a, b)) == Values{0, 1, 1, 0});
  CHECK(values(logical_not(a)) == Values{1, 1, 0, 0});
  CHECK(values(logical_not(tensor({true, false}))) == Values{0, 1});
  CHECK(values(logical_and(tensor({{true}, {false}}), b)) == Values{0, 1, 0, 1, 0, 0, 0, 0});
  CHECK(message_of<ShapeError>([&] { logical_or(a, zeros({3})); }).starts_with("logical_or: "));
}

TEST_CASE("questions carry no gradient") {
  const Tensor x = tensor({1., 0.}, {.requires_grad = true});
  for (const Tensor& y : {isnan(x), any(x), all(x), logical_and(x, x), isclose(x, x)})
    CHECK_FALSE(y.requires_grad());
}
