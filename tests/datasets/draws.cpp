// What augmentations draw: every case comes up, both ends and all between, and as often as it is
// meant to. Pixels are computed again one by one.

#include <xgrad/datasets/augment.hpp>
#include <xgrad/datasets/transforms.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support.hpp"

using namespace support;
using namespace datasets;

namespace {

struct ImageSize {
  std::int64_t height, width, size;
};

/// A batch of pixels, to be read one by one.
class Pixels {
 public:
  explicit Pixels(const Tensor& images)
      : shape_(images.shape()), values_(images.to(float64).to_vector<double>()) {}
  double operator()(std::int64_t i, std::int64_t c, std::int64_t y, std::int64_t x) const {
    return values_[static_cast<std::size_t>(((i * shape_[1] + c) * shape_[2] + y) * shape_[3] + x)];
  }

 private:
  Shape shape_;
  std::vector<double> values_;
};

/// f(c, y, x) for every pixel of one image; whether all of them are true.
template <class F>
bool all_pixels(const Tensor& images, const F& f) {
  for (std::int64_t c = 0; c < images.size(1); ++c)
    for (std::int64_t y = 0; y < images.size(2); ++y)
      for (std::int64_t x = 0; x < images.size(3); ++x)
        if (!f(c, y, x)) return false;
  return true;
}

Tensor augmented(const Augmentation& augmentation, const Tensor& images, std::int64_t epoch = 0,
                 std::uint64_t seed = 7) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(images.size(0)));
  std::iota(numbers.begin(), numbers.end(), 0);
  return augmentation(images, {seed, epoch, numbers});
}

/// `total` draws among as many equal cases: none is off by more than five deviations.
void check_even(const std::vector<int>& counts, int total) {
  CHECK(std::accumulate(counts.begin(), counts.end(), 0) == total);
  const double p = 1 / static_cast<double>(counts.size());
  const double spread = std::sqrt(total * p * (1 - p));
  for (std::size_t i = 0; i < counts.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(counts[i] - total * p) <= 5 * spread);
    CHECK(counts[i] > 0);
  }
}

/// Reflected at the first and the last of n, neither of them twice.
std::int64_t mirrored(std::int64_t i, std::int64_t n) {
  while (i < 0 || i >= n) i = i < 0 ? -i : 2 * (n - 1) - i;
  return i;
}

}  // namespace

TEST_CASE("cutout: over 200 draws every place is cut, both ends and all between") {
  for (const ImageSize& e :
       {ImageSize{4, 5, 2}, {3, 3, 1}, {5, 2, 2}, {2, 6, 1}, {3, 4, 3}, {4, 4, 4}, {1, 1, 1}}) {
    CAPTURE(e.height);
    CAPTURE(e.width);
    CAPTURE(e.size);
    const Tensor images = ones({200, 2, e.height, e.width});
    const Pixels cut(augmented(augment::random_cutout(e.size), images));
    const std::int64_t columns = e.width - e.size + 1;
    std::vector<int> found(static_cast<std::size_t>((e.height - e.size + 1) * columns));
    for (std::int64_t i = 0; i < 200; ++i)
      for (std::size_t place = 0; place < found.size(); ++place) {
        const auto top = static_cast<std::int64_t>(place) / columns;
        const auto left = static_cast<std::int64_t>(place) % columns;
        const auto inside = [](std::int64_t at, std::int64_t begin, std::int64_t size) {
          return begin <= at && at < begin + size;
        };
        found[place] += all_pixels(images, [&](auto c, auto y, auto x) {
          return cut(i, c, y, x) == (inside(y, top, e.size) && inside(x, left, e.size) ? 0 : 1);
        });
      }
    check_even(found, 200);
  }
}

TEST_CASE("cutout leaves what is not cut as it was, in float64 too") {
  const Tensor images = uniform({50, 3, 4, 5}, 1, 2);
  const Pixels before(images);
  const Pixels cut(augmented(augment::random_cutout(2), images));
  for (std::int64_t i = 0; i < 50; ++i) {
    int zeros = 0;
    CHECK(all_pixels(images, [&](auto c, auto y, auto x) {
      zeros += cut(i, c, y, x) == 0;
      return cut(i, c, y, x) == 0 || cut(i, c, y, x) == before(i, c, y, x);
    }));
    CHECK(zeros == 3 * 2 * 2);
  }
}

TEST_CASE("translation by every offset is what it is pixel by pixel") {
  const Tensor image = uniform({1, 2, 4, 6}, 0, 1);
  const Pixels before(image);
  for (std::int64_t down = -3; down <= 3; ++down)
    for (std::int64_t right = -5; right <= 5; ++right) {
      CAPTURE(down);
      CAPTURE(right);
      const Pixels after(transforms::translate(down, right)(image));
      CHECK(all_pixels(image, [&](auto c, auto y, auto x) {
        return after(0, c, y, x) == before(0, c, mirrored(y - down, 4), mirrored(x - right, 6));
      }));
    }
}

TEST_CASE("random translation: every offset as often, none beyond, down and right apart") {
  const Tensor images = uniform({900, 1, 4, 5}, 0, 1);
  const Pixels before(images);
  for (const std::int64_t most : {0, 1, 2}) {
    CAPTURE(most);
    const Pixels after(augmented(augment::random_translate(most), images, 2));
    const std::int64_t side = 2 * most + 1;
    std::vector<int> found(static_cast<std::size_t>(side * side));
    for (std::int64_t i = 0; i < 900; ++i)
      for (std::size_t place = 0; place < found.size(); ++place) {
        const auto down = static_cast<std::int64_t>(place) / side - most;
        const auto right = static_cast<std::int64_t>(place) % side - most;
        found[place] += all_pixels(images, [&](auto c, auto y, auto x) {
          return after(i, c, y, x) == before(i, c, mirrored(y - down, 4), mirrored(x - right, 5));
        });
      }
    check_even(found, 900);
  }
}

