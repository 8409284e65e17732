// Trains a network on MNIST.
//
//   mnist                  the assignment's network and settings: 3,000 iterations of batch 16,
//                          about 97.5 %
//   mnist --epochs 12      the same network with a schedule: about 99.3 %
//   mnist --net best       a deeper one with augmentation: about 99.7 %

#include "networks.hpp"
#include "recipe.hpp"

namespace {

const examples::Recipe baseline{.net = "baseline",
                                .name = "the assignment's network and settings",
                                .batch = 16,
                                .iterations = 3000,
                                .lr = 0.1,
                                .momentum = 0.9,
                                .weight_decay = 0.005,
                                .assignment = true};
const examples::Recipe tuned{.net = "tuned",
                             .name = "the assignment's network on a schedule",
                             .batch = 64,
                             .iterations = 9000,
                             .lr = 0.05,
                             .momentum = 0.9,
                             .weight_decay = 0.0005};
const examples::Recipe best{.net = "best",
                            .name = "a deeper network with batch norm and augmentation",
                            .batch = 128,
                            .epochs = 20,
                            .lr = 0.1,
                            .momentum = 0.9,
                            .weight_decay = 0.0005,
                            .label_smoothing = 0.1,
                            .augment = xgrad::datasets::augment::random_translate(2)};

int run(const examples::Options& options) {
  const auto data = examples::digits(options);
  if (options.net == "best")
    return examples::train(examples::VGG(1, {32, 64, 128}), data, best, options);
  examples::AssignmentMNIST net;
  if (options.net == "tuned" || (options.net.empty() && options.epochs))
    return examples::train(net, data, tuned, options);
  net.assignment_init();
  return examples::train(net, data, baseline, options);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::start(
      {.description =
           "Trains a network on MNIST and shows how good it is.\n"
           "Without --net: baseline, the assignment's settings; with --epochs: tuned, a schedule.",
       .nets = examples::defaults_of({baseline, tuned, best}),
       .save = "mnist.safetensors",
       .offers_fashion = true,
       .run = run},
      argc, argv);
}
