#pragma once
// The data sets as the examples train on them.

#include <xgrad/train/trainer.hpp>

#include <cstdint>
#include <vector>

#include "command_line.hpp"

namespace examples {

/// What a network sees of a pixel v in [0, 1]: (v − mean) / deviation, for each channel.
struct Scale {
  std::vector<double> mean;
  std::vector<double> deviation;
};

struct Data {
  xgrad::train::Data splits;
  Scale scale;
};

/// MNIST, or Debian's Fashion-MNIST where --or-fashion allows it and MNIST is not to be had: images
/// less their mean pixel, 2,000 to validate.
Data digits(const Options& options);

/// The assignment's: the first 20,000 images, pixels 0 to 255 less the mean colour, the last 2,000
/// of the shuffled ones to validate.
Data assignment_cifar10(const Options& options);

/// All training images but `validated` of them, each channel with mean 0 and deviation 1. The split
/// is the same for every seed. --hold-out says how many and makes them the test.
Data cifar10(const Options& options, std::int64_t validated = 0);

}  // namespace examples
