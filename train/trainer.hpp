#pragma once
// The training loop as one call. What it is made of can be had one by one, for a loop of your own:
// Interrupts, Length, CheckpointFile, Journal, optim::Scheduler, report::Progress.

#include <xgrad/datasets/augment.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/datasets/views.hpp>
#include <xgrad/nn/batch_parallel.hpp>
#include <xgrad/nn/module.hpp>
#include <xgrad/nn/state.hpp>
#include <xgrad/optim/schedule.hpp>
#include <xgrad/report/run.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::train {

/// The splits of a data set: to train on, to watch, to report.
struct Data {
  std::string name;
  datasets::AnyDataset train;
  std::optional<datasets::AnyDataset> validation = {};  ///< none where nothing is held out
  datasets::AnyDataset test;
  /// Of a classifier, whose targets are their numbers: accuracy is measured beside the loss. Empty:
  /// the loss alone.
  std::vector<std::string> classes = {};
  /// What `test` is: not "test" where held-out examples stand in for it, so that the choice of a
  /// recipe never sees the test examples.
  std::string tested_on = "test";
  /// Turns images into [0, 1] for pictures: the opposite of their normalisation.
  datasets::Transform to_picture = {};
};

/// Some of the parameters, in the hands of an optimiser, and how its learning rates change.
struct Part {
  std::shared_ptr<optim::Optimizer> optimizer;
  optim::Schedule schedule = optim::schedule::constant();
};

/// How a network is trained. Of iterations, epochs and seconds one is given.
struct Recipe {
  std::string name;
  std::vector<Part> parts = {};  ///< at least one
  std::int64_t batch = 32;
  std::int64_t iterations = 0;
  std::int64_t epochs = 0;
  std::optional<double> seconds = {};
  /// Of the network's output and the targets; by default cross_entropy.
  std::function<Tensor(const Tensor& output, const Tensor& target)> loss = {};
  /// Each batch is drawn from all examples, independently of the others, instead of in epochs.
  bool independent_batches = false;
  datasets::Augmentation augment = {};
  /// Shares the batches among processes: a distributed::DataParallel of the network. The first
  /// process alone prints, validates, tests and writes.
  std::shared_ptr<nn::BatchParallel> parallel = {};
  std::vector<datasets::View> views = {};  ///< the test's; none: images as they are
  /// Iterations between validations; 0: an epoch, or a twentieth of the seconds.
  std::int64_t validate_every = 0;
  double weight_decay = 0;  ///< for the loss with its penalty, that is shown at each validation
  /// More that a reader has to know, and that a run must agree in to go on from a checkpoint.
  report::Configuration settings = {};
};

/// Where a training leaves what it made; what is empty is left out.
struct Outputs {
  std::string save = {};  ///< file of the weights
  nn::SaveOptions saving = {};
  std::string report = {};  ///< directory of a page, live while the training goes on
  std::string log = {};     ///< file of JSON lines
  std::string checkpoint =
      {};  ///< directory; with a checkpoint in it the training goes on from there
  double checkpoint_every = 60;  ///< seconds
  bool print = true;             ///< progress and results, on standard output
};

struct Result {
  std::int64_t iterations = 0;
  double seconds = 0;  ///< of the training steps alone
  double examples_per_second = 0;
  double loss = 0;                                    ///< mean over the test examples
  std::optional<report::Evaluation> evaluation = {};  ///< of a classifier, in the first process
  int signal = 0;                           ///< that ended the training before its time; else 0
  std::vector<std::string> not_saved = {};  ///< why weights, page or log are not whole
};

/// Trains, tests, saves and shows. Ctrl-C ends the training, not the program: what there is by then
/// is tested and saved, and with a checkpoint the same call goes on from there, to the same bits as
/// if nothing had happened. ValueError where the recipe does not fit the data, and where the loss
/// is no number any more; IOError where something cannot be written or another training writes to
/// the checkpoint, before the first step; what cannot be written after it is in the result.
///
///     auto optimizer = std::make_shared<optim::AdamW>(net.parameters(), {.lr = 1e-3});
///     train::fit(net, {.name = "Digits", .train = train, .test = test, .classes =
///     train.classes()},
///                {.name = "AdamW", .parts = {{optimizer, optim::schedule::cosine(0.05)}},
///                 .batch = 64, .epochs = 10},
///                {.save = "digits.safetensors", .report = "digits"});
Result fit(nn::Module& net, const Data& data, const Recipe& recipe, const Outputs& outputs = {});

}  // namespace xgrad::train

#pragma GCC visibility pop
