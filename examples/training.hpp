#pragma once
// What the training examples share: options, the loop with its progress, Ctrl-C, saving, results.

#include <xgrad/datasets/dataset.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/optim/sgd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace examples {

/// Every hyper-parameter. A recipe fills in what the command line leaves open.
struct Options {
  std::string net = {};
  std::optional<std::int64_t> iterations = {};
  std::optional<std::int64_t> epochs = {};
  std::optional<std::int64_t> batch = {};
  std::optional<double> lr = {};
  std::optional<double> momentum = {};
  std::optional<double> weight_decay = {};
  std::uint64_t seed = 0;
  int threads = 0;
  std::string data = {};
  std::string save = {};
  std::string report = {};  ///< directory; none if empty
  std::string log = {};     ///< file; none if empty
  bool or_fashion = false;
};

/// How a network is trained, where the command line does not say otherwise.
struct Recipe {
  std::string name;
  std::int64_t batch;
  std::int64_t iterations;
  double lr;
  double momentum;
  double weight_decay;
  /// The course's way: averaged momentum, batches drawn independently, constant rate. Otherwise
  /// Nesterov momentum, epochs, and a rate that rises over the first fifth and then falls to 0.
  bool assignment;
};

/// The splits of a data set: to train on, to watch, to report.
struct Data {
  std::string name;
  xgrad::datasets::AnyDataset train;
  xgrad::datasets::AnyDataset validation;
  xgrad::datasets::AnyDataset test;
  std::vector<std::string> classes;
  xgrad::datasets::Transform to_picture;  ///< from what the network sees back to [0, 1]
};

/// Trains, evaluates, saves and prints; the exit code.
int train(xgrad::nn::Module& net, const Data& data, const Recipe& recipe, const Options& options);

/// A training program: what its command line offers, and what it does.
struct Program {
  std::string description;
  std::vector<std::string> nets;
  std::string save;             ///< default of --save
  bool offers_fashion = false;  ///< whether there is --or-fashion
  int (*run)(const Options&);
};

/// Reads the command line, sets threads and seed, and runs the program. An xgrad::Error becomes a
/// line on standard error and exit code 1.
int start(const Program& program, int argc, char** argv);

}  // namespace examples
