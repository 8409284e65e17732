#pragma once
// Trained networks in files, and how a picture is made to fit one.

#include <xgrad/nn/state.hpp>

#include <memory>
#include <string>
#include <vector>

#include "data.hpp"

namespace examples {

struct Model {
  std::unique_ptr<xgrad::nn::Module> net;  ///< in evaluation mode
  std::vector<std::string> classes;
  Scale scale;
  xgrad::Shape image;  ///< [C, H, W]
};

/// From a file that a training program saved, or by the name of one of those in models/: "cifar10",
/// "mnist". IOError where there is none, or it does not say what it is.
Model load_model(const std::string& name_or_path);

/// What the file of a network says of it besides its weights.
xgrad::nn::Metadata describe_model(const std::string& network, const Data& data);

/// A picture [C, H, W] as [C, h, w] of the network's size: the largest square in its middle for
/// photographs; for digits (one channel), the ink alone, bright on dark, in MNIST's proportions.
/// ValueError where nothing is drawn.
xgrad::Tensor fit(const xgrad::Tensor& picture, const xgrad::Shape& image);

}  // namespace examples
