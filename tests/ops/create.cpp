#include <numeric>
#include <set>

#include "support.hpp"

using namespace support;

TEST_CASE("tensors from lists") {
  CHECK(tensor({{1., 2.}, {3., 4.}}).shape() == Shape{2, 2});
  CHECK(tensor({{1., 2.}, {3., 4.}}).dtype() == float32);
  CHECK(tensor({1, 2, 3}).dtype() == int64);
  CHECK(tensor({1, 2.5}).dtype() == float32);
  CHECK(tensor({true, false}).dtype() == boolean);
  CHECK(tensor(3.5).shape() == Shape{});
  CHECK(tensor({{1}}).shape() == Shape{1, 1});
  CHECK(tensor({{{1}, {2}}}).shape() == Shape{1, 2, 1});
  CHECK(tensor(NestedList(std::initializer_list<NestedList>{})).shape() == Shape{0});
  CHECK(tensor({1, 2}, {.dtype = float64}).dtype() == float64);
  CHECK(tensor({1.}, {.requires_grad = true}).requires_grad());
  CHECK(from_vector(std::vector<double>{1, 2, 3, 4}, Shape{2, 2}).dtype() == float64);
  CHECK(message_of<ShapeError>([] {
          tensor({{1, 2}, {3}});
        }).starts_with("tensor: the lists are ragged"));
  CHECK(message_of<ShapeError>([] {
          tensor({{1, 2}, 3});
        }).starts_with("tensor: the lists are ragged"));
  CHECK(message_of<ShapeError>([] {
          from_vector(std::vector<float>{1, 2}, Shape{3});
        }) == "from_vector: 2 values do not fill shape [3]");
}

TEST_CASE("tensors of a vector's numbers have the dtype that a list of them has") {
  CHECK(values(tensor(std::vector<double>{1, 2.5})) == std::vector<double>{1, 2.5});
  CHECK(tensor(std::vector<double>{1, 2}).dtype() == kFloat);
  CHECK(tensor(std::vector<float>{1, 2}).dtype() == kFloat32);
  CHECK(tensor(std::vector<int>{1, 2}).dtype() == kLong);
  CHECK(tensor(std::vector<bool>{true, false}).dtype() == kBool);
  CHECK(tensor(std::vector<std::int64_t>{}).sizes() == Shape{0});
  CHECK(tensor(std::vector<double>{0.1}, {.dtype = kDouble}).item() == 0.1);
  CHECK(message_of<ValueError>([] { tensor(std::vector<double>{3e9}, {.dtype = kInt}); }) ==
        "tensor: 3000000000 does not fit int32");
  CHECK(tensor(std::vector<int>{1}, {.dtype = kHalf, .requires_grad = true}).requires_grad());
}

TEST_CASE("ranges and patterns") {
  CHECK(values(arange(4)) == std::vector<double>{0, 1, 2, 3});
  CHECK(arange(4).dtype() == int64);
  CHECK(values(arange(1, 2, 0.25)) == std::vector<double>{1, 1.25, 1.5, 1.75});
  CHECK(values(arange(5, 0, -2)) == std::vector<double>{5, 3, 1});
  CHECK(values(linspace(0, 1, 5)) == std::vector<double>{0, 0.25, 0.5, 0.75, 1});
  CHECK(values(linspace(2, 3, 1)) == std::vector<double>{2});
  CHECK(values(eye(2)) == std::vector<double>{1, 0, 0, 1});
  CHECK(values(eye(2, 3)) == std::vector<double>{1, 0, 0, 0, 1, 0});
  CHECK(full({2}, 7).dtype() == int64);
  CHECK(full({2}, 0.5).dtype() == float32);
  CHECK(values(ones_like(tensor({3, 4}))) == std::vector<double>{1, 1});
  CHECK(message_of<ValueError>([] { arange(0, 1, -1); }).starts_with("arange: from 0 to 1"));
  CHECK(message_of<ShapeError>([] {
          zeros({2, -1});
        }) == "zeros: shape [2, -1] has a negative extent");
  CHECK(message_of<ValueError>([] { zeros({1 << 30, 1 << 30}); }).starts_with("zeros: no memory"));
}

