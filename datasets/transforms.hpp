#pragma once
#include <xgrad/datasets/dataset.hpp>

#include <cstdint>
#include <span>
#include <vector>

/// Transforms of image batches [N, C, H, W] (or single images [C, H, W]).
#pragma GCC visibility push(default)

namespace xgrad::datasets::transforms {

/// x · factor: scale(255) undoes the division of images by 255.
Transform scale(double factor);
/// (x − mean) / std for each channel; one number stands for all channels. ValueError unless both
/// have the same length and every std is positive.
Transform normalize(const std::vector<double>& mean, const std::vector<double>& std);
/// The opposite, x · std + mean: from what a network sees back to images.
Transform denormalize(const std::vector<double>& mean, const std::vector<double>& std);
/// How far an image moves, in pixels: down and to the right where positive.
struct Offset {
  std::int64_t down;
  std::int64_t right;
};
/// Moves each image [C, H, W] of a batch by an offset of its own; what comes in is the image
/// reflected at its border, without the border repeated. ShapeError unless there is one offset for
/// each image and all are smaller than the images.
Tensor translated(const Tensor& images, std::span<const Offset> offsets);
/// All images by one offset.
Transform translate(std::int64_t down, std::int64_t right);
/// Images of height × width. Every new pixel is a mean of the old ones around it, weighted by a
/// triangle that reaches to the next pixel of the coarser of the two grids, so that shrinking skips
/// nothing (Pillow's "bilinear", torchvision's Resize with antialias). ValueError for sizes
/// below 1.
Transform resize(std::int64_t height, std::int64_t width);
/// One after the other. ValueError for an empty one.
Transform compose(std::vector<Transform> transforms);

}  // namespace xgrad::datasets::transforms

#pragma GCC visibility pop
