#pragma once
#include <xgrad/datasets/dataset.hpp>

#include <vector>

/// Transforms of image batches [N, C, H, W] (or single images [C, H, W]).
namespace xgrad::datasets::transforms {

/// x · factor: scale(255) undoes the division of images by 255.
Transform scale(double factor);
/// (x − mean) / std for each channel; one number stands for all channels. ValueError unless both
/// have the same length and every std is positive.
Transform normalize(const std::vector<double>& mean, const std::vector<double>& std);
/// The opposite, x · std + mean: from what a network sees back to images.
Transform denormalize(const std::vector<double>& mean, const std::vector<double>& std);
/// One after the other.
Transform compose(std::vector<Transform> transforms);

}  // namespace xgrad::datasets::transforms
