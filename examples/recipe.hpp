#pragma once
// A recipe in numbers, with the command line's word on top.

#include <xgrad/train/trainer.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "command_line.hpp"
#include "data.hpp"

namespace examples {

/// SGD on all parameters, where it makes no optimisers itself.
struct Recipe {
  std::string net;  ///< for --net
  std::string name;
  std::int64_t batch;
  std::int64_t iterations = 0;
  std::int64_t epochs = 0;  ///< if positive, instead of iterations
  double lr = 0;
  double momentum = 0;
  double weight_decay = 0;
  /// The course's way: averaged momentum, batches drawn independently, constant rate. Otherwise
  /// Nesterov momentum, epochs, and a rate that rises over the first fifth and then falls to 0.
  bool assignment = false;
  double label_smoothing = 0;
  xgrad::datasets::Augmentation augment = {};
  std::vector<xgrad::datasets::View> views = {};  ///< the test's; none: images as they are
  /// Makes the optimisers for a size of batches.
  std::function<std::vector<xgrad::train::Part>(std::int64_t batch)> parts = {};
};

/// The numbers of each recipe, for --help.
std::vector<std::pair<std::string, std::string>> defaults_of(const std::vector<Recipe>& recipes);

/// Trains by xgrad::train::fit and prints the result; the exit code. `network` is what make_network
/// calls it.
int train(xgrad::nn::Module& net, const std::string& network, const Data& data,
          const Recipe& recipe, const Options& options);

/// The same for a network that knows its name.
template <class Net>
int train(Net&& net, const Data& data, const Recipe& recipe, const Options& options) {
  return train(net, net.name(), data, recipe, options);
}

}  // namespace examples