TEST_CASE("powers of a base between two exponents") {
  CHECK(values(logspace(0, 2, 3)) == std::vector<double>{1, 10, 100});
  CHECK(values(logspace(-1, 2, 4, 2)) == std::vector<double>{0.5, 1, 2, 4});
  CHECK(values(logspace(3, 0, 1, 2)) == std::vector<double>{8});
  CHECK(logspace(0, 1, 0).shape() == Shape{0});
  CHECK(values(logspace(0, 4, 5, 2, {.dtype = int64})) == std::vector<double>{1, 2, 4, 8, 16});
  CHECK(logspace(0, 1, 2, 10, {.dtype = float64, .requires_grad = true}).requires_grad());
  CHECK(message_of<ValueError>([] { logspace(0, 1, -2); }) == "logspace: -2 steps");
  CHECK(message_of<ValueError>([] {
          logspace(0, 30, 2, 10, {.dtype = int32});
        }).starts_with("logspace: 1e+30 does not fit int32"));
}

TEST_CASE("rows and columns of triangles are those that tril and triu keep") {
  CHECK(values(tril_indices(2, 3)) == std::vector<double>{0, 1, 1, 0, 0, 1});
  CHECK(values(triu_indices(2, 3, 1)) == std::vector<double>{0, 0, 1, 1, 2, 2});
  CHECK(tril_indices(3, 3).dtype() == int64);
  for (std::int64_t row = 0; row < 5; ++row)
    for (std::int64_t col = 0; col < 5; ++col)
      for (std::int64_t offset = -6; offset <= 6; ++offset) {
        CAPTURE(row);
        CAPTURE(col);
        CAPTURE(offset);
        const Tensor all = ones({row, col});
        const auto places = [](const Tensor& kept) { return transpose(nonzero(kept), 0, 1); };
        CHECK(equal(tril_indices(row, col, offset), places(tril(all, offset)).contiguous()));
        CHECK(equal(triu_indices(row, col, offset), places(triu(all, offset)).contiguous()));
      }
  CHECK(tril_indices(100, 5, 0, {.dtype = uint8}).dtype() == uint8);
  CHECK(values(tril_indices(2, std::int64_t{1} << 62)) == std::vector<double>{0, 1, 1, 0, 0, 1});
  CHECK(message_of<ValueError>([] { tril_indices(-1, 2); }) == "tril_indices: a [-1, 2] matrix");
  CHECK(message_of<DTypeError>([] {
          triu_indices(300, 2, -300, {.dtype = uint8});
        }).starts_with("triu_indices: uint8 does not tell all whole numbers from 0 to 299 apart"));
}

TEST_CASE("random tensors have their distribution and repeat with the seed") {
  manual_seed(3);
  const Tensor u = rand({100000}, {.dtype = float64});
  const Tensor n = randn({100000}, {.dtype = float64});
  CHECK(mean(u).item() == doctest::Approx(0.5).epsilon(0.01));
  CHECK(var(u).item() == doctest::Approx(1.0 / 12).epsilon(0.02));
  CHECK(min(u).item() >= 0);
  CHECK(max(u).item() < 1);
  CHECK(std::abs(mean(n).item()) < 0.015);
  CHECK(var(n).item() == doctest::Approx(1).epsilon(0.02));
  CHECK(mean(pow(n, 4)).item() == doctest::Approx(3).epsilon(0.05));
  CHECK(max(rand({100000})).item() < 1);
  const Tensor k = randint(-2, 3, {1000});
  CHECK(min(k).item() == -2);
  CHECK(max(k).item() == 2);
  manual_seed(3);
  CHECK(equal(rand({100000}, {.dtype = float64}), u));
  const auto order = randperm(100).to_vector<std::int64_t>();
  CHECK(std::set(order.begin(), order.end()).size() == 100);
  CHECK(message_of<ValueError>([] { randint(3, 3, {1}); }).starts_with("randint: no whole number"));
}

TEST_CASE("dropout keeps the mean, does nothing outside training and repeats with the seed") {
  manual_seed(1);
  const Tensor x = ones({10000});
  const Tensor y = dropout(x, {.p = 0.25});
  CHECK(mean(y).item() == doctest::Approx(1).epsilon(0.03));
  CHECK(mean((y == 0).to(float32)).item() == doctest::Approx(0.25).epsilon(0.1));
  CHECK(equal(dropout(x, {.p = 0.25, .training = false}), x));
  CHECK(sum(dropout(x, {.p = 1})).item() == 0);
  manual_seed(1);
  CHECK(equal(dropout(x, {.p = 0.25}), y));
  CHECK(message_of<ValueError>([&] { dropout(x, {.p = 1.5}); }) ==
        "dropout: p is 1.5, it must lie in [0, 1]");
}
