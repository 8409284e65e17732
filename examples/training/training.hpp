#pragma once
// What the training examples share: options, the loop with its progress, Ctrl-C, saving, results.

#include <xgrad/datasets/augment.hpp>
#include <xgrad/datasets/views.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/optim/schedule.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace examples {

/// Every hyper-parameter. A recipe fills in what the command line leaves open.
struct Options {
  std::string net = {};
  std::optional<std::int64_t> iterations = {};
  std::optional<std::int64_t> epochs = {};
  std::optional<double> budget = {};  ///< seconds
  std::optional<std::int64_t> batch = {};
  std::optional<double> lr = {};
  std::optional<double> momentum = {};
  std::optional<double> weight_decay = {};
  std::optional<std::int64_t> hold_out = {};
  std::vector<std::string> without = {};  ///< pieces of the recipe to leave out
  std::uint64_t seed = 0;
  int threads = 0;
  std::string data = {};
  std::string save = {};
  bool half = false;             ///< half precision for the weights
  std::string report = {};       ///< directory; none if empty
  std::string log = {};          ///< file; none if empty
  std::string checkpoint = {};   ///< directory; none if empty
  double checkpoint_every = 60;  ///< seconds
  bool or_fashion = false;
};

/// Some of the parameters, in the hands of an optimiser, and how its learning rates change.
struct Part {
  std::shared_ptr<xgrad::optim::Optimizer> optimizer;
  xgrad::optim::Schedule schedule;
};

/// How a network is trained, where the command line does not say otherwise.
struct Recipe {
  std::string name;
  std::string network = {};  ///< what make_network calls it
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
  /// Makes the optimisers for a size of batches; without it, SGD on all parameters as the numbers
  /// above say.
  std::function<std::vector<Part>(std::int64_t batch)> parts = {};
};

/// What a network sees of a pixel v in [0, 1]: (v − mean) / deviation, for each channel.
struct Scale {
  std::vector<double> mean;
  std::vector<double> deviation;
};

/// The splits of a data set: to train on, to watch, to report.
struct Data {
  std::string name;
  xgrad::datasets::AnyDataset train;
  std::optional<xgrad::datasets::AnyDataset> validation;  ///< none where nothing is held out
  xgrad::datasets::AnyDataset test;
  std::vector<std::string> classes;
  /// What `test` is: not "test" where held-out images stand in for it, so that the choice of a
  /// recipe never sees the test images.
  std::string tested_on = "test";
  Scale scale;
};

/// Trains, evaluates, saves and prints; the exit code.
int train(xgrad::nn::Module& net, const Data& data, const Recipe& recipe, const Options& options);

/// A training program: what its command line offers, and what it does.
struct Program {
  std::string description;
  std::vector<std::string> nets;
  std::string save;                      ///< default of --save
  bool offers_fashion = false;           ///< whether there is --or-fashion
  bool holds_out = false;                ///< whether there is --hold-out
  std::vector<std::string> pieces = {};  ///< what --without can leave out
  int (*run)(const Options&);
};

/// Reads the command line, sets threads and seed, and runs the program. An xgrad::Error becomes a
/// line on standard error and exit code 1.
int start(const Program& program, int argc, char** argv);

}  // namespace examples
