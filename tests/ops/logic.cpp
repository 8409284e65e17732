#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double NaN = std::numeric_limits<double>::quiet_NaN();
using Answers = std::vector<bool>;

Answers answers(const Tensor& x) {
  CHECK(x.dtype() == boolean);
  return x.to_vector<bool>();
}

}  // namespace

TEST_CASE("isnan, isinf and isfinite of every dtype") {
  for (const DType dtype : {float32, float64, bfloat16, float16}) {
    const Tensor x = tensor({0., -1., inf, -inf, NaN}, {.dtype = dtype});
    CHECK(answers(isnan(x)) == Answers{false, false, false, false, true});
    CHECK(answers(x.isnan()) == Answers{false, false, false, false, true});
    CHECK(answers(isinf(x)) == Answers{false, false, true, true, false});
    CHECK(answers(isfinite(x)) == Answers{true, true, false, false, false});
  }
  for (const DType dtype : {int64, int32, uint8, boolean}) {
    const Tensor x = tensor({0, 1}, {.dtype = dtype});
    CHECK(answers(isnan(x)) == Answers{false, false});
    CHECK(answers(isinf(x)) == Answers{false, false});
    CHECK(answers(isfinite(x)) == Answers{true, true});
  }
  CHECK(isnan(zeros({0, 2})).shape() == Shape{0, 2});
  CHECK_FALSE(isnan(zeros({2}, {.requires_grad = true})).requires_grad());
}

TEST_CASE("isclose by hand") {
  const auto close = [](double a, double b, double rtol, double atol, bool equal_nan = false) {
    return isclose(full({}, a), full({}, b), rtol, atol, equal_nan).item<bool>();
  };
  CHECK(close(1, 1.5, 0, 0.5));
  CHECK_FALSE(close(1, 1.5, 0, 0.49));
  CHECK(close(3, 4, 0.25, 0));  // of the second
  CHECK_FALSE(close(4, 3, 0.25, 0));
  CHECK(close(inf, inf, 0, 0));
  CHECK_FALSE(close(inf, -inf, 1, 1));
  CHECK_FALSE(close(1, inf, 1, 1));
  CHECK_FALSE(close(NaN, NaN, 1, 1));
  CHECK(close(NaN, NaN, 0, 0, true));
  CHECK_FALSE(close(NaN, 0, 1, 1, true));
  CHECK(allclose(full({2}, NaN), full({2}, NaN), 0, 0, true));
  CHECK_FALSE(allclose(full({2}, NaN), full({2}, NaN)));

  CHECK(answers(isclose(tensor({{1.}, {2.}}), tensor({1., 2.}))) ==
        Answers{true, false, false, true});
  const std::int64_t large = std::int64_t{1} << 53;
  CHECK(answers(isclose(tensor({large, large + 1}), tensor({large, large}), 0, 0)) ==
        Answers{true, false});
  CHECK(message_of<ValueError>([] { isclose(zeros({}), zeros({}), -1.0, 2.0); }) ==
        "isclose: rtol is -1 and atol 2; neither may be negative");
  CHECK(message_of<ValueError>([] { isclose(zeros({}), zeros({}), 0, NaN); }) ==
        "isclose: rtol is 0 and atol nan; neither may be negative");
}

