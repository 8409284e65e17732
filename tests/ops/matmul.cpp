#include <xgrad/ops/kernels/gemm.hpp>

#include "support.hpp"

using namespace support;

namespace {

/// The product of the last two axes, element by element, batches broadcast by hand.
Tensor by_hand(const Tensor& a, const Tensor& b) {
  const std::int64_t m = a.size(0);
  const std::int64_t k = a.size(1);
  const std::int64_t n = b.size(1);
  Tensor y = zeros({m, n}, {.dtype = a.dtype()});
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j)
      for (std::int64_t l = 0; l < k; ++l)
        y.mutable_data<double>()[i * n + j] +=
            a.data<double>()[i * k + l] * b.data<double>()[l * n + j];
  return y;
}

}  // namespace

TEST_CASE("products agree with the definition") {
  CHECK(allclose(matmul(normal({17, 5}), normal({5, 9}, 2)),
                 by_hand(normal({17, 5}), normal({5, 9}, 2))));
  const Tensor a = normal({2, 1, 4, 3});
  const Tensor b = normal({5, 3, 2}, 2);
  const Tensor y = matmul(a, b);
  CHECK(y.shape() == Shape{2, 5, 4, 2});
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t j = 0; j < 5; ++j) CHECK(allclose(y[i][j], by_hand(a[i][0], b[j])));
  CHECK(matmul(tensor({1., 2.}), tensor({3., 4.})).item() == 11);
  CHECK(matmul(zeros({2, 0}), zeros({0, 3})).shape() == Shape{2, 3});
  CHECK(sum(matmul(zeros({2, 0}), zeros({0, 3}))).item() == 0);
}

TEST_CASE("a product over no terms writes its rows and nothing behind them") {
  const double nothing = 0;
  for (const bool accumulate : {false, true}) {
    std::vector<double> c{1, 2, 3, 4, 5, 6, 7, 8};  // two rows of two, three from one to the next
    kernels::gemm<double>(2, 2, 0, {&nothing, 1}, {&nothing, 2}, c.data(), 3, accumulate);
    CHECK(c == (accumulate ? std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8}
                           : std::vector<double>{0, 0, 3, 0, 0, 6, 7, 8}));
  }
}

TEST_CASE("linear is x times the transpose of the weight plus the bias") {
  const Tensor x = normal({2, 3, 4});
  const Tensor w = normal({5, 4}, 2);
  const Tensor b = normal({5}, 3);
  CHECK(allclose(linear(x, w, b), matmul(x, w.t()) + b));
}

TEST_CASE("wrong factors are told") {
  CHECK(message_of<ShapeError>([] {
          matmul(zeros({2, 3}), zeros({2, 3}));
        }) == "matmul: shapes [2, 3] and [2, 3]: the left has 3 columns, the right 2 rows");
  CHECK(message_of<ShapeError>([] {
          matmul(tensor(1.), zeros({2}));
        }).starts_with("matmul: shapes [] and [2]; both need an axis"));
  CHECK(message_of<ShapeError>([] {
          matmul(zeros({2, 2, 3}), zeros({3, 3, 2}));
        }).starts_with("matmul: shapes [2] and [3] do not broadcast"));
  CHECK(message_of<DTypeError>([] {
          matmul(zeros({2, 2}), zeros({2, 2}, {.dtype = float64}));
        }) == "matmul: operands are float32 and float64; convert one with x.to()");
  CHECK(message_of<DTypeError>([] {
          matmul(tensor({{1}}), tensor({{1}}));
        }).starts_with("matmul: takes"));
  CHECK(
      message_of<ShapeError>([] {
        linear(zeros({2, 5}), zeros({10, 7}));
      }) ==
      "linear: input [2, 5] does not fit weight [10, 7], which takes 7 features in its last axis");
  CHECK(message_of<ShapeError>([] {
          linear(zeros({2, 7}), zeros({10, 7}), zeros({7}));
        }) == "linear: bias [7] does not fit weight [10, 7]; it must be [10]");
  CHECK(message_of<DTypeError>([] {
          linear(zeros({2, 7}), zeros({10, 7}, {.dtype = float64}));
        }) == "linear: operands are float32 and float64; convert one with x.to()");
  CHECK(message_of<DTypeError>([] {
          linear(zeros({2, 7}), zeros({10, 7}), zeros({10}, {.dtype = float64}));
        }) == "linear: operands are float32 and float64; convert one with x.to()");
}
