// Trains a network on CIFAR-10 (docs/cifar10.md).
//
//   cifar10                 the course assignment's network and settings: about 49 %
//   cifar10 --net improved  a deeper one with batch norm, augmentation and a schedule: about 90 %
//   cifar10 --net fast      a network and a recipe made for speed: about 94 %
//   cifar10 --net best      the same, wider and for longer

#include <xgrad/nn/nn.hpp>
#include <xgrad/optim/optim.hpp>

#include <algorithm>
#include <numeric>

#include "data.hpp"
#include "networks.hpp"
#include "training/training.hpp"

namespace nn = xgrad::nn;
namespace optim = xgrad::optim;
namespace augment = xgrad::datasets::augment;
namespace schedule = xgrad::optim::schedule;

namespace {

int train_baseline(const examples::Options& options) {
  const auto data = examples::assignment_cifar10(options);
  examples::AssignmentCIFAR net;
  return examples::train(net, data,
                         {.name = "the assignment's network and settings",
                          .network = net.name(),
                          .batch = 16,
                          .iterations = 5000,
                          .lr = 1e-3,
                          .momentum = 0.95,
                          .weight_decay = 0.001,
                          .assignment = true},
                         options);
}

int train_improved(const examples::Options& options) {
  const auto data = examples::cifar10(options, 5000);
  examples::VGG net(3, {32, 64, 128});
  return examples::train(
      net, data,
      {.name = "a deeper network with batch norm, augmentation and a schedule",
       .network = net.name(),
       .batch = 128,
       .epochs = 12,
       .lr = 0.2,
       .momentum = 0.9,
       .weight_decay = 0.0005,
       .augment = augment::compose({augment::random_flip(), augment::random_translate(3)})},
      options);
}

/// Muon turns the filters, SGD moves the rest; its rates are for the loss summed over a batch.
std::vector<examples::Part> airbench_optimizers(const examples::Airbench& net, std::int64_t batch) {
  const auto examples = static_cast<double>(batch);
  const auto sgd = [examples](std::vector<xgrad::Tensor> parameters, double lr) {
    constexpr double decay = 2e-6;  // of a step for each example, whatever the rate
    return std::make_shared<optim::SGD>(
        std::move(parameters),
        optim::SGDOptions{
            .lr = lr * examples, .momentum = 0.85, .weight_decay = decay / lr, .nesterov = true});
  };
  return {{sgd({net.whiten.bias}, 0.053), schedule::linear(1, 0, 3. / 8)},
          {sgd(net.biases(), 0.053), schedule::linear()},
          {sgd({net.head.weight}, 0.67), schedule::linear()},
          {std::make_shared<optim::Muon>(
               net.filters(),
               optim::MuonOptions{.lr = 0.24, .momentum = 0.6, .steps = 3, .normalize = true}),
           schedule::linear()}};
}

/// Jordan's record with Muon.
int train_airbench(const examples::Options& options, const std::vector<std::int64_t>& widths,
                   examples::Recipe recipe) {
  const auto data = examples::cifar10(options);
  examples::Airbench net(widths);
  std::vector<std::int64_t> first(
      static_cast<std::size_t>(std::min<std::int64_t>(5000, data.train->size())));
  std::iota(first.begin(), first.end(), 0);
  nn::init::whitening_(net.whiten.weight, data.train->batch(first).data);
  recipe.network = net.name();
  recipe.label_smoothing = 0.2;
  recipe.augment = augment::compose({augment::alternating_flip(), augment::random_translate(2)});
  recipe.views = xgrad::datasets::mirrored_and_shifted();
  recipe.parts = [&net](std::int64_t batch) { return airbench_optimizers(net, batch); };
  return examples::train(net, data, recipe, options);
}

int run(const examples::Options& options) {
  if (options.net == "improved") return train_improved(options);
  if (options.net == "fast")
    return train_airbench(
        options, {64, 256, 256},
        {.name = "a network and a recipe made for speed", .batch = 2000, .epochs = 12});
  if (options.net == "best")
    return train_airbench(options, {128, 384, 384},
                          {.name = "a wider network, for longer", .batch = 1000, .epochs = 20});
  return train_baseline(options);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::start(
      {.description =
           "Trains a network on CIFAR-10 and shows how good it is.\nWithout --net: baseline, "
           "the assignment's network and settings.\nWhat is not given comes from that "
           "recipe.",
       .nets = {"baseline", "improved", "fast", "best"},
       .save = "cifar10.safetensors",
       .holds_out = true,
       .run = run},
      argc, argv);
}