TEST_CASE("any and all, over everything and along axes") {
  const Tensor x = tensor({{0., 0., NaN}, {0., 0., 0.}});
  CHECK(x.any().item<bool>());
  CHECK_FALSE(x.all().item<bool>());
  CHECK(answers(any(x, 1)) == Answers{true, false});
  CHECK(answers(any(x, 0)) == Answers{false, false, true});
  CHECK(answers(all(x, 0)) == Answers{false, false, false});
  CHECK(answers(all(tensor({{1, 2}, {3, 0}}), 1)) == Answers{true, false});
  CHECK(any(x, {0, 1}).shape() == Shape{});
  CHECK(any(x, {0, 1}).item<bool>());
  CHECK(any(x, 1, true).shape() == Shape{2, 1});
  CHECK(all(x, {}, true).shape() == Shape{1, 1});
  for (const DType dtype : {float64, bfloat16, float16, int64, int32, uint8, boolean}) {
    CAPTURE(dtype);
    const Tensor mixed = tensor({0, 1}, {.dtype = dtype});
    CHECK(any(mixed).item<bool>());
    CHECK_FALSE(all(mixed).item<bool>());
    CHECK(all(mixed.slice(0, 1)).item<bool>());
    CHECK_FALSE(any(mixed.slice(0, 0, 1)).item<bool>());
    CHECK(answers(any(mixed, 0)) == Answers{true});
  }
  CHECK(all(full({}, -0.0)).item<bool>() == false);
  CHECK_FALSE(any(zeros({0, 3})).item<bool>());
  CHECK(all(zeros({0, 3})).item<bool>());
  CHECK(answers(all(zeros({0, 3}), 0)) == Answers{true, true, true});
  CHECK(answers(any(zeros({0, 3}), 0)) == Answers{false, false, false});
  CHECK(any(x.t().slice(0, 2), 0).shape() == Shape{2});
  CHECK(message_of<ShapeError>([&] { any(x, 2); }).starts_with("any: "));
}

TEST_CASE("count_nonzero counts NaN too") {
  const Tensor x = tensor({{0., -1., NaN}, {0., 2., 0.}});
  CHECK(count_nonzero(x).dtype() == int64);
  CHECK(count_nonzero(x).item() == 3);
  CHECK(values(count_nonzero(x, 0)) == std::vector<double>{0, 2, 1});
  CHECK(values(count_nonzero(x, {0, 1})) == std::vector<double>{3});
  CHECK(count_nonzero(tensor({true, false, true})).item() == 2);
  CHECK(count_nonzero(zeros({0})).item() == 0);
}

TEST_CASE("logic takes what is not 0 as true, whatever its dtype") {
  const Tensor a = tensor({0., 0., 0.3, NaN}), b = tensor({0, 7, 0, -1});
  CHECK(answers(logical_and(a, b)) == Answers{false, false, false, true});
  CHECK(answers(logical_or(a, b)) == Answers{false, true, true, true});
  CHECK(answers(logical_xor(a, b)) == Answers{false, true, true, false});
  CHECK(answers(logical_not(a)) == Answers{true, true, false, false});
  CHECK(answers(logical_not(b)) == Answers{true, false, true, false});
  CHECK(answers(logical_and(b, 1e-300)) == Answers{false, true, false, true});
  CHECK(answers(logical_or(false, a)) == Answers{false, false, true, true});
  CHECK(logical_and(ones({2, 1}), ones({3})).shape() == Shape{2, 3});
  CHECK(message_of<ShapeError>([] {
          logical_xor(ones({2}), ones({3}));
        }).starts_with("logical_xor: "));
}

TEST_CASE("bits of integers, and truth values") {
  const Tensor a = tensor({12, -1}), b = tensor({10, 6});
  CHECK(values(a & b) == std::vector<double>{8, 6});
  CHECK(values(a | b) == std::vector<double>{14, -1});
  CHECK(values(a ^ b) == std::vector<double>{6, -7});
  CHECK(values(~a) == std::vector<double>{-13, 0});
  CHECK(values(a & 4) == std::vector<double>{4, 4});
  CHECK((a.to(int32) & b.to(uint8)).dtype() == int32);
  CHECK(values(~tensor({0, 255}, {.dtype = uint8})) == std::vector<double>{255, 0});
  const Tensor p = tensor({true, true, false}), q = tensor({true, false, false});
  CHECK(answers(p & q) == Answers{true, false, false});
  CHECK(answers(p | q) == Answers{true, true, false});
  CHECK(answers(p ^ q) == Answers{false, true, false});
  CHECK(answers(~p) == Answers{false, false, true});
  CHECK(answers(p & true) == Answers{true, true, false});
  CHECK((p & tensor({3, 3, 3})).dtype() == int64);
  const Tensor x = tensor({0.2, 0.7});
  CHECK(answers((x > 0.1) & (x < 0.5)) == Answers{true, false});
  CHECK(answers(~(x > 0.5) | (x > 0.6)) == Answers{true, true});
  CHECK(message_of<DTypeError>([&] { x& b; }) ==
        "bitwise_and: takes integers and bools, got float32; of truth values that is logical_and");
  CHECK(message_of<DTypeError>([&] { ~x; }) ==
        "bitwise_not: takes integers and bools, got float32; of truth values that is logical_not");
}