TEST_CASE("flips: every example is mirrored in half of its epochs, every epoch half of them") {
  const Tensor images = arange(0, 100 * 2 * 3).reshape({100, 1, 2, 3}).to(float32);
  const Pixels before(images);
  std::vector<int> by_example(100);
  std::vector<std::vector<bool>> epochs;
  for (std::int64_t epoch = 0; epoch < 200; ++epoch) {
    const Pixels after(augmented(augment::random_flip(), images, epoch));
    epochs.emplace_back();
    for (std::int64_t i = 0; i < 100; ++i) {
      const bool flipped = after(i, 0, 0, 0) == before(i, 0, 0, 2);
      CHECK(all_pixels(images, [&](auto c, auto y, auto x) {
        return after(i, c, y, x) == before(i, c, y, flipped ? 2 - x : x);
      }));
      by_example[static_cast<std::size_t>(i)] += flipped;
      epochs.back().push_back(flipped);
    }
    const auto count = std::ranges::count(epochs.back(), true);
    CHECK(std::abs(static_cast<int>(count) - 50) <= 25);  // five deviations
  }
  for (const int count : by_example) CHECK(std::abs(count - 100) <= 36);
  // One epoch says nothing of the next.
  int same = 0;
  for (std::size_t e = 1; e < 200; ++e)
    for (std::size_t i = 0; i < 100; ++i) same += epochs[e][i] == epochs[e - 1][i];
  CHECK(std::abs(same - 199 * 50) <= 5 * 71);
}

TEST_CASE("the alternating flip alternates, with a side of its own for each example and seed") {
  const Tensor images = arange(0, 400 * 2).reshape({400, 1, 1, 2}).to(float32);
  const auto flipped = [&](std::int64_t epoch, std::uint64_t seed) {
    const Pixels after(augmented(augment::alternating_flip(), images, epoch, seed));
    std::vector<bool> all;
    for (std::int64_t i = 0; i < 400; ++i)
      all.push_back(after(i, 0, 0, 0) == static_cast<double>(2 * i + 1));
    return all;
  };
  const auto first = flipped(0, 1);
  CHECK(std::abs(static_cast<int>(std::ranges::count(first, true)) - 200) <= 50);
  auto other = first;
  other.flip();
  for (std::int64_t epoch = 0; epoch < 6; ++epoch)
    CHECK(flipped(epoch, 1) == (epoch % 2 == 0 ? first : other));
  int same = 0;
  const auto second = flipped(0, 2);
  for (std::size_t i = 0; i < 400; ++i) same += first[i] == second[i];
  CHECK(std::abs(same - 200) <= 50);
}

TEST_CASE("what different augmentations draw for one image is apart") {
  const Tensor images = uniform({900, 1, 3, 3}, 0, 1);
  const Pixels before(images);
  const Pixels turned(augmented(augment::random_flip(), images));
  const Pixels moved(augmented(augment::random_translate(1), images));
  // One of two places, as many as flips have, and one of three, as many as ways down.
  const Pixels cut(augmented(augment::random_cutout(2), images));
  const Pixels dotted(augmented(augment::random_cutout(1), images));
  std::vector<int> flip_and_down(6), flip_and_top(4), down_and_top(9);
  for (std::int64_t i = 0; i < 900; ++i) {
    const bool flipped = turned(i, 0, 0, 0) == before(i, 0, 0, 2);
    std::size_t row = 3;
    for (std::int64_t down = -1; down <= 1; ++down)
      for (std::int64_t right = -1; right <= 1; ++right)
        if (all_pixels(images, [&](auto c, auto y, auto x) {
              return moved(i, c, y, x) ==
                     before(i, c, mirrored(y - down, 3), mirrored(x - right, 3));
            }))
          row = static_cast<std::size_t>(down + 1);
    REQUIRE(row < 3);
    ++flip_and_down[(flipped ? 3 : 0) + row];
    const std::size_t top = cut(i, 0, 0, 1) == 0 ? 0 : 1;
    ++flip_and_top[(flipped ? 2 : 0) + top];
    std::size_t dot = 0;
    while (dot < 2 && dotted(i, 0, static_cast<std::int64_t>(dot), 0) != 0 &&
           dotted(i, 0, static_cast<std::int64_t>(dot), 1) != 0 &&
           dotted(i, 0, static_cast<std::int64_t>(dot), 2) != 0)
      ++dot;
    ++down_and_top[3 * row + dot];
  }
  check_even(flip_and_down, 900);
  check_even(flip_and_top, 900);
  check_even(down_and_top, 900);
}

TEST_CASE("composed augmentations are one after the other, and none changes what it is given") {
  const Tensor images = uniform({40, 2, 4, 4}, 1, 2);
  const Tensor kept = images.clone();
  const auto cut = augment::random_cutout(2);
  const auto turned = augment::random_flip();
  const auto moved = augment::random_translate(2);
  const Tensor both = augmented(augment::compose({cut, turned, moved}), images);
  CHECK(equal(both, augmented(moved, augmented(turned, augmented(cut, images)))));
  CHECK_FALSE(equal(both, augmented(augment::compose({moved, turned, cut}), images)));
  CHECK(equal(augmented(augment::compose({}), images), images));
  CHECK(equal(images, kept));
  CHECK(message_of<ValueError>([&] {
          augment::compose({cut, {}});
        }) == "compose: augmentation 1 is empty");
}
