#include <xgrad/datasets/augment.hpp>
#include <xgrad/datasets/loader.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/datasets/views.hpp>
#include <xgrad/nn/shape.hpp>

#include <limits>
#include <numeric>

#include "support.hpp"

using namespace support;
using namespace datasets;

namespace {

/// Images 0, 1, … as one batch of an epoch.
Tensor augmented(const Augmentation& augmentation, const Tensor& images, std::int64_t epoch,
                 std::uint64_t seed = 7) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(images.size(0)));
  std::iota(numbers.begin(), numbers.end(), 0);
  return augmentation(images, {seed, epoch, numbers});
}

/// How many images are exactly those of `other`.
int alike(const Tensor& images, const Tensor& other) {
  int count = 0;
  for (std::int64_t i = 0; i < images.size(0); ++i) count += equal(images[i], other[i]);
  return count;
}

const Tensor& samples() {
  static const Tensor images = normal({400, 2, 4, 5}).to(float32);
  return images;
}

}  // namespace

TEST_CASE("flips: half of the images, mirrored exactly") {
  const Tensor& images = samples();
  const Tensor mirrored = images.flip({3});
  const Tensor random = augmented(augment::random_flip(), images, 0);
  const int kept = alike(random, images);
  CHECK(kept + alike(random, mirrored) == 400);
  CHECK(kept > 150);
  CHECK(kept < 250);
  CHECK_FALSE(equal(random, augmented(augment::random_flip(), images, 1)));
  CHECK_FALSE(equal(random, augmented(augment::random_flip(), images, 0, 8)));
  CHECK(equal(random, augmented(augment::random_flip(), images, 0)));
}

TEST_CASE("the alternating flip shows each image both ways in two epochs") {
  const Tensor& images = samples();
  const Tensor first = augmented(augment::alternating_flip(), images, 0);
  const int kept = alike(first, images);
  CHECK(kept > 150);
  CHECK(kept < 250);
  CHECK(equal(augmented(augment::alternating_flip(), images, 1), first.flip({3})));
  CHECK(equal(augmented(augment::alternating_flip(), images, 2), first));
}

TEST_CASE("translation reflects at the border") {
  const Tensor image = arange(0, 12).reshape({1, 1, 3, 4}).to(float32);
  const auto moved = [&](std::int64_t down, std::int64_t right) {
    return transforms::translate(down, right)(image).reshape({3, 4});
  };
  CHECK(equal(moved(0, 0), image.reshape({3, 4})));
  CHECK(equal(moved(1, 0), tensor({{4., 5., 6., 7.}, {0., 1., 2., 3.}, {4., 5., 6., 7.}})));
  CHECK(equal(moved(0, 2), tensor({{2., 1., 0., 1.}, {6., 5., 4., 5.}, {10., 9., 8., 9.}})));
  CHECK(equal(moved(-1, -1), tensor({{5., 6., 7., 6.}, {9., 10., 11., 10.}, {5., 6., 7., 6.}})));
  CHECK_THROWS_AS(moved(3, 0), ShapeError);
}

TEST_CASE("random translation: every offset about as often, each image its own") {
  const Tensor& images = samples();
  const Tensor moved = augmented(augment::random_translate(1), images, 3);
  int total = 0;
  for (const std::int64_t down : {-1, 0, 1})
    for (const std::int64_t right : {-1, 0, 1}) {
      const int count = alike(moved, transforms::translate(down, right)(images));
      CHECK(count > 20);
      CHECK(count < 75);
      total += count;
    }
  CHECK(total == 400);
  CHECK(equal(augmented(augment::random_translate(0), images, 3), images));
}

TEST_CASE("cutout: one square of zeros in all channels") {
  const Tensor cut = augmented(augment::random_cutout(2), ones({100, 2, 4, 5}), 0);
  for (std::int64_t i = 0; i < 100; ++i) CHECK(sum(cut[i]).item() == 40 - 8);
  CHECK(min(sum(cut, {0, 1})).item() < 200);  // no place is spared
  CHECK(equal(augmented(augment::random_cutout(0), samples(), 0), samples()));
}

TEST_CASE("an example's augmentation depends on seed, epoch and number alone") {
  const Tensor& images = samples();
  const auto both = augment::compose({augment::random_flip(), augment::random_translate(2)});
  const Tensor together = augmented(both, images, 5);
  const std::vector<std::int64_t> chosen{17, 3};
  const Tensor apart = both(stack({images[17], images[3]}), {7, 5, chosen});
  CHECK(equal(apart[0], together[17]));
  CHECK(equal(apart[1], together[3]));
}

