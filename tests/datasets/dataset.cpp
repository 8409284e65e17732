#include <xgrad/datasets/datasets.hpp>

#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "support.hpp"

using namespace support;
using namespace xgrad::datasets;

TEST_CASE("tensors, subsets and splits") {
  const TensorDataset all(arange(10).to(float32).reshape({10, 1}), arange(10));
  CHECK(all.size() == 10);
  CHECK(all[3].data.shape() == Shape{1});
  CHECK(all[3].target.item<int>() == 3);
  const std::vector<std::int64_t> chosen{7, 2};
  CHECK(values(all.batch(chosen).target) == std::vector<double>{7, 2});
  const Subset part(all, {9, 8, 7});
  CHECK(part.size() == 3);
  CHECK(part[1].target.item<int>() == 8);
  const auto parts = random_split(all, {7, 3}, 1);
  std::set<std::int64_t> seen;
  for (const auto& subset : parts)
    for (std::int64_t i = 0; i < subset.size(); ++i)
      seen.insert(subset[i].target.item<std::int64_t>());
  CHECK(seen.size() == 10);
  const auto again = random_split(all, {7, 3}, 1);
  CHECK(again[1][0].target.item<int>() == parts[1][0].target.item<int>());
}

TEST_CASE("fractions split as numbers do") {
  const TensorDataset all(zeros({10, 1}), arange(10));
  auto [train, test] = random_split(all, {0.75, 0.25}, 1);  // 7 and 2, and one more for the first
  CHECK(train.size() == 8);
  CHECK(test.size() == 2);
  auto [first, second] = random_split(all, {8, 2}, 1);
  for (std::int64_t i = 0; i < 2; ++i)
    CHECK(test[i].target.item<int>() == second[i].target.item<int>());
  CHECK(first.size() == 8);
  const auto thirds = random_split(all, {1. / 3, 1. / 3, 1. / 3, 0.});
  CHECK(thirds[0].size() == 4);
  CHECK(thirds[2].size() == 3);
  CHECK(thirds[3].size() == 0);
  CHECK(message_of<ValueError>([&] {
          random_split(all, {0.8, 0.3});
        }) == "random_split: fractions 0.8, 0.3 add up to 1.1, not 1");
  CHECK(message_of<ValueError>([&] {
          random_split(all, {1.5, -0.5});
        }) == "random_split: fraction 1.5, it must lie in [0, 1]");
  CHECK_THROWS_AS(random_split(all, {double(NAN), 1.}), ValueError);
}

TEST_CASE("a data set of one's own gives one example at a time") {
  struct Squares : Dataset {
    std::int64_t size() const override { return 5; }
    Batch get(std::int64_t i) const override { return {full({2}, i), full({}, i * i)}; }
  };
  const Squares squares;
  CHECK(squares[3].target.item<int>() == 9);
  DataLoader loader(squares, {.batch_size = 4});
  const Batch one = *loader.begin();
  CHECK(one.data.shape() == Shape{4, 2});
  CHECK(values(one.target) == std::vector<double>{0, 1, 4, 9});
  CHECK(message_of<ValueError>([&] { squares[5]; }) == "Dataset: no example 5, there are 5");

  struct Nothing : Dataset {
    std::int64_t size() const override { return 1; }
  };
  CHECK(message_of<Error>([&] { Nothing()[0]; }) ==
        "Dataset: one's own overrides batch() or get()");
}

TEST_CASE("wrong uses are told") {
  CHECK_THROWS_AS(TensorDataset(zeros({3, 1}), zeros({2})), ShapeError);
  const TensorDataset all(zeros({3, 1}), zeros({3}));
  CHECK(message_of<ValueError>([&] { all[3]; }) == "TensorDataset: no example 3, there are 3");
  CHECK_THROWS_AS(Subset(all, {3}), ValueError);
  CHECK(message_of<ValueError>([&] {
          random_split(all, {1, 1});
        }) == "random_split: sizes 1, 1 do not add up to the 3 examples");
}

TEST_CASE("sizes near 2⁶³ are told, or mean all there is") {
  constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  const TensorDataset all(zeros({3, 1}), zeros({3}));
  // Their sum in 64 bits is 3.
  CHECK(message_of<ValueError>([&] {
          random_split(all, {largest, largest, 5});
        }) ==
        "random_split: sizes 9223372036854775807, 9223372036854775807, 5 do not add up to "
        "the 3 examples");
  for (const bool shuffle : {false, true}) {
    DataLoader loader(all, {.batch_size = largest, .shuffle = shuffle, .seed = 1});
    CHECK(loader.size() == 1);
    for (const auto& [data, target] : loader) CHECK(data.size(0) == 3);
  }
  CHECK_THROWS_AS(DataLoader(all, {.batch_size = largest, .drop_last = true}), ValueError);
  CHECK_THROWS_AS(DataLoader(all, {.batch_size = largest, .independent_batches = 1}), ValueError);
}

TEST_CASE("images have as many pixels and labels as they say") {
  const auto make = [](std::int64_t count, std::int64_t height, std::int64_t width) {
    return ImageDataset({count, 1, height, width, {1, 2, 3, 4, 5, 6, 7, 8}, {0, 1}}, {"a", "b"});
  };
  CHECK(make(2, 2, 2).size() == 2);
  CHECK(message_of<ShapeError>([&] { make(2, 2, 3); }) ==
        "ImageDataset: 8 pixels and 2 labels do not fill images [2, 1, 2, 3]");
  CHECK(message_of<ShapeError>([&] { make(1, 2, 4); }) ==
        "ImageDataset: 8 pixels and 2 labels do not fill images [1, 1, 2, 4]");
  CHECK_THROWS_AS(make(2, std::int64_t{1} << 62, 4), ShapeError);
  CHECK_THROWS_AS(make(2, -2, -2), ShapeError);
}

TEST_CASE("images come as float32 in [0, 1], then transformed") {
  Images images{.count = 2, .channels = 1, .height = 1, .width = 2};
  images.pixels = {0, 255, 51, 102};
  images.labels = {3, 4};
  ImageDataset data(images, {"a"});
  const std::vector<std::int64_t> both{0, 1};
  CHECK(data.batch(both).data.shape() == Shape{2, 1, 1, 2});
  CHECK(values(data.batch(both).data)[1] == 1);
  CHECK(values(data.batch(both).target) == std::vector<double>{3, 4});
  data.set_transform(
      transforms::compose({transforms::scale(255), transforms::normalize({51}, {51})}));
  CHECK(values(data.batch(both).data)[2] == doctest::Approx(0));
  CHECK(values(data.batch(both).data)[3] == doctest::Approx(1));
  CHECK_THROWS_AS(transforms::normalize({1}, {0}), ValueError);
  CHECK_THROWS_AS(transforms::normalize({1, 2}, {1}), ValueError);
  CHECK_THROWS_AS(transforms::normalize({1, 2, 3}, {1, 1, 1})(zeros({1, 2, 4, 4})), ShapeError);
  const Tensor rgb = transforms::normalize({1, 2}, {1, 2})(full({1, 2, 1, 1}, 4.0));
  CHECK(values(rgb) == std::vector<double>{3, 1});
}
