#pragma once
// What the training examples share: options, the loop with its progress, Ctrl-C, saving, results.

#include <xgrad/datasets/dataset.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/optim/sgd.hpp>

#include <cstdint>
#include <functional>
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
  bool fashion_fallback = false;  ///< mnist only
};

/// How a network is trained, where the command line does not say otherwise.
struct Recipe {
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
  xgrad::datasets::AnyDataset train;
  xgrad::datasets::AnyDataset validation;
  xgrad::datasets::AnyDataset test;
  std::vector<std::string> classes;
};

/// Starts the program again with a shorter wait between parallel parts, unless the environment says
/// how to wait. libgomp reads that before main, and by default its threads spin for milliseconds at
/// every barrier: beside one other busy program on two cores, training came to a standstill.
void wait_briefly(char** argv);

/// Reads the command line into `options`. The exit code if the program is to end: help, or an
/// error.
std::optional<int> parse(int argc, char** argv, const std::string& description,
                         const std::vector<std::string>& nets, Options& options);

/// Trains, evaluates, saves and prints; the exit code.
int train(xgrad::nn::Module& net, const Data& data, const Recipe& recipe, const Options& options);

/// Runs `body`; an xgrad::Error becomes a line on standard error and exit code 1.
int guarded(const std::function<int()>& body);

}  // namespace examples
