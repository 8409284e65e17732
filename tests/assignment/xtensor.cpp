// The bridge to xtensor: no copy in, any expression out.

#include "xtensor.hpp"

#include "support.hpp"

using namespace support;

TEST_CASE("a tensor's memory is an xtensor array") {
  Tensor x = tensor({{1., 2.}, {3., 4.}});
  const auto a = xgrad::array<float>(x);
  CHECK(a.data() == x.data<float>());
  CHECK(a(1, 0) == 3);
  auto m = xgrad::mutable_array<float>(x);
  m(0, 1) = 9;
  CHECK(x.data<float>()[1] == 9);
  CHECK_THROWS_AS(xgrad::array<double>(x), DTypeError);
}

TEST_CASE("an expression becomes a tensor") {
  const Tensor x = tensor({{1., 2.}, {3., 4.}}, {.dtype = float64});
  const Tensor y = from_xtensor(xgrad::array<double>(x) * 2.0 + 1.0);
  CHECK(y.dtype() == float64);
  CHECK(values(y) == std::vector<double>{3, 5, 7, 9});
  CHECK(from_xtensor(xgrad::array<double>(x) > 2.0).dtype() == boolean);
}

TEST_CASE("writing through xtensor counts as a change") {
  Tensor x = tensor({1., 2.}, {.dtype = float64});
  const Tensor w = tensor({1., 1.}, {.dtype = float64, .requires_grad = true});
  const Tensor y = (w * x).sum();
  auto memory = xgrad::mutable_array<double>(x);
  memory(0) = 5;
  CHECK_THROWS_AS(y.backward(), GraphError);
}