TEST_CASE("shifts of bits by more than there are, by less than none, of signs") {
  const Tensor x = tensor({5, -5, -1});
  CHECK(values(x << 2) == std::vector<double>{20, -20, -4});
  CHECK(values(x >> 1) == std::vector<double>{2, -3, -1});
  CHECK(values(x << 64) == std::vector<double>{0, 0, 0});
  CHECK(values(x << -1) == std::vector<double>{0, 0, 0});
  CHECK(values(x >> 64) == std::vector<double>{0, -1, -1});
  CHECK(values(x >> -1) == std::vector<double>{0, -1, -1});
  CHECK(values(tensor({1, 1}) << tensor({62, 63})) == std::vector<double>{0x1p62, -0x1p63});
  for (const DType dtype : {int32, uint8}) {
    CAPTURE(dtype);
    const Tensor narrow = tensor({1, 127}, {.dtype = dtype});
    const std::int64_t bits = 8 * static_cast<std::int64_t>(item_size(dtype));
    CHECK((narrow << 1).dtype() == dtype);
    CHECK(values(narrow << bits) == std::vector<double>{0, 0});
    CHECK(values(narrow << 1 >> 1) == std::vector<double>{1, 127});
    CHECK(values(narrow >> bits) == std::vector<double>{0, 0});
  }
  CHECK(values(tensor({255}, {.dtype = uint8}) << 4) == std::vector<double>{240});
  CHECK(values(tensor({255}, {.dtype = uint8}) >> 7) == std::vector<double>{1});
  CHECK(message_of<DTypeError>([] { tensor({true}) << tensor({true}); }) ==
        "bitwise_left_shift: takes integers, got bool");
  CHECK(message_of<DTypeError>([&] { x >> 0.5; }) ==
        "bitwise_right_shift: takes whole numbers, got 0.5");
}

TEST_CASE("arithmetic in place changes the memory that others see") {
  Tensor x = tensor({1., 2., 3.});
  const Tensor other = x, part = x.slice(0, 1);
  x += 1;
  x *= tensor({2., 3., 4.});
  x -= tensor({1, 1, 1});
  x /= 2;
  CHECK(values(x) == std::vector<double>{1.5, 4, 7.5});
  CHECK(values(other) == values(x));
  CHECK(values(part) == std::vector<double>{4, 7.5});
  CHECK(x.dtype() == float32);
  x[0] += 10;
  part *= 2;
  CHECK(values(x) == std::vector<double>{11.5, 8, 15});
  CHECK(values(x += 0.5) == std::vector<double>{12, 8.5, 15.5});

  Tensor square = tensor({{1., 2.}, {3., 4.}});
  square += tensor({10., 20.});
  CHECK(values(square) == std::vector<double>{11, 22, 13, 24});
  square -= square.t();  // what is read lies in what is written
  CHECK(values(square) == std::vector<double>{0, 9, -9, 0});
  square.t() += tensor({1., 2.});
  CHECK(values(square) == std::vector<double>{1, 10, -7, 2});
  square += square[0];
  CHECK(values(square) == std::vector<double>{2, 20, -6, 12});
}

