// Trains the course assignment's network on MNIST.
//
//   mnist                  the assignment's settings: 3,000 iterations of batch 16, about 98 %
//   mnist --epochs 12      the same network with a schedule: about 99 %

#include <xgrad/autograd/error.hpp>
#include <xgrad/datasets/mnist.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/nn/nn.hpp>
#include <xgrad/ops/ops.hpp>

#include <cstdlib>
#include <numeric>

#include "training.hpp"
#include <fmt/format.h>

namespace nn = xgrad::nn;
namespace datasets = xgrad::datasets;

namespace {

struct Net : nn::Module {
  nn::Conv2d conv1 = add("conv1", nn::Conv2d{1, 16, 5, {.padding = 2}});
  nn::MaxPool2d pool1 = add("pool1", nn::MaxPool2d{2});
  nn::Conv2d conv2 = add("conv2", nn::Conv2d{16, 16, 5, {.padding = 2}});
  nn::MaxPool2d pool2 = add("pool2", nn::MaxPool2d{2});
  nn::Linear fc = add("fc", nn::Linear{16 * 7 * 7, 10});

  xgrad::Tensor forward(const xgrad::Tensor& images) override {
    auto x = pool1(xgrad::relu(conv1(images)));
    x = pool2(xgrad::relu(conv2(x)));
    return fc(x.flatten(1));
  }

  void assignment_init() {
    nn::init::assignment_(conv1.weight, 5 * 5 * 3);  // the course's code counts three channels
    nn::init::assignment_(conv2.weight, 5 * 5 * 16);
    nn::init::assignment_(fc.weight, 16 * 7 * 7);
    for (const auto& bias : {conv1.bias, conv2.bias, fc.bias}) nn::init::zeros_(bias);
  }
};

/// The mean pixel of the given images, in [0, 1].
double mean_pixel(const datasets::ImageDataset& data, const std::vector<std::int64_t>& chosen) {
  const auto& images = data.images();
  const std::int64_t each = images.height * images.width;
  std::int64_t sum = 0;
  for (auto i : chosen)
    sum = std::accumulate(images.pixels.begin() + i * each, images.pixels.begin() + (i + 1) * each,
                          sum);
  return static_cast<double>(sum) / 255 / static_cast<double>(each) /
         static_cast<double>(chosen.size());
}

template <class Set>
examples::Data load(const std::string& name, const examples::Options& options) {
  Set all({.split = "train", .root = options.data});
  Set test({.split = "test", .root = options.data});
  // The last 2,000 of the shuffled images validate; the mean is that of the others.
  const auto order = xgrad::randperm(all.size()).template to_vector<std::int64_t>();
  const auto held_out = order.end() - std::min<std::int64_t>(2000, all.size() / 2);
  const std::vector<std::int64_t> chosen(order.begin(), held_out);
  const std::vector<double> mean{mean_pixel(all, chosen)};
  const auto centre = datasets::transforms::normalize(mean, {1});
  all.set_transform(centre);
  test.set_transform(centre);
  return {name,
          datasets::Subset(all, chosen),
          datasets::Subset(all, std::vector<std::int64_t>(held_out, order.end())),
          test,
          all.classes(),
          "test",
          datasets::transforms::denormalize(mean, {1})};
}

examples::Data load_or_fall_back(const examples::Options& options) {
  try {
    return load<datasets::MNIST>("MNIST", options);
  } catch (const xgrad::IOError&) {
    if (!options.or_fashion || !options.data.empty() || std::getenv("XGRAD_DATA")) throw;
    fmt::print("MNIST is not to be had here, so this is Fashion-MNIST, from {}\n",
               datasets::debian_fashion_mnist);
    examples::Options installed = options;
    installed.data = datasets::debian_fashion_mnist;
    return load<datasets::FashionMNIST>("Fashion-MNIST", installed);
  }
}

int run(const examples::Options& options) {
  const auto data = load_or_fall_back(options);
  const bool assignment = options.net == "baseline" || (options.net.empty() && !options.epochs);
  Net net;
  if (assignment) {
    net.assignment_init();
    return examples::train(net, data,
                           {.name = "the assignment's network and settings",
                            .batch = 16,
                            .iterations = 3000,
                            .lr = 0.1,
                            .momentum = 0.9,
                            .weight_decay = 0.005,
                            .assignment = true},
                           options);
  }
  return examples::train(net, data,
                         {.name = "the assignment's network on a schedule",
                          .batch = 64,
                          .iterations = 9000,
                          .lr = 0.05,
                          .momentum = 0.9,
                          .weight_decay = 0.0005,
                          .assignment = false},
                         options);
}

}  // namespace

int main(int argc, char** argv) {
  return examples::start(
      {.description = "Trains the assignment's network on MNIST and shows how good it is.\nWithout "
                      "--net: baseline, the assignment's settings; with --epochs: tuned, a "
                      "schedule.\nWhat is not given comes from that recipe.",
       .nets = {"baseline", "tuned"},
       .save = "mnist.safetensors",
       .offers_fashion = true,
       .run = run},
      argc, argv);
}