TEST_CASE(
    "an example's augmentation is its seed's, epoch's and number's for ever, large ones too") {
  const Tensor images = uniform({8, 1, 7, 7}, 0, 1).to(float32);
  const auto drawn = [&](std::uint64_t seed, std::int64_t epoch, std::int64_t first) {
    std::vector<std::int64_t> numbers(8);
    std::iota(numbers.begin(), numbers.end(), first);
    return augment::random_translate(3)(images, {seed, epoch, numbers});
  };
  // One bit of a number, wherever it stands, is another draw.
  const Tensor usual = drawn(7, 0, 100);
  for (int bit = 0; bit < 62; ++bit) {
    CAPTURE(bit);
    CHECK_FALSE(equal(drawn(7 ^ std::uint64_t{1} << bit, 0, 100), usual));
    if (bit > 7) CHECK_FALSE(equal(drawn(7, 0, 100 + (std::int64_t{1} << bit)), usual));
  }
  const auto places = [&](std::uint64_t seed, std::int64_t first) {
    const Tensor moved = drawn(seed, 1, first);
    std::string found;
    for (std::int64_t i = 0; i < 8; ++i)
      found += std::to_string(argmin(abs(moved[i] - images[i][0][3][3])).item<int>()) + " ";
    return found;
  };
  CHECK(places(0x123456789ABCDEFULL, 0x23456789AB) == "29 0 3 4 22 0 17 28 ");
}

TEST_CASE("a loader's batches are the same for any workers, and from any batch on") {
  const TensorDataset data(samples(), arange(0, 400));
  const auto all = [&](int workers, std::int64_t epoch, std::int64_t first) {
    DataLoader loader(data, {.batch_size = 64,
                             .shuffle = true,
                             .seed = 5,
                             .workers = workers,
                             .augment = augment::random_translate(1)});
    loader.set_epoch(epoch, first);
    std::vector<Tensor> batches;
    for (const auto& [images, labels] : loader) batches.push_back(images);
    return batches;
  };
  const auto whole = all(0, 2, 0);
  REQUIRE(whole.size() == 7);
  const auto check = [&](const std::vector<Tensor>& batches, std::size_t first) {
    REQUIRE(batches.size() == whole.size() - first);
    for (std::size_t i = 0; i < batches.size(); ++i) CHECK(equal(batches[i], whole[first + i]));
  };
  check(all(3, 2, 0), 0);
  check(all(2, 2, 4), 4);
  check(all(0, 2, 7), 7);
  CHECK_FALSE(equal(all(0, 3, 0)[0], whole[0]));
  DataLoader loader(data, {.batch_size = 64});
  CHECK_THROWS_AS(loader.set_epoch(0, 8), ValueError);
}

TEST_CASE("views are weighted; mirrored and shifted ones make a net blind to mirroring") {
  nn::Flatten flat;
  const Tensor& images = samples();
  CHECK(equal(average_views(flat, images, {{1, [](const Tensor& x) { return x; }}}),
              flatten(images, 1)));
  const auto seen = [&](const Tensor& x) {
    return average_views(flat, x, mirrored_and_shifted(1));
  };
  CHECK(allclose(seen(images), seen(images.flip({3})), 1e-5, 1e-6));
  CHECK(allclose(average_views(flat, ones({2, 1, 4, 4}), mirrored_and_shifted(1)), ones({2, 16})));
  CHECK(allclose(average_views(flat, images, mirrored_and_shifted(0)),
                 flatten((images + images.flip({3})) / 2, 1), 1e-5, 1e-6));
  CHECK_THROWS_AS(average_views(flat, images, {}), ValueError);
}

TEST_CASE("offsets of any size are an error, whatever is drawn") {
  constexpr std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  const Tensor images = ones({1, 1, 3, 3});
  for (const std::int64_t offset :
       {lowest, lowest + 1, std::int64_t{-3}, std::int64_t{3}, -(lowest + 1)}) {
    const std::vector<transforms::Offset> down{{offset, 0}}, right{{0, offset}};
    CHECK_THROWS_AS(transforms::translated(images, down), ShapeError);
    CHECK_THROWS_AS(transforms::translated(images, right), ShapeError);
  }
  // No matter whether an offset of all 3 pixels comes up.
  for (std::int64_t epoch = 0; epoch < 20; ++epoch)
    for (const std::int64_t pixels : {std::int64_t{3}, std::int64_t{1} << 62, -(lowest + 1)})
      CHECK_THROWS_AS(augmented(augment::random_translate(pixels), images, epoch), ShapeError);
  CHECK_THROWS_AS(mirrored_and_shifted(lowest), ValueError);
}

TEST_CASE("what cannot be augmented is an error") {
  CHECK_THROWS_AS(augment::random_translate(-1), ValueError);
  CHECK_THROWS_AS(augment::random_cutout(-1), ValueError);
  CHECK_THROWS_AS(augmented(augment::random_cutout(5), samples(), 0), ShapeError);
  CHECK_THROWS_AS(augmented(augment::random_translate(4), samples(), 0), ShapeError);
  for (const Shape& narrow : {Shape{2, 1, 2, 5}, Shape{2, 1, 5, 2}}) {
    CHECK_THROWS_AS(augmented(augment::random_translate(2), ones(narrow), 0), ShapeError);
    CHECK_THROWS_AS(augmented(augment::random_cutout(3), ones(narrow), 0), ShapeError);
    augmented(augment::random_translate(1), ones(narrow), 0);
    augmented(augment::random_cutout(2), ones(narrow), 0);
  }
  CHECK_THROWS_AS(augmented(augment::random_flip(), ones({3, 4}), 0), ShapeError);
}
