#pragma once
#include <xgrad/datasets/dataset.hpp>
#include <xgrad/nn/module.hpp>

#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::datasets {

/// A way to look at images, and how much what is seen there counts.
struct View {
  double weight;
  Transform transform;
};

/// Test-time augmentation as in Jordan's records (arXiv:2404.00498): each image and its mirror
/// image count a half; of each half, the unshifted image counts a half, and the image shifted by
/// `pixels` up and left, and down and right, a quarter each. With 0 pixels, the two alone.
std::vector<View> mirrored_and_shifted(std::int64_t pixels = 1);

/// Σ weight · net(transform(images)): the average of what the network says of all views, where the
/// weights add up to 1. ValueError without views.
Tensor average_views(nn::Module& net, const Tensor& images, const std::vector<View>& views);

}  // namespace xgrad::datasets

#pragma GCC visibility pop