TEST_CASE("bits and truth values in place") {
  Tensor x = tensor({12, 10});
  x &= 9;
  CHECK(values(x) == std::vector<double>{8, 8});
  x |= tensor({1, 2});
  CHECK(values(x) == std::vector<double>{9, 10});
  x ^= 8;
  CHECK(values(x) == std::vector<double>{1, 2});
  Tensor mask = tensor({true, true, false});
  mask &= tensor({1., 3., 1.}) > 2;
  CHECK(answers(mask) == Answers{false, true, false});
  mask |= tensor({true, false, false});
  CHECK(answers(mask) == Answers{true, true, false});
  CHECK(message_of<DTypeError>([&] { mask |= 2; }) ==
        "|=: the result is int64, which bool does not hold; write x = x | y");
}

TEST_CASE("in place a tensor keeps its dtype, or it is an error") {
  Tensor narrow = tensor({1, 250}, {.dtype = uint8});
  narrow += tensor({3, 10});
  CHECK(narrow.dtype() == uint8);
  CHECK(values(narrow) == std::vector<double>{4, 4});
  Tensor x = tensor({0.1, 0.2});
  x += tensor({0.1, 0.2}, {.dtype = float64});
  CHECK(x.dtype() == float32);
  Tensor half = ones({2}, {.dtype = float16});
  half *= 3;
  CHECK(values(half) == std::vector<double>{3, 3});
  Tensor whole = tensor({6, 7});
  whole *= -2;
  CHECK(values(whole) == std::vector<double>{-12, -14});
  CHECK(message_of<DTypeError>([&] { whole += 0.5; }) ==
        "+=: the result is float32, which int64 does not hold; write x = x + y");
  CHECK(message_of<DTypeError>([&] { whole /= 2; }) ==
        "/=: the result is float32, which int64 does not hold; write x = x / y");
  Tensor truth = tensor({true});
  CHECK(message_of<DTypeError>([&] { truth *= 2; }) ==
        "*=: the result is int64, which bool does not hold; write x = x * y");
  CHECK(values(whole) == std::vector<double>{-12, -14});
}

TEST_CASE("in place y is broadcast to x and never x to y") {
  Tensor x = ones({2});
  CHECK(message_of<ShapeError>([&] {
          x += ones({3, 2});
        }) ==
        "+=: the right side [3, 2] does not broadcast to [2], which stays as large as it is; "
        "write x = x + y");
  CHECK(message_of<ShapeError>([&] { x -= ones({3}); }).starts_with("-=: "));
  const Tensor repeated = ones({1}).expand({3});
  CHECK(message_of<ValueError>([&] {
          repeated += 1;
        }).starts_with("+=: several elements of this tensor [3] lie in one place in memory"));
  CHECK(message_of<ValueError>([&] { x += Tensor(); }).starts_with("+=: argument 2 is undefined"));
}

TEST_CASE("what is changed in place is off the tape, and the tape notices") {
  Tensor w = ones({2}, {.requires_grad = true});
  CHECK(message_of<GraphError>([&] { w += 1; }) ==
        "+=: would change a tensor [2] that requires a gradient, and changes in place are not "
        "recorded; do it under no_grad, or on x.detach()");
  Tensor x = ones({2});
  CHECK(message_of<GraphError>([&] { x *= w; }) ==
        "*=: the right side [2] requires a gradient, and changes in place are not recorded; do it "
        "under no_grad, or write x = x * y");
  {
    const NoGradGuard guard;
    w -= 0.5 * ones({2});
    x *= w;
  }
  CHECK(values(w.detach()) == std::vector<double>{0.5, 0.5});
  CHECK(w.requires_grad());
  CHECK(w.is_leaf());
  CHECK(values(x) == std::vector<double>{0.5, 0.5});

  const Tensor y = w * x;  // keeps x
  x += 1;
  CHECK_THROWS_AS(y.sum().backward(), GraphError);
  // A sum keeps nothing.
  const Tensor z = w + x;
  x += 1;
  z.sum().backward();
  CHECK(values(w.grad()) == std::vector<double>{1, 1});
}
