// An operation of your own, and the proof that its gradient is right.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <xgrad/xgrad.hpp>

#include <doctest/doctest.h>

using xgrad::Tensor;

// y = x / (1 + |x|);  dL/dx = dL/dy / (1 + |x|)²
Tensor softsign(const Tensor& x) {
  const Tensor y = xgrad::no_grad([&] { return x / (1 + x.abs()); });
  return xgrad::record("softsign", y, xgrad::wrt(x, [x = xgrad::saved(x)](const Tensor& dy) {
                         return dy / (1 + x().abs()).square();
                       }));
}

TEST_CASE("softsign has the gradient we derived, and the second derivative that follows") {
  xgrad::manual_seed(0);
  const Tensor x = xgrad::randn({3, 4}, {.dtype = xgrad::float64});
  CHECK(xgrad::gradcheck(softsign, {x}));
  CHECK(xgrad::gradgradcheck(softsign, {x}));
}

TEST_CASE("a wrong rule is found") {
  const auto wrong = [](const Tensor& x) {
    const Tensor y = xgrad::no_grad([&] { return x / (1 + x.abs()); });
    return xgrad::record("wrong", y, xgrad::wrt(x, [x = xgrad::saved(x)](const Tensor& dy) {
                           return dy / (1 + x().abs());  // the square is missing
                         }));
  };
  // Prints the input, the index, both values and the relative error, and returns false.
  CHECK_FALSE(xgrad::gradcheck(wrong, {xgrad::tensor({0.5, -2.0}, {.dtype = xgrad::float64})}));
}
