// Trains the course assignment's network on CIFAR-10: about 48 % after 5,000 iterations.

#include <xgrad/datasets/cifar10.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/ops/ops.hpp>

#include <numeric>

#include "training.hpp"

namespace nn = xgrad::nn;
namespace datasets = xgrad::datasets;

namespace {

struct Net : nn::Module {
  nn::Conv2d conv1 = add("conv1", nn::Conv2d{3, 16, 5, {.padding = 2}});
  nn::MaxPool2d pool1 = add("pool1", nn::MaxPool2d{2});
  nn::Conv2d conv2 = add("conv2", nn::Conv2d{16, 16, 5, {.padding = 2}});
  nn::Linear fc = add("fc", nn::Linear{16 * 16 * 16, 10});

  xgrad::Tensor forward(const xgrad::Tensor& images) override {
    auto x = pool1(xgrad::relu(conv1(images)));
    x = xgrad::relu(conv2(x));
    return fc(x.flatten(1));
  }

  void assignment_init() {
    nn::init::assignment_(conv1.weight, 5 * 5 * 3, 0.1);
    nn::init::assignment_(conv2.weight, 5 * 5 * 16, 0.1);
    nn::init::assignment_(fc.weight, 16 * 16 * 16);
    for (const auto& bias : {conv1.bias, conv2.bias, fc.bias}) nn::init::zeros_(bias);
  }
};

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
examples::Data load(const examples::Options& options) {
  datasets::CIFAR10 all({.split = "train", .root = options.data}, 2);
  datasets::CIFAR10 test({.split = "test", .root = options.data});
  const auto mean = mean_rgb(all.images());
  const std::vector<double> one{1, 1, 1};
  const auto centre = datasets::transforms::compose(
      {datasets::transforms::scale(255), datasets::transforms::normalize(mean, one)});
  all.set_transform(centre);
  test.set_transform(centre);
  const std::int64_t held_out = std::min<std::int64_t>(2000, all.size() / 2);
  auto parts = datasets::random_split(all, {all.size() - held_out, held_out});
  return {"CIFAR-10",
          parts[0],
          parts[1],
          test,
          all.classes(),
          datasets::transforms::compose({datasets::transforms::denormalize(mean, one),
                                         datasets::transforms::scale(1. / 255)})};
}

int run(const examples::Options& options) {
  const auto data = load(options);
  Net net;
  net.assignment_init();
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

}  // namespace

int main(int argc, char** argv) {
  return examples::start(
      {.description = "Trains the assignment's network on CIFAR-10 and shows how good it is.",
       .nets = {"baseline"},
       .save = "cifar10.safetensors",
       .run = run},
      argc, argv);
}
