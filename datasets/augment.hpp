#pragma once
#include <xgrad/autograd/random.hpp>
#include <xgrad/datasets/dataset.hpp>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

/// What an augmentation may depend on besides the images. Random numbers come from the seed, the
/// epoch and the example alone, so that neither the batch an example falls into nor the number of
/// threads changes them, and a training that goes on after a stop sees what it would have seen.
struct Draw {
  std::uint64_t seed;
  std::int64_t epoch;
  std::span<const std::int64_t> examples;  ///< the number of each image of the batch

  /// The random numbers of the i-th image. `purpose` keeps augmentations of one image apart.
  /// ValueError where there is no such image.
  Generator generator(std::size_t i, std::uint64_t purpose) const;
  /// Those that stay the same in every epoch.
  Generator lasting_generator(std::size_t i, std::uint64_t purpose) const;
};

/// Changes training images [N, C, H, W] on their way out of a DataLoader, after the data set's own
/// transform.
using Augmentation = std::function<Tensor(const Tensor& images, const Draw& draw)>;

namespace augment {

/// Mirrors each image, left to right, with probability 1/2.
Augmentation random_flip();
/// Mirrors each image with probability 1/2 in epoch 0, and from then on in every epoch when it did
/// not in the last: two epochs see each image both ways (Jordan, arXiv:2404.00498).
Augmentation alternating_flip();
/// Shifts each image by up to `pixels` in both directions, every offset alike; what comes in is the
/// image reflected at its border, without the border repeated. ValueError for a negative number,
/// ShapeError for images not larger than it.
Augmentation random_translate(std::int64_t pixels);
/// Sets a square of `size` pixels to 0, its place drawn so that all of it lies inside (DeVries and
/// Taylor, arXiv:1708.04552, whose squares may stick out). ValueError, ShapeError likewise.
Augmentation random_cutout(std::int64_t size);
/// One after the other. ValueError for an empty one.
Augmentation compose(std::vector<Augmentation> augmentations);

}  // namespace augment
}  // namespace xgrad::datasets

#pragma GCC visibility pop
