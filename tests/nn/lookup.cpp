// Embeddings.

#include <xgrad/nn/nn.hpp>

#include <cmath>

#include "nn/layers.hpp"
#include "support.hpp"

using namespace support;

TEST_CASE("an embedding gives the rows of its weight") {
  check_layer(
      "Embedding", nn::Embedding{5, 3}, tensor({{0, 4}, {2, 2}}),
      [](const nn::Embedding& layer, const Tensor& x) { return embedding(layer.weight, x); });
  nn::Embedding layer{5, 3};
  CHECK(state_of(layer) == std::vector<std::string>{"weight [5, 3]"});
  CHECK(equal(layer(tensor({3}))[0], layer.weight[3]));
  manual_seed(1);
  const nn::Embedding large{1000, 100};
  CHECK(std::abs(large.weight.mean().item()) < 4 / std::sqrt(1e5));
  CHECK(std::abs(large.weight.var().item() - 1) < 4 * std::sqrt(2 / 1e5));
}

TEST_CASE("the padding row starts at 0 and is not trained") {
  nn::Embedding layer{4, 2, {.padding_idx = -3}};
  CHECK(values(layer.weight[1]) == std::vector<double>{0, 0});
  layer(tensor({0, 1, 1, 3, 3})).sum().backward();
  CHECK(values(layer.weight.grad()) == std::vector<double>{1, 1, 0, 0, 0, 0, 2, 2});
}

TEST_CASE("an embedding of rows that are there shares them") {
  const Tensor rows = normal({4, 2}).to(float32);
  const nn::Embedding frozen = nn::Embedding::from_pretrained(rows);
  CHECK_FALSE(frozen.weight.requires_grad());
  CHECK(equal(frozen.weight, rows));
  rows[0].fill_(7);
  CHECK(values(frozen.weight[0]) == std::vector<double>{7, 7});
  nn::Embedding trained = nn::Embedding::from_pretrained(rows, false, {.padding_idx = 0});
  CHECK(trained.weight.requires_grad());
  CHECK(values(trained.weight[0]) == std::vector<double>{7, 7});  // as it was given
  trained(tensor({0, 1})).sum().backward();
  CHECK(values(trained.weight.grad()) == std::vector<double>{0, 0, 1, 1, 0, 0, 0, 0});
}

TEST_CASE("rows above max_norm are scaled down to it where they lie") {
  const auto made = [](const nn::EmbeddingOptions& options) {
    return nn::Embedding::from_pretrained(tensor({{3., 4.}, {0.3, 0.4}, {6., 8.}}), false, options);
  };
  nn::Embedding layer = made({.max_norm = 1});
  const Tensor y = layer(tensor({{0, 1}, {0, 0}}));
  CHECK(allclose(y[0], tensor({{0.6, 0.8}, {0.3, 0.4}}), 0, 1e-7));
  CHECK(allclose(layer.weight, tensor({{0.6, 0.8}, {0.3, 0.4}, {6., 8.}}), 0, 1e-6));
  y.sum().backward();
  CHECK(values(layer.weight.grad()) == std::vector<double>{3, 3, 1, 1, 0, 0});
  nn::Embedding by_sums = made({.max_norm = 1, .norm_type = 1});
  CHECK(allclose(by_sums(tensor({2})), tensor({{6 / 14., 8 / 14.}}), 0, 1e-6));
  const Tensor before = layer.weight.clone();
  CHECK_THROWS_AS(layer(tensor({2, 9})), Error);
  CHECK(equal(layer.weight, before));
}

TEST_CASE("gradients by frequency are divided by how often a row is named") {
  nn::Embedding layer{3, 2, {.scale_grad_by_freq = true}};
  const Tensor y = layer(tensor({{0, 2}, {2, 2}}));
  CHECK(equal(y[1][0], layer.weight[2]));
  (y * tensor({{{1.F}, {2.F}}, {{3.F}, {4.F}}})).sum().backward();
  CHECK(values(layer.weight.grad()) == std::vector<double>{1, 1, 0, 0, 3, 3});
  const NoGradGuard guard;
  CHECK(layer(tensor({1})).shape() == Shape{1, 2});
}

TEST_CASE("embeddings refuse sizes and options when they are made") {
  CHECK(message_of<ValueError>([] {
          nn::Embedding{0, 3};
        }) == "Embedding: 0 rows of 3; both must be positive");
  CHECK(message_of<ValueError>([] {
          nn::Embedding{4, 3, {.padding_idx = 4}};
        }) == "embedding: padding_idx 4 of a weight [4, 3], which has 4 rows");
  CHECK(message_of<ValueError>([] {
          nn::Embedding{4, 3, {.max_norm = 0}};
        }) == "Embedding: max_norm is 0; it must be above 0");
  CHECK(message_of<ValueError>([] {
          nn::Embedding{4, 3, {.norm_type = std::nan("")}};
        }) == "Embedding: norm_type is nan; it must be a number");
  CHECK(message_of<ShapeError>([] { nn::Embedding::from_pretrained(zeros({3})); }) ==
        "embedding: the weight has shape [3]; it is [rows, width]");
  nn::Embedding empty;
  CHECK(message_of<ValueError>([&] { empty(tensor({1})); }) ==
        "net (Embedding): Embedding: used before it was made; give it its sizes, as in "
        "nn::Embedding{1000, 64}");
  nn::Embedding layer{4, 3};
  CHECK(message_of<DTypeError>([&] { layer(tensor({1.F})); }) ==
        "net (Embedding): embedding: the indices are float32, they must be int64");
}
