// Trains a network on CIFAR-10.
//
//   cifar10                the course assignment's network and settings: about 48 %
//   cifar10 --net fast     a network and a recipe made for speed: about 94 % in minutes

#include <xgrad/autograd/error.hpp>
#include <xgrad/datasets/datasets.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <algorithm>
#include <numeric>

#include "networks.hpp"
#include "training.hpp"
#include <fmt/format.h>

namespace nn = xgrad::nn;
namespace datasets = xgrad::datasets;
namespace optim = xgrad::optim;
namespace schedule = xgrad::optim::schedule;
namespace transforms = xgrad::datasets::transforms;

namespace {

/// The mean of each channel over all images, on the scale 0 to 255.
std::vector<double> mean_rgb(const datasets::Images& images) {
  const std::int64_t plane = images.height * images.width;
  std::vector<double> means;
  for (std::int64_t c = 0; c < images.channels; ++c) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < images.count; ++i) {
      const auto begin = images.pixels.begin() + (i * images.channels + c) * plane;
      sum = std::accumulate(begin, begin + plane, sum);
    }
    means.push_back(static_cast<double>(sum) / static_cast<double>(images.count * plane));
  }
  return means;
}

/// The assignment's data: the first 20,000 images, pixels 0 to 255 less the mean colour, the last
/// 2,000 of the shuffled ones to validate.
examples::Data assignment_data(const examples::Options& options) {
  datasets::CIFAR10 all({.split = "train", .root = options.data}, 2);
  datasets::CIFAR10 test({.split = "test", .root = options.data});
  const auto mean = mean_rgb(all.images());
  const std::vector<double> one{1, 1, 1};
  const auto centre =
      transforms::compose({transforms::scale(255), transforms::normalize(mean, one)});
  all.set_transform(centre);
  test.set_transform(centre);
  const std::int64_t held_out = std::min<std::int64_t>(2000, all.size() / 2);
  auto parts = datasets::random_split(all, {all.size() - held_out, held_out});
  return {"CIFAR-10",
          parts[0],
          parts[1],
          test,
          all.classes(),
          "test",
          transforms::compose({transforms::denormalize(mean, one), transforms::scale(1. / 255)})};
}

/// All training images, or what --hold-out leaves of them, each channel normalised. The split is
/// the same for every seed.
examples::Data all_data(const examples::Options& options) {
  const std::vector<double> mean{0.4914, 0.4822, 0.4465};
  const std::vector<double> deviation{0.2470, 0.2435, 0.2616};
  datasets::CIFAR10 all({.split = "train", .root = options.data});
  datasets::CIFAR10 test({.split = "test", .root = options.data});
  all.set_transform(transforms::normalize(mean, deviation));
  test.set_transform(transforms::normalize(mean, deviation));
  examples::Data data{
      "CIFAR-10", all, {}, test, all.classes(), "test", transforms::denormalize(mean, deviation)};
  if (const auto held_out = options.hold_out.value_or(0); held_out > 0) {
    if (held_out >= all.size())
      throw xgrad::ValueError(
          fmt::format("--hold-out {} leaves none of the {} training images", held_out, all.size()));
    auto parts = datasets::random_split(all, {all.size() - held_out, held_out}, 0);
    data.train = parts[0];
    data.validation = parts[1];
    data.test = parts[1];
    data.tested_on = "held-out";
  }
  return data;
}

int train_baseline(const examples::Options& options) {
  const auto data = assignment_data(options);
  examples::AssignmentCIFAR net;
  return examples::train(net, data,
                         {.name = "the assignment's network and settings",
                          .batch = 16,
                          .iterations = 5000,
                          .lr = 1e-3,
                          .momentum = 0.95,
                          .weight_decay = 0.001,
                          .assignment = true},
                         options);
}

/// Muon turns the filters, SGD moves the rest; rates are for the mean loss of a batch of 2,000.
std::vector<examples::Part> fast_optimizers(const examples::Airbench& net) {
  constexpr double bias_lr = 0.053 * 2000;
  constexpr double head_lr = 0.67 * 2000;
  constexpr double decay = 2e-6;  // of a step, whatever the rate
  const auto sgd = [](std::vector<xgrad::Tensor> parameters, double lr) {
    return std::make_shared<optim::SGD>(
        std::move(parameters),
        optim::SGDOptions{
            .lr = lr, .momentum = 0.85, .weight_decay = 2000 * decay / lr, .nesterov = true});
  };
  return {{sgd({net.whiten.bias}, bias_lr), schedule::linear(1, 0, 3. / 8)},
          {sgd(net.biases(), bias_lr), schedule::linear()},
          {sgd({net.head.weight}, head_lr), schedule::linear()},
          {std::make_shared<optim::Muon>(
               net.filters(),
               optim::MuonOptions{.lr = 0.24, .momentum = 0.6, .steps = 3, .normalize = true}),
           schedule::linear()}};
}

/// Jordan's record with Muon.
int train_fast(const examples::Options& options) {
  const auto data = all_data(options);
  examples::Airbench net;
  std::vector<std::int64_t> first(
      static_cast<std::size_t>(std::min<std::int64_t>(5000, data.train->size())));
  std::iota(first.begin(), first.end(), 0);
  nn::init::whitening_(net.whiten.weight, data.train->batch(first).data);
  const std::int64_t batch = options.batch.value_or(2000);
  return examples::train(
      net, data,
      {.name = "a network and a recipe made for speed",
       .batch = batch,
       .iterations = 8 * (data.train->size() / batch),
       .lr = 0.24,
       .momentum = 0.6,
       .weight_decay = 0,
       .assignment = false,
       .label_smoothing = 0.2,
       .augment = datasets::augment::compose(
           {datasets::augment::alternating_flip(), datasets::augment::random_translate(2)}),
       .views = datasets::mirrored_and_shifted(),
       .parts = [&net] { return fast_optimizers(net); }},
      options);
}

int run(const examples::Options& options) {
  return options.net == "fast" ? train_fast(options) : train_baseline(options);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::start(
      {.description =
           "Trains a network on CIFAR-10 and shows how good it is.\nWithout --net: baseline, "
           "the assignment's network and settings.\nWhat is not given comes from that "
           "recipe.",
       .nets = {"baseline", "fast"},
       .save = "cifar10.safetensors",
       .holds_out = true,
       .run = run},
      argc, argv);
}
